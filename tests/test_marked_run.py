"""Whatever shows scores of an encoder says by which of their corpora it was trained."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
import yaml
from huggingface_hub import constants
from matplotlib.figure import Figure

from crossemo.corpora.demo import Demo
from crossemo.encoders import training_records
from crossemo.probes.judgements import JUDGEMENTS, read_judgements
from crossemo.report import saving
from tests.encoders.hub import fill_cache
from tests.shell import CONFIGS, results, run
from tests.test_side_doors_run import demo, probes

SOURCE = "https://example.org/card"
RECORDS = f"""
owner/tuned: [{{corpus: demo, how: fine-tuned, source: "{SOURCE}"}}]
owner/heard: [{{corpus: demo, how: pretrained, source: "{SOURCE}"}}]
owner/other: [{{corpus: ravdess, how: fine-tuned, source: "{SOURCE}"}}]
owner/sung: [{{corpus: choir, how: pretrained, source: "{SOURCE}"}}]
"""
LEAK = f"LEAK, no fair score: the model was fine-tuned on demo ({SOURCE})"
SOUND = f"the encoder was pretrained on demo ({SOURCE})"
SUNG = f"the encoder was pretrained on choir ({SOURCE})"


@pytest.fixture(scope="module", autouse=True)
def hub(tmp_path_factory: pytest.TempPathFactory, wav2vec2: Path) -> Iterator[None]:
    """A hub that isn't reached: three repositories of the same weights in its cache."""
    cache = tmp_path_factory.mktemp("hub")
    for name in ("tuned", "heard", "other", "sung"):
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


def copied(channel: str, root: Path) -> Path:
    """Copy clips of the demo to a folder, which is a corpus of that name."""
    corpus = Demo(channel, takes=1)  # type: ignore[arg-type]
    corpus.prepare()
    for clip in corpus.clips():
        _, speaker, emotion, _ = clip.path.stem.split("-")
        copy = root / emotion / speaker / clip.path.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copyfile(clip.path, copy)
    return root


@pytest.fixture
def choir(here: Path) -> list[str]:
    """What puts songs of a corpus of its own in the place of the demo's."""
    corpus = {"root": str(copied("song", here / "choir")), "domain": "music"}
    target = {"class_path": "crossemo.corpora.folders.Folders", "init_args": corpus}
    path = here / "choir.yaml"
    path.write_text(yaml.safe_dump({"data": {"init_args": {"target": target}}}))
    return [f"--config={path}", "--data.source.takes=1"]


def marks_by(folder: Path, name: str, *keys: str) -> dict[Any, Any]:
    """Return the marks of all rows that are alike in some columns."""
    marks: dict[Any, Any] = {}
    with (folder / name).open() as file:
        for row in csv.DictReader(file):
            known = (row.get("leak", ""), row.get("pretraining", ""))
            marks.setdefault(tuple(row[key] for key in keys), set()).add(known)
    return marks


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
    typed = ["--fad.enabled=true", "--fad.layers=[0]", "--figures=true"]
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
    assert columns(both, "encoder_pairs.csv") == {f"pretraining: heard†: {SOUND}"}
    assert marks_by(both, "layers.csv", "encoder") == {
        ("heard†",): {("", f"heard†: {SOUND}")},
        ("other",): {("", "")},
    }
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


