"""The paper's configs: what they plan, and each with a value of every axis, run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from crossemo.grids.expansion import Document, expand
from tests.corpora.trees import official_trees
from tests.shell import CONFIGS, results, run

TREES = official_trees()
PAPERS = sorted((CONFIGS / "paper").glob("*.yaml"))
SIZES = {  # runs of two stages, of layers, of distances
    "demo": 4 * 2 * 2 * 6 * 2 + 2 + 2 * 2 * 2,
    "ravdess": 4 * 2 * 4 * 6 * 2 + 4 + 4 * 2 * 2,
    "iemocap_emopia": 4 * 2 * 4 * 5 * 2 + 4 + 4 * 2 * 2,
}
EXHIBITS = ("Two stages", "Layers", "Distances", "Methods", "References")


def small(value: Any, roots: Mapping[str, Path], encoder: str) -> Any:
    """Return a document with one value of each choice, made small.

    Args:
        value: The document, below the kinds of its runs.
        roots: Where corpora lie, by class.
        encoder: The encoder that stands for all.
    """
    if isinstance(value, list):
        return [small(one, roots, encoder) for one in value]
    if not isinstance(value, dict):
        return value
    if "grid" in value:
        return small(value["grid"][0], roots, encoder)
    if "zip" in value:  # the last strategy but one, the first direction
        (name,) = value["zip"]
        place = {"strategy": -2, "direction": 0}[name]
        return small(value["zip"][name][place], roots, encoder)
    made = {key: small(one, roots, encoder) for key, one in value.items()}
    fewer = {"encoder": encoder, "max_epochs": 1, "folds": 3}
    made |= {key: fewer[key] for key in fewer.keys() & made.keys()}
    if value.get("class_path") in roots:
        made["init_args"]["root"] = str(roots[value["class_path"]])
    return made


def test_every_paper_s_size_is_known() -> None:
    assert {path.stem for path in PAPERS} == set(SIZES)


@pytest.mark.parametrize("path", PAPERS, ids=lambda path: path.stem)
def test_a_paper_s_runs_are_all_that_it_promises(path: Path) -> None:
    document = Document(path.name, yaml.safe_load(path.read_text()))
    assert len(expand([document])) == SIZES[path.stem]


@pytest.mark.parametrize("path", PAPERS, ids=lambda path: path.stem)
def test_a_paper_runs_to_its_report(
    path: Path,
    here: Path,
    ravdess: Path,
    wav2vec2: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    roots = {"RAVDESS": ravdess}
    if path.stem == "iemocap_emopia":
        for name in ("IEMOCAP", "EMOPIA"):
            roots[name] = here / name
            roots[name].mkdir()
            TREES[name.lower()].write(roots[name])
    kinds = yaml.safe_load(path.read_text())["grid"]
    made = {"grid": [small(one, roots, str(wav2vec2)) for one in kinds]}
    for one in made["grid"]:
        one["trainer"] = {"accelerator": "cpu"}
    Path("small.yaml").write_text(yaml.safe_dump(made))
    run("grid", "small.yaml", "--jobs=2", monkeypatch=monkeypatch)
    homes = sorted((here / "logs" / "runs").iterdir())
    assert len(homes) == len(kinds)
    stages = [results(home / "version_0").get("stages") for home in homes]
    assert sorted(map(bool, stages)) == [False, True, True]
    run("report", "logs/small", monkeypatch=monkeypatch)
    page = (here / "logs" / "small" / "report" / "report.html").read_text("utf-8")
    for exhibit in EXHIBITS:
        assert f">{exhibit}" in page, exhibit
