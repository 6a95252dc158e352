import json
from pathlib import Path

import pytest

from crossemo.errors import CrossEmoError
from crossemo.runs.results import read_results, write_results
from crossemo.version import __version__


def test_results_come_back_as_plain_json(tmp_path: Path) -> None:
    nothing = float("nan"), float("inf"), -float("inf")
    content = {"a": nothing, "b": (1, 2.5), "c": {"path": tmp_path}}
    write_results(tmp_path, content)
    expected = {"a": [None] * 3, "b": [1, 2.5], "c": {"path": str(tmp_path)}}
    assert read_results(tmp_path) == {"crossemo": __version__, **expected}
    assert json.loads((tmp_path / "results.json").read_text())["b"] == [1, 2.5]


def test_a_folder_without_results_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CrossEmoError, match="holds no results that can be read"):
        read_results(tmp_path)
    (tmp_path / "results.json").write_text("{")
    with pytest.raises(CrossEmoError, match="holds no results that can be read"):
        read_results(tmp_path)