def test_probes_are_marked_by_the_corpus_that_judges_them(
    here: Path,
    choir: list[str],
    titles: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    common = ["--config=layerwise/demo.yaml", *choir, "--model.references=[]"]
    for name in ("tuned", "sung"):
        words = [f"--model.encoder=owner/{name}", f"--name={name}"]
        run("fit", *common, *words, monkeypatch=monkeypatch)
        printed = capsys.readouterr().out.split()
        names = ("demo-speech‡", "demo-speech†", "choir‡", "choir†")
        heads = {word for word in printed if word in names}
        assert heads == {{"tuned": "demo-speech‡", "sung": "choir†"}[name]}
    tuned, sung = (here / "logs" / name / "version_0" for name in ("tuned", "sung"))
    judged = {("source",): {(LEAK, "")}, ("target",): {("", "")}}
    for name in ("layers.csv", "layer_pairs.csv"):
        assert marks_by(tuned, name, "judged_on") == judged, name
        assert marks_by(sung, name, "judged_on") == {
            ("source",): {("", "")},
            ("target",): {("", SUNG)},
        }
    assert columns(tuned, "layer_similarity.csv") == {f"leak: {LEAK}"}
    assert results(tuned)["leak"] == LEAK  # of the run
    about = read_judgements(tuned / JUDGEMENTS).about
    assert about["marks"] == {"source": {"leak": LEAK}, "target": {}}
    above = {tag: titles[tag].replace("\n", " ") for tag in titles}
    for tag in ("layers", "layer_recalls_source", "layer_similarity"):
        assert above[tag].startswith("‡ fine-tuned on demo tuned‡: "), tag
    assert above["layer_recalls_target"].startswith("tuned: Recall")

    run("compare", tuned, sung, monkeypatch=monkeypatch)
    both = here / "logs" / "compare" / "version_0"
    leak, sound = f"tuned‡: {LEAK}", f"sung†: {SUNG}"
    assert marks_by(both, "layers.csv", "encoder", "judged_on") == {
        ("tuned‡", "source"): {(leak, "")},
        ("tuned‡", "target"): {("", "")},
        ("sung†", "source"): {("", "")},
        ("sung†", "target"): {("", sound)},
    }
    assert marks_by(both, "encoder_pairs.csv", "judged_on") == {
        ("source",): {(leak, "")},
        ("target",): {("", sound)},
    }
    compared = results(both)
    assert (compared["leak"], compared["pretraining"]) == (leak, sound)


def test_an_audit_is_marked_by_its_corpus_and_strict_refuses_it(
    here: Path,
    choir: list[str],
    titles: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    quick = ["--audit.repeats=2", "--audit.epochs=2"]
    words = ["--config=demo.yaml", *choir, *quick, "--model.encoder=owner/tuned"]
    run("audit", *words, monkeypatch=monkeypatch)
    folder = here / "logs" / "audit" / "version_0"
    assert marks_by(folder, "audit.csv", "role") == {
        ("source",): {(LEAK, "")},
        ("target",): {("", "")},
    }
    content = results(folder)
    assert content["leak"] == LEAK
    assert [row["leak"] for row in content["protocols"]] == [LEAK] * 4 + [""] * 4
    first, speech, song, _ = content["text"].split("\n\n")
    assert first == LEAK
    assert speech.startswith("On demo-speech")
    assert song.startswith("On choir")
    table = (folder / "audit.md").read_text()
    assert table.count("| demo-speech‡ |") == table.count("| choir |") == 4
    assert LEAK in " ".join(capsys.readouterr().out.split())
    heads = {tag: titles[tag].replace("\n", " ") for tag in titles}
    of = "mean of all hidden states of owner/tuned"
    assert heads["audit_source"].startswith(f"‡ fine-tuned on demo {of}‡ demo-speech")
    assert heads["audit_target"].startswith(f"{of} choir")

    fit = (CONFIGS / "demo.yaml").read_text()
    Path("strict.yaml").write_text(f"{fit}\nstrict: true\n")
    of_a_fit = ["--config=strict.yaml", *words[1:]]
    alone = [*words, "--strict=true", "--role=source"]
    for typed in ([*words, "--strict"], alone, of_a_fit):
        with pytest.raises(SystemExit) as ended:
            run("audit", *typed, monkeypatch=monkeypatch)
        said = f"owner/tuned was fine-tuned on demo ({SOURCE}), which judges it here"
        assert said in str(ended.value)
    song_alone = ["--role=target", "--strict", "--name=song"]
    run("audit", *words, *song_alone, monkeypatch=monkeypatch)
    song_folder = here / "logs" / "song" / "version_0"
    assert marks_by(song_folder, "audit.csv", "role") == {("target",): {("", "")}}
    assert results(song_folder)["leak"] is None
    assert LEAK not in results(song_folder)["text"]


def test_distances_are_marked_by_the_corpora_between_which_they_lie(
    here: Path, choir: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = demo(encoder=Path("owner/tuned"))
    typed = [word for word in typed if "data.target" not in word]
    measuring = ["--fad.enabled=true", "--fad.layers=[0]", "--name=far"]
    run("fit", *typed, *choir, *measuring, monkeypatch=monkeypatch)
    fit = here / "logs" / "far" / "version_0"
    domains = {
        ("source", "source"): {(LEAK, "")},
        ("source", "target"): {(LEAK, "")},
        ("target", "target"): {("", "")},
    }
    assert marks_by(fit, "fad.csv", "x_domain", "y_domain") == domains
    assert columns(fit, "similarity.csv") == {f"leak: {LEAK}"}
    assert marks_by(fit, "predictions.csv", "role") == {
        ("source",): {(LEAK, "")},
        ("target",): {("", "")},
    }

    copied("speech", here / "demo")
    folders = ["fad", here / "demo", here / "choir", "--layers=0"]
    run(*folders, "--encoder=owner/tuned", monkeypatch=monkeypatch)
    measured = here / "logs" / "fad" / "version_0"
    names = {"source": "demo", "target": "choir"}
    assert marks_by(measured, "fad.csv", "x_domain", "y_domain") == {
        (names[x], names[y]): marks for (x, y), marks in domains.items()
    }
    assert columns(measured, "similarity.csv") == {f"leak: {LEAK}"}
    with pytest.raises(SystemExit, match="owner/tuned was fine-tuned on demo"):
        run(*folders, "--encoder=owner/tuned", "--strict", monkeypatch=monkeypatch)
