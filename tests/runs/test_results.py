import json
from pathlib import Path

from crossemo.runs.results import write_results
from crossemo.version import __version__


def test_results_come_back_as_plain_json(tmp_path: Path) -> None:
    nothing = float("nan"), float("inf"), -float("inf")
    content = {"a": nothing, "b": (1, 2.5), "c": {"path": tmp_path}}
    write_results(tmp_path, content)
    expected = {"a": [None] * 3, "b": [1, 2.5], "c": {"path": str(tmp_path)}}
    text = (tmp_path / "results.json").read_text()
    assert json.loads(text) == {"crossemo": __version__, **expected}
