"""What a plan writes: configs, grid.json and links, each whole, and nothing twice."""

import json
import os
from pathlib import Path

import pytest

from crossemo.errors import CrossEmoError
from crossemo.grids.plan import Axis, Plan, Run


def plan_of(logs: Path, *labels: str, name: str = "mine") -> Plan:
    runs = tuple(
        Run(
            f"{number:012x}",
            label,
            {"encoder": label},
            (f"--config={logs}/runs/{number:012x}/a.yaml", "--data.fold=0"),
            {"a.yaml": f"model: {label}\n"},
        )
        for number, label in enumerate(labels)
    )
    axes = (Axis("encoder", ("model.encoder",), labels),)
    return Plan(name, logs, runs, axes, {"a.yaml": "model: {grid: […]}"}, ("--x=1",))


@pytest.mark.parametrize("name", ["mine", "deep/er"])
def test_runs_are_described_and_linked(tmp_path: Path, name: str) -> None:
    plan = plan_of(tmp_path, "one", "two", name=name)
    plan.write()
    content = json.loads((tmp_path / name / "grid.json").read_text("utf-8"))
    assert content == {
        "crossemo": content["crossemo"],
        "name": name,
        "configs": {"a.yaml": "model: {grid: […]}"},
        "words": ["--x=1"],
        "axes": [
            {"name": "encoder", "keys": ["model.encoder"], "values": ["one", "two"]}
        ],
        "runs": [
            {
                "digest": f"{number:012x}",
                "label": label,
                "axes": {"encoder": label},
                "words": [
                    f"--config={tmp_path}/runs/{number:012x}/a.yaml",
                    "--data.fold=0",
                ],
            }
            for number, label in enumerate(("one", "two"))
        ],
    }
    for number, label in enumerate(("one", "two")):
        home = tmp_path / "runs" / f"{number:012x}"
        assert (tmp_path / name / label).resolve() == home.resolve()
        assert not os.path.isabs(os.readlink(tmp_path / name / label))
        assert (home / "a.yaml").read_text() == f"model: {label}\n"


def test_links_are_those_of_the_plan_and_nothing_else_goes(tmp_path: Path) -> None:
    plan_of(tmp_path, "one", "two").write()
    folder = tmp_path / "mine"
    (folder / "version_0").mkdir()
    (folder / "mine.txt").symlink_to(tmp_path / "elsewhere")
    plan_of(tmp_path, "two", "three").write()  # two is another run by now
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["grid.json", "mine.txt", "three", "two", "version_0"]
    assert os.readlink(folder / "two") == "../runs/000000000000"


def test_what_is_written_already_is_not_touched(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, "one", "two")
    plan.write()
    paths = [path for path in tmp_path.rglob("*") if not path.is_dir()]
    before = [path.lstat().st_mtime_ns for path in paths]
    plan.write()
    assert [path.lstat().st_mtime_ns for path in paths] == before
    assert sorted(p for p in tmp_path.rglob("*") if not p.is_dir()) == sorted(paths)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("no folder")
    with pytest.raises(CrossEmoError, match="choose another folder with --logs"):
        plan_of(tmp_path, "one").write()
