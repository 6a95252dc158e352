"""The order of the house: what may import what, and that the docs keep up."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# A room may import itself and what stands before it.
ORDER = [
    "errors",
    "files",
    "cache",
    "emotions",
    "audio",
    "corpora",
    "splits",
    "data",
    "encoders",
    "layers",
    "metrics",
    "heads",
    "acoustics",
    "packed",
    "kept",
    "features",
    "frames",
    "embeddings",
    "similarity",
    "optimization",
    "stages",
    "clock",
    "selection",
    "checkpoints",
    "staged",
    "scores",
    "probes",
    "layerwise",
    "recognizer",
    "report",
    "runs",
    "folders",
    "compared",
    "callbacks",
    "parser",
    "experiments",
    "cli",
    "__main__",
]
WITHOUT_LIGHTNING = {
    "acoustics",
    "audio",
    "corpora",
    "emotions",
    "heads",
    "layers",
    "metrics",
}
FILES = sorted((ROOT / "crossemo").rglob("*.py"))


def room(path: Path) -> str:
    parts = path.relative_to(ROOT / "crossemo").with_suffix("").parts
    return parts[0]


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def test_every_room_has_its_place() -> None:
    assert {room(path) for path in FILES} - {"__init__"} == set(ORDER)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_nothing_reaches_back(path: Path) -> None:
    if path == ROOT / "crossemo" / "__init__.py":
        pytest.skip("the public names come from everywhere")
    own = ORDER.index(room(path))
    for module in imports(path):
        if module.startswith("crossemo."):
            assert ORDER.index(module.split(".")[1]) <= own, module


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_rooms_below_the_recogniser_know_nothing_of_lightning(path: Path) -> None:
    if room(path) in WITHOUT_LIGHTNING:
        assert not {m for m in imports(path) if m.split(".")[0] == "lightning"}


def test_the_data_know_no_encoder() -> None:
    for path in (ROOT / "crossemo" / "data").glob("*.py"):
        assert not {m for m in imports(path) if m.startswith("crossemo.encoders")}


def test_ci_runs_the_readme_s_test_command() -> None:
    readme = (ROOT / "README.md").read_text()
    command = re.search(r"<!-- test -->\n```bash\n(.*)\n```", readme)
    assert command
    assert "pytest" in command[1]
    # The script takes the command out of the README itself.
    assert "<!-- test -->" in (ROOT / ".ci" / "run").read_text()


def test_the_readme_names_every_encoder_and_config() -> None:
    from crossemo.encoders import CATALOGUE

    readme = (ROOT / "README.md").read_text()
    for name in CATALOGUE:
        assert f"`{name}`" in readme
    configs = ROOT / "configs"
    for config in (*configs.glob("*.yaml"), *configs.glob("layerwise/*.yaml")):
        assert str(config.relative_to(ROOT)) in readme


def test_the_changelog_and_the_citation_know_the_version() -> None:
    from crossemo import __version__

    assert f"version: {__version__}" in (ROOT / "CITATION.cff").read_text()
