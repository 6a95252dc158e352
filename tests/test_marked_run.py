"""Whatever shows scores of an encoder says by which of their corpora it was trained."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants
from matplotlib.figure import Figure

from crossemo.encoders import training_records
from crossemo.report import saving
from tests.encoders.hub import fill_cache
from tests.shell import results, run
from tests.test_side_doors_run import demo, probes

SOURCE = "https://example.org/card"
RECORDS = f"""
owner/tuned: [{{corpus: demo, how: fine-tuned, source: "{SOURCE}"}}]
owner/heard: [{{corpus: demo, how: pretrained, source: "{SOURCE}"}}]
owner/other: [{{corpus: ravdess, how: fine-tuned, source: "{SOURCE}"}}]
"""
LEAK = f"LEAK, no fair score: the model was fine-tuned on demo ({SOURCE})"
SOUND = f"the encoder was pretrained on demo ({SOURCE})"


@pytest.fixture(scope="module", autouse=True)
def hub(tmp_path_factory: pytest.TempPathFactory, wav2vec2: Path) -> Iterator[None]:
    """A hub that isn't reached: three repositories of the same weights in its cache."""
    cache = tmp_path_factory.mktemp("hub")
    for name in ("tuned", "heard", "other"):
        fill_cache(cache, f"owner/{name}", wav2vec2)
    (cache / "trained_on.yaml").write_text(RECORDS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "HF_HUB_CACHE", str(cache))
        patch.setattr(constants, "HF_HUB_OFFLINE", True)
        patch.setattr(training_records, "FILE", cache / "trained_on.yaml")
        yield


@pytest.fixture
def titles(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What stands above each figure that is written, by its name."""
    written: dict[str, str] = {}
    write = saving.write_figure

    def noted(figure: Figure, stem: Path, *rest: object) -> None:
        written.setdefault(stem.name, figure.get_suptitle())  # of the first run
        write(figure, stem, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(saving, "write_figure", noted)
    return written


def columns(folder: Path, name: str) -> set[str]:
    """Return all columns of marks in a table, each of whose rows must bear them."""
    with (folder / name).open() as file:
        rows = list(csv.DictReader(file))
    assert rows, name
    marks = {
        (column, row[column])
        for row in rows
        for column in ("leak", "pretraining")
        if column in row
    }
    return {f"{column}: {text}" for column, text in marks}


def test_labels_are_a_leak_in_every_file_of_a_fit_and_of_its_report(
    here: Path,
    titles: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = [*demo(encoder=Path("owner/tuned"), takes=2), "--name=tuned"]
    typed = ["--fad.enabled=true", "--fad.layers=[0]"]
    run("fit", *words, *typed, monkeypatch=monkeypatch)
    assert LEAK in " ".join(capsys.readouterr().out.split())
    fit = here / "logs" / "tuned" / "version_0"
    for name in ("predictions.csv", "metrics.csv", "fad.csv", "similarity.csv"):
        assert columns(fit, name) == {f"leak: {LEAK}"}, name
    stages = results(fit)["stages"].values()
    assert [stage["leak"] for stage in stages] == [LEAK, LEAK]
    assert len(titles) > 6
    for title in titles.values():
        assert title.startswith("‡ fine-tuned on demo\ntuned‡")

    titles.clear()
    run("report", "logs", "--name=report", monkeypatch=monkeypatch)
    out = here / "logs" / "report" / "version_0"
    note = f"‡ tuned: {LEAK}"
    page = (out / "report.html").read_text()
    assert note in page
    for tag in ("two_stages_1", "layer_weights_1"):
        markdown = (out / "tables" / f"{tag}.md").read_text()
        assert "| tuned‡ |" in markdown
        assert markdown.splitlines()[-1] == note
        latex = (out / "tables" / f"{tag}.tex").read_text()
        assert "tuned‡" in latex
        assert latex.splitlines()[-1] == rf"\par{{\footnotesize {note}}}"
        assert "tuned‡" in page
        short = note.removesuffix(f" ({SOURCE})")
        assert titles[tag].replace("\n", " ").startswith(short)
    for name in ("predictions.csv", "scores.csv", "distances.csv"):
        assert columns(out / "tables", name) == {f"leak: {LEAK}"}, name
    for path in (out / "tables").glob("*.csv"):
        with path.open() as file:
            rows = [row for row in csv.DictReader(file) if "encoder" in row]
        assert {row["encoder"] for row in rows} <= {"tuned‡"}, path
    printed = " ".join(capsys.readouterr().out.split())
    assert note in printed


def test_sound_alone_is_marked_otherwise_and_strict_refuses_both(
    here: Path,
    titles: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("heard", "other"):
        run(
            "fit",
            *probes(Path(f"owner/{name}")),
            f"--name={name}",
            monkeypatch=monkeypatch,
        )
    layers, others = (here / "logs" / name / "version_0" for name in ("heard", "other"))
    for name in ("layers.csv", "layer_pairs.csv", "layer_similarity.csv"):
        assert columns(layers, name) == {f"pretraining: {SOUND}"}
        assert columns(others, name) == set()
    assert results(layers)["pretraining"] == SOUND
    assert "leak" not in results(layers)
    marked = [title for title in titles.values() if "heard†" in title]
    assert marked
    assert all(title.startswith("† pretrained on demo\n") for title in marked)
    assert SOUND in " ".join(capsys.readouterr().out.split())

    run("compare", layers, others, monkeypatch=monkeypatch)
    both = here / "logs" / "compare" / "version_0"
    for name in ("layers.csv", "encoder_pairs.csv"):
        assert columns(both, name) == {f"pretraining: heard†: {SOUND}"}
    with (both / "layers.csv").open() as file:
        assert {row["encoder"] for row in csv.DictReader(file)} == {"heard†", "other"}
    assert titles["encoders"].startswith("heard†: the encoder was pretrained on demo\n")
    assert f"heard†: {SOUND}" in " ".join(capsys.readouterr().out.split())

    heard = "owner/heard was pretrained on demo"
    for typed, sentence in (
        ([*probes(Path("owner/heard"))], heard),
        (demo(encoder=Path("owner/tuned")), "owner/tuned was fine-tuned on demo"),
    ):
        with pytest.raises(SystemExit) as ended:
            run("fit", *typed, "--strict", monkeypatch=monkeypatch)
        assert re.search(rf"{sentence} \({SOURCE}\), which judges", str(ended.value))
