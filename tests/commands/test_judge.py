"""`crossemo judge` of a published classifier, over all folds of the demo."""

import csv
from collections.abc import Iterator
from contextlib import redirect_stdout
from math import isnan
from pathlib import Path
from statistics import mean

import pytest
import soundfile
import transformers
import yaml

from crossemo.cli import main
from crossemo.encoders import training_records
from crossemo.studies.findings import findings_of
from tests.judging.published import edit, write_classifier
from tests.leaving import check_files
from tests.shell import results
from tests.studies.agreeing import check_findings

LABELS = ("neu", "Glee", "SAD", "anger", "fear", "calm", "contempt")
SHIPPED = training_records.FILE
# Of a training, of which only the data count here; three actors are three folds.
CONFIG = """
model: {encoder: nowhere}
stages: {target: {max_epochs: 1}}
name: of_the_training
data:
  class_path: CrossDomainDataModule
  init_args:
    source: {class_path: Demo, init_args: {channel: speech, speakers: 3, takes: 1}}
    target: {class_path: Demo, init_args: {channel: song, speakers: 3, takes: 1}}
    split: leave_one_out
    fold: all
"""


def judge(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr("sys.argv", ["crossemo", "judge", *words])
    main()


def table(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which a classifier was judged that was tuned on the demo."""
    folder = tmp_path_factory.mktemp("judged")
    write_classifier(folder / "theirs", labels=LABELS)
    edit(folder / "theirs" / "config.json", _name_or_path="owner/tuned")
    (folder / "config.yaml").write_text(CONFIG)
    record = "{corpus: demo, how: fine-tuned, source: https://example.org}"
    (folder / "trained_on.yaml").write_text(f"owner/tuned: [{record}]")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_records, "FILE", folder / "trained_on.yaml")
        patch.chdir(folder)
        words = ("theirs", "--config=config.yaml", "--labels.Glee=happy")
        with (folder / "printed").open("w") as printed, redirect_stdout(printed):
            judge(patch, *words, "--device", "cpu", "--threads=1", "--figures=false")
        yield folder


def runs(judged: Path) -> list[Path]:
    return [judged / "logs" / "judged" / f"version_{fold}" for fold in range(3)]


def test_every_clip_is_judged_once_and_every_fold_is_a_run(judged: Path) -> None:
    assert sorted((judged / "logs" / "judged").iterdir()) == runs(judged)
    rows = [table(run / "predictions.csv") for run in runs(judged)]
    assert [len(one) for one in rows] == [12, 12, 12]
    clips = [row["clip"] for one in rows for row in one]
    assert len(set(clips)) == len(clips) == 2 * 3 * 6
    for fold, (run, said) in enumerate(zip(runs(judged), rows, strict=True)):
        content = results(run)
        assert (content["command"], content["split"]["fold"]) == ("judge", fold)
        for role, scores in content["stages"]["judged"]["scores"].items():
            of_role = [row for row in said if row["role"] == role]
            recalls = [
                mean(row["predicted"] == name for row in of_role if row["true"] == name)
                for name in content["classes"]
            ]
            assert scores["UA"] == pytest.approx(mean(recalls))
            assert scores["n"] == 6
            assert not isnan(scores["UA_chance"][1])


def test_it_says_what_it_made_of_the_outputs(judged: Path) -> None:
    one = results(runs(judged)[0])["judged"]
    assert one["labels"]["Glee"] == "happy"
    assert one["labels"]["anger"] == "angry"
    assert one["labels"]["contempt"] is None
    assert (one["name"], one["form"], one["absent"]) == ("theirs", "transformers", [])
    assert set(one["left_out"]) == {"source", "target"}
    assert one["trained_on"][0]["corpus"] == "demo"


def test_studies_read_it_and_bear_the_mark(judged: Path) -> None:
    found = check_findings(runs(judged)[1])
    assert set(found.scores["stage"]) == {"judged"}
    together = findings_of([judged / "logs"])
    assert list(together.runs["strategy"]) == ["judged"] * 3
    assert set(together.folds["folds"]) == {3}
    assert set(together.folds["encoder"]) == {"theirs‡"}
    mark = "LEAK, no fair score: the model was fine-tuned on demo (https://example.org)"
    assert set(together.folds["leak"]) == {mark}
    assert not len(together.exclusions)
    printed = (judged / "printed").read_text()
    assert mark in printed
    assert "3 folds (LEAK)" in printed
    assert printed.endswith("Results: logs/judged/version_2\n")


def test_its_config_judges_once_more(
    judged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = runs(judged)[1] / "config.yaml"
    typed = yaml.safe_load(config.read_text())["data"]["init_args"]
    assert typed["fold"] == 1
    assert not {"sampling_rate", "min_samples", "seed"} & typed.keys()  # as of a fit
    monkeypatch.chdir(judged)
    monkeypatch.setattr(training_records, "FILE", SHIPPED)  # which knows no demo
    judge(monkeypatch, f"--config={config}", "--name=again", "--figures=true")
    (again,) = (judged / "logs" / "again").iterdir()
    marked = table(runs(judged)[1] / "predictions.csv")
    leaks = {row.pop("leak") for row in marked}
    assert table(again / "predictions.csv") == marked
    assert len(leaks) == 1
    assert "leak" not in results(again)["stages"]["judged"]
    check_files("judge", again)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["theirs"], "Nothing to judge by: name a config with a section data"),
        (["theirs", "--config=config.yaml"], "doesn't know what Glee, contempt means"),
        (["theirs", "--config=none.yaml"], "none.yaml"),
        (["nowhere", "--config=config.yaml"], "There is no model 'nowhere'"),
        (["theirs", "--config=config.yaml", "--data.fold=7"], "There is no fold 7"),
        (
            ["theirs", "--config=config.yaml", "--device=gpu9"],
            "There is no device gpu9",
        ),
        (["theirs", "--config=config.yaml", "--lables.x=y"], "lables"),
    ],
)
def test_a_mistake_is_said_in_one_sentence(
    words: list[str],
    sentence: str,
    judged: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(judged)
    monkeypatch.delenv("CROSSEMO_TRACEBACK")
    more = ["--labels.Glee=happy"] if "--data.fold=7" in words else []
    with pytest.raises(SystemExit) as ended:
        judge(monkeypatch, *words, *more)
    said = f"{ended.value} {capsys.readouterr().err}"
    assert sentence in said
    assert "Traceback" not in str(ended.value)


def test_values_are_judged_on_the_scale_of_the_corpus(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = ("arousal", "dominance", "valence")
    write_classifier(here / "theirs", labels=labels, problem_type="regression")
    typed = [f"--data.corpus.init_args.{k}" for k in ("root=music", "takes=4")]
    task = "--data.task=valence_arousal"
    music = ("--data=MusicEmotionDataModule", "--data.corpus=tests.data.valued.Valued")
    judge(monkeypatch, "theirs", *music, *typed, task, "--data.fold=0", "--scale=[0,2]")
    run = here / "logs" / "judged" / "version_0"
    check_files("judge", run)
    pipeline = transformers.pipeline("audio-classification", str(here / "theirs"))
    for row in table(run / "predictions.csv"):
        number = row["clip"].partition("/")[2]
        waveform, _ = soundfile.read(here / "music" / f"music-{number}.wav")
        said = {
            one["label"]: one["score"] for one in pipeline(waveform.astype("float32"))
        }
        for name in ("valence", "arousal"):
            # 16 bits on the disk; from 0 to 2 about 1, and from 0 to 1 about 0.5
            assert float(row[f"{name}_predicted"]) == pytest.approx(
                said[name] - 1, abs=1e-3
            )
            assert float(row[f"{name}_predicted_published"]) == pytest.approx(
                said[name] / 2, abs=1e-3
            )
