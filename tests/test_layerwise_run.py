"""Runs of the layerwise analysis, as a user types them."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from crossemo.studies.methods import methods_of_records
from crossemo.studies.run_files import read_json, read_settings
from crossemo.studies.run_record import RunRecord
from tests.leaving import check_files
from tests.shell import CONFIGS, corpora, run, run_alone

LAYERWISE = CONFIGS / "layerwise"


def quick(config: str, root: Path, encoder: Path) -> list[str]:
    """Return what runs a config on little data."""
    typed = [
        f"--config=layerwise/{config}",
        f"--model.init_args.encoder={encoder}",
        "--trainer.enable_progress_bar=false",
        "--data.split=leave_one_out",
    ]
    if "superb" in config:
        few = {"rates": [1e-3, 1e-2], "patience": 3, "hidden": 8}
    else:
        few = {"penalties": [1e-3, 1e-1]}
    typed += [f"--model.init_args.{name}={value}" for name, value in few.items()]
    typed += ["--trainer.max_epochs=30"] * ("superb" in config)
    if config.startswith("demo"):
        return [*typed, "--data.source.takes=1", "--data.target.takes=1"]
    return [*typed, *corpora(root)]


def table(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def analysed(
    ravdess: Path, wav2vec2: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of a run."""
    home = tmp_path_factory.mktemp("analysed")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        run("fit", *quick("ravdess.yaml", ravdess, wav2vec2), monkeypatch=patch)
    return home / "logs" / "ravdess" / "version_0"


