"""The order of the house: what may import what."""

import ast
import re
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Groups of rooms, from the ground up. A room may import rooms of its own group and of
# those before it; inside a group no imports go round in a circle.
GROUPS = {
    "ground": {"errors", "version", "files", "progress", "cache", "audio", "emotions"},
    "numbers": {"metrics", "distances"},
    "corpora and tasks": {"corpora", "tasks"},
    "data": {"data"},
    "encoders": {"encoders"},
    "features": {"features"},
    "parts of a model": {"mix", "heads"},
    "reports": {"report", "runs"},
    "shared models": {"sharing"},
    "analyses": {
        "audits",
        "checks",
        "judging",
        "layerwise",
        "probes",
        "recognition",
        "recognizer",
        "similarity",
        "stages",
        "studies",
    },
    "commands": {"callbacks", "commands", "grids", "cli", "__main__"},
}
PLACE = {room: place for place, rooms in enumerate(GROUPS.values()) for room in rooms}
WITHOUT_LIGHTNING = {
    "audio",
    "corpora",
    "distances",
    "emotions",
    "features",
    "heads",
    "metrics",
    "mix",
    "studies",
    "tasks",
}
FILES = sorted((ROOT / "crossemo").rglob("*.py"))


def room(path: Path) -> str:
    parts = path.relative_to(ROOT / "crossemo").with_suffix("").parts
    return parts[0]


def imports(path: Path) -> set[str]:
    modules = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "crossemo":
            modules |= {f"crossemo.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules.add(node.module)
        elif isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
    return modules


def rooms_of(path: Path) -> set[str]:
    """Return the other rooms that a file imports."""
    modules = [m.split(".") for m in imports(path) if m.startswith("crossemo.")]
    return {parts[1] for parts in modules} - {room(path)}


def test_every_room_has_its_group() -> None:
    assert len(GROUPS) <= 11
    assert {room(path) for path in FILES} - {"__init__"} == set(PLACE)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_nothing_reaches_back(path: Path) -> None:
    if path == ROOT / "crossemo" / "__init__.py":
        pytest.skip("the public names come from everywhere")
    for other in rooms_of(path):
        assert PLACE[other] <= PLACE[room(path)], other


def test_no_imports_go_round_in_a_circle() -> None:
    needs: dict[str, set[str]] = {name: set() for name in PLACE}
    for path in FILES:
        if path != ROOT / "crossemo" / "__init__.py":
            needs[room(path)] |= rooms_of(path)
    TopologicalSorter(needs).prepare()  # raises CycleError


def test_no_file_name_stands_in_two_rooms() -> None:
    free = {"commands", "callbacks", "report"}  # where a file may name what it serves
    names = [
        path.name
        for path in FILES
        if room(path) not in free and path.name not in ("__init__.py", "base.py")
    ]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_rooms_below_the_recogniser_know_nothing_of_lightning(path: Path) -> None:
    if room(path) in WITHOUT_LIGHTNING:
        assert not {m for m in imports(path) if m.split(".")[0] == "lightning"}


@pytest.mark.parametrize("name", ["metrics", "distances"])
def test_numbers_need_torch_and_scipy_alone(name: str) -> None:
    libraries = {"torch", "torchmetrics", "scipy"} | sys.stdlib_module_names
    for path in (ROOT / "crossemo" / name).glob("*.py"):
        assert rooms_of(path) == set()
        roots = {module.split(".")[0] for module in imports(path)}
        assert roots <= libraries | {"crossemo"}, path


def test_the_data_know_no_encoder() -> None:
    for path in (ROOT / "crossemo" / "data").glob("*.py"):
        assert not {m for m in imports(path) if m.startswith("crossemo.encoders")}


def test_the_headline_score_is_named_in_one_file() -> None:
    names = {
        str(path.relative_to(ROOT))
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.search(r"(^|/)UA([/_ ]|$)", node.value)
    }
    assert names == {"crossemo/metrics/names.py"}