@pytest.mark.parametrize(
    "path",
    sorted({*LAYERWISE.glob("*.yaml")} - {LAYERWISE / "values.yaml"}),
    ids=lambda p: p.stem,
)
def test_every_config_runs_to_the_end(
    path: Path,
    here: Path,
    ravdess: Path,
    wav2vec2: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = "demo_layers" if path.stem == "demo" else path.stem
    run("fit", *quick(path.name, ravdess, wav2vec2), monkeypatch=monkeypatch)
    folder = here / "logs" / name / "version_0"
    assert {
        "config.yaml",
        "judgements.safetensors",
        "layer_pairs.csv",
        "layer_similarity.csv",
        "layers.csv",
        "metrics.csv",
        "results.json",
    } <= {item.name for item in folder.iterdir()}
    assert sorted(item.stem for item in (folder / "figures").glob("*.pdf")) == [
        "layer_recalls_source",
        "layer_recalls_target",
        "layer_similarity",
        "layers",
    ]
    best = next(
        row
        for row in table(folder / "layers.csv")
        if row["view"] == "best" and row["score"] == "UA"
    )
    shown = capsys.readouterr().out
    assert f"{100 * float(best['value']):.1f}±" in shown
    assert f"Results: logs/{name}/version_0" in shown


def test_it_leaves_what_the_docs_say(analysed: Path) -> None:
    check_files("layerwise", analysed)
    told: Any = json.loads((analysed / "results.json").read_text())
    split = table(analysed / "split.csv")
    for fold, parts in enumerate(told["folds"]):
        for part, groups in parts.items():
            rows = [r for r in split if (r["fold"], r["part"]) == (str(fold), part)]
            assert sorted({row["group"] for row in rows}) == groups
    # Of every fold each clip is in one part.
    assert len(split) == len({(r["role"], r["clip"], r["fold"]) for r in split})


def test_every_fold_is_judged_and_none_leaks(analysed: Path) -> None:
    folds: Any = json.loads((analysed / "results.json").read_text())["folds"]
    assert sorted(group for fold in folds for group in fold["test"]) == sorted(
        {group for fold in folds for part in fold.values() for group in part}
    )
    for fold in folds:
        assert sum(map(len, fold.values())) == len(set().union(*fold.values()))
    clips = {row["clips"] for row in table(analysed / "layers.csv")}
    # All of four actors, calm and happy, and sad, angry and fearful.
    assert clips == {"88", "32", "48"}


def test_the_table_holds_every_layer_and_reference(analysed: Path) -> None:
    rows = table(analysed / "layers.csv")
    views = {row["view"] for row in rows}
    layers = {row["layer"] for row in rows if row["kind"] == "encoder"} - {""}
    assert {*layers, *(f"random {layer}" for layer in layers)} <= views
    assert {"level", "timing", "pitch", "log-mel", "best", "majority"} <= views
    scores = {row["score"] for row in rows}
    assert {"UA", "WA", "macro_F1", "recall/sad", "UA/calm|happy"} <= scores
    assert {(r["trained_on"], r["judged_on"], r["scaler"]) for r in rows} == {
        ("source", "source", "trained"),
        ("target", "target", "trained"),
        ("source", "target", "trained"),
        ("source", "target", "judged"),
        ("target", "source", "trained"),
        ("target", "source", "judged"),
    }


def test_tensorboard_shows_the_curves_over_layers(analysed: Path) -> None:
    board = EventAccumulator(str(analysed)).Reload()
    tags = board.Tags()
    assert {"layers", "layer_recalls/source", "layer_similarity"} <= set(tags["images"])
    curve = board.Scalars("layers_UA/source")
    told = {
        int(row["layer"]): float(row["value"])
        for row in table(analysed / "layers.csv")
        if (row["trained_on"], row["judged_on"]) == ("source", "source")
        and (row["kind"], row["labels"], row["score"]) == ("encoder", "true", "UA")
        and row["layer"]
    }
    assert {point.step: point.value for point in curve} == pytest.approx(told)


def test_values_are_probed_within_and_across_domains(
    here: Path,
    wav2vec2: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    roles = ("source", "target")
    typed = [
        "--config=layerwise/values.yaml",
        *(f"--data.{role}=tests.data.valued.Valued" for role in roles),
        *(f"--data.{role}.init_args.root=sound" for role in roles),
        *(f"--data.{role}.init_args.noise=0" for role in roles),
        "--data.source.init_args.domain=speech",
        "--data.split=kfold",
        "--data.folds=3",
        f"--model.encoder={wav2vec2}",
        "--model.references=[level,log-mel]",
        "--trainer.enable_progress_bar=false",
    ]
    run("fit", *typed, monkeypatch=monkeypatch)
    folder = here / "logs" / "values" / "version_0"
    check_files("layerwise", folder)
    rows = table(folder / "layers.csv")
    chosen = {"view": "level", "scaler": "judged", "labels": "true"}
    across = [row for row in rows if row.items() >= chosen.items()]
    scores = {(r["trained_on"], r["score"]): float(r["value"]) for r in across}
    for role in roles:  # a louder tone is of more arousal, in either domain
        assert scores[role, "CCC/arousal"] > 0.8
        assert abs(scores[role, "CCC/valence"]) < 0.2
    shuffled = [float(r["value"]) for r in rows if r["labels"] == "shuffled"]
    assert abs(sum(shuffled) / len(shuffled)) < 0.1
    results: Any = json.loads((folder / "results.json").read_text())
    assert results["probes"]["protocol"].startswith("linear probes: ridge regression")
    assert set(results["penalties"]) == {*roles}
    best = next(row for row in rows if row["view"] == "best")
    assert f"{float(best['value']):.2f}±" in capsys.readouterr().out
    board = EventAccumulator(str(folder)).Reload()
    assert "layers_CCC/source to target" in board.Tags()["scalars"]


@pytest.mark.slow
def test_two_processes_show_and_write_what_one_does(
    here: Path, ravdess: Path, wav2vec2: Path
) -> None:
    typed = [*quick("ravdess.yaml", ravdess, wav2vec2), "--model.references=[]"]
    tables = []
    for name, devices in (("one", 1), ("two", 2)):
        asked = [f"--name={name}", f"--trainer.devices={devices}"]
        done = run_alone("fit", *typed, *asked, cwd=here)
        assert done.returncode == 0, done.stderr[-3000:]
        assert done.stdout.count("guess <") == 1
        tables.append((here / "logs" / name / "version_0" / "layers.csv").read_text())
    assert tables[0] == tables[1]


def test_a_run_that_goes_on_ends_as_an_undisturbed_one(
    here: Path, ravdess: Path, wav2vec2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = [*quick("ravdess.yaml", ravdess, wav2vec2), "--model.references=[]"]
    for name, more in (
        ("whole", []),
        ("broken", ["--trainer.max_epochs=4"]),
        ("broken", ["--ckpt_path=last"]),
    ):
        run("fit", *typed, f"--name={name}", *more, monkeypatch=monkeypatch)
    logs = here / "logs"
    whole, broken = (
        (logs / run / "layers.csv").read_text()
        for run in ("whole/version_0", "broken/version_1")
    )
    assert broken == whole
    assert not (logs / "broken/version_0/layers.csv").exists()


def test_other_probes_cannot_go_on_from_a_checkpoint(
    here: Path, ravdess: Path, wav2vec2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = [*quick("ravdess.yaml", ravdess, wav2vec2), "--model.references=[]"]
    run("fit", *typed, "--trainer.max_epochs=1", monkeypatch=monkeypatch)
    other = [*typed, "--model.layers=[0]", "--ckpt_path=last"]
    with pytest.raises(SystemExit, match=r"other probes \(layers\)"):
        run("fit", *other, monkeypatch=monkeypatch)


def test_the_results_say_how_the_probes_came_about(analysed: Path) -> None:
    results: Any = json.loads((analysed / "results.json").read_text())
    assert results["probes"]["protocol"].startswith(
        "linear probes: logistic regression"
    )
    assert results["probes"]["tolerances"] == [1e-8, 1e-10]
    # Three states, once more with random weights, and references; two roles, four
    # folds, two penalties and the chosen one, true labels and three shuffles.
    references = {r["view"] for r in table(analysed / "layers.csv")} - {"best"}
    count = len(references - {"majority"})
    assert results["probes"]["problems"] == count * 2 * 4 * 3 * 4
    assert results["probes"]["missed"] == 0
    assert results["epochs"] == 2 * count
    assert results["model"]["penalties"] == [1e-3, 1e-1]
    assert "rates" not in results["model"]
    for shares in results["penalties"].values():
        assert sum(shares.values()) == pytest.approx(1)
        assert set(shares) == {"0.001", "0.1"}


def test_encoders_are_compared_on_the_clips_that_they_share(
    analysed: Path,
    here: Path,
    ravdess: Path,
    wav2vec2: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    typed = [*quick("ravdess.yaml", ravdess, Path("tiny")), "--name=other"]
    run("fit", *typed, monkeypatch=monkeypatch)
    other = here / "logs" / "other" / "version_0"
    capsys.readouterr()
    run("compare", analysed, other, monkeypatch=monkeypatch)
    assert f"tiny - {wav2vec2.name}" in capsys.readouterr().out
    folder = here / "logs" / "compare" / "version_0"
    assert (folder / "figures" / "encoders.png").stat().st_size > 10_000
    check_files("compare", folder)
    pairs = table(folder / "encoder_pairs.csv")
    best = next(row for row in pairs if row["view"] == "best")
    scores = table(folder / "layers.csv")
    told = {
        row["encoder"]: float(row["value"])
        for row in scores
        if row["view"] == "best"
        and (row["score"], row["labels"]) == ("UA", "true")
        and (row["trained_on"], row["judged_on"]) == ("source", "source")
    }
    difference = told[best["second"]] - told[best["first"]]
    assert float(best["UA"]) == pytest.approx(difference)


@pytest.mark.parametrize(
    ("typed", "answers"),
    [
        (["--model.layers=[9]"], ["9", "0 to 2"]),
        (["--model.folds=[4]"], ["fold 4", "0 to 3"]),
        (["--model.references=[loudness]"], ["level", "log-mel", "random"]),
        (["--model.head=cubic"], ["linear", "superb"]),
        (["--model.penalties=[]"], ["penalties", "one or more"]),
        (["--model.penalties=[-1]"], ["penalties", "above 0"]),
        (["--model.rates=[0.1]"], ["rates", "option of the superb head"]),
        (["--model.precision=half"], ["float64", "float32"]),
        (["--model.penalty=3"], ["penalties"]),
        (
            ["--data.task=valence_arousal", "--model.precision=float32"],
            ["ridge regression of valence and arousal", "leave it out"],
        ),
    ],
)
def test_a_wrong_setting_is_answered_in_one_sentence(
    typed: list[str],
    answers: list[str],
    here: Path,
    ravdess: Path,
    wav2vec2: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = [*quick("ravdess.yaml", ravdess, wav2vec2), *typed]
    with pytest.raises(SystemExit) as ended:
        run("fit", *words, monkeypatch=monkeypatch)
    said = capsys.readouterr().err + str(ended.value)
    assert [answer for answer in answers if answer not in said] == []


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        (["test", "--config=layerwise/ravdess.yaml"], "judged at the end of fit"),
        (["fit", "--model=LayerwiseProbe"], "choose LayerwiseProbes"),
        (["compare", "here"], "two or more"),
        (["compare", "here", "there"], "holds no judgements"),
    ],
)
def test_what_probes_cannot_do_is_said(
    typed: list[str], answer: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(*typed, monkeypatch=monkeypatch)
    assert answer in str(ended.value)


def test_a_run_that_only_tries_out_leaves_nothing(
    here: Path, ravdess: Path, wav2vec2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = quick("ravdess.yaml", ravdess, wav2vec2)
    run("fit", *typed, "--trainer.fast_dev_run=true", monkeypatch=monkeypatch)
    assert not (here / "logs").exists()


def test_a_run_whose_data_cannot_be_split_leaves_nothing(
    here: Path, ravdess: Path, wav2vec2: Path
) -> None:
    labels = "--data.labels={glad: [happy], sick: [disgust]}"  # which none sings
    typed = quick("ravdess.yaml", ravdess, wav2vec2)
    done = run_alone("fit", *typed, labels, cwd=here)
    assert done.returncode == 1
    assert "is sick: choose labels that every corpus has" in done.stderr
    assert not any((here / "logs").rglob("*.yaml"))


def test_its_methods_can_be_written(analysed: Path) -> None:
    results = read_json(analysed / "results.json")
    record = RunRecord(results, read_settings(analysed / "config.yaml"))
    text = methods_of_records([record]).text
    assert "Layerwise analyses were tested on 4 folds in turn." in text
    assert (
        "**Layers.** All hidden states of the frozen encoders were read by linear "
        "probes: logistic regression at its optimum, its penalty chosen on validation, "
        "then fitted on training and validation clips together; a clip was the mean of "
        "its frames. Each probe chose among the penalties 0.001 and 0.1. For what is "
        "reached where there is nothing to learn, targets were also shuffled 3 times. "
        "For comparison, the same probes read the acoustic references and the encoder "
        "with random weights."
    ) in text
    assert not {"**Training.**", "**Distances.**"} & set(text.split())
