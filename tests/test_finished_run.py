"""What a finished run leaves, and what can be done with it."""

import csv
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from crossemo.data.clip_tables import PREDICTIONS
from crossemo.sharing.reliability import Reliability
from crossemo.studies.findings import findings_of
from crossemo.studies.methods import methods_of_records
from crossemo.studies.run_files import read_json, read_settings
from crossemo.studies.run_record import RunRecord
from tests.leaving import check_files, check_scalars
from tests.shell import quick, results, run
from tests.studies.agreeing import check_findings

RAVDESS = "ravdess_speech_to_song.yaml"


@pytest.fixture(scope="module")
def finished(
    tmp_path_factory: pytest.TempPathFactory, ravdess: Path, wav2vec2: Path
) -> Path:
    """A finished run's folder."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        typed = [*quick(RAVDESS, ravdess, wav2vec2), "--name=finished"]
        typed.append("--figures=true")
        run("fit", *typed, monkeypatch=patch)
    return folder / "logs" / "finished" / "version_0"


def table(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def of(finished: Path) -> list[str]:
    """Return what names a finished run's config and best checkpoint."""
    return [
        f"--config={finished / 'config.yaml'}",
        f"--ckpt_path={finished / 'checkpoints' / 'target.ckpt'}",
    ]


def test_fad_holds_every_pair_for_every_layer_and_the_mixture(finished: Path) -> None:
    with (finished / "fad.csv").open() as file:
        rows = list(csv.DictReader(file))
    layers = ["0", "1", "2", "mixture"]
    assert {row["layer"] for row in rows} == set(layers)
    across = [
        row
        for row in rows
        if row["estimator"] == "fad" and row["x_domain"] != row["y_domain"]
    ]
    # Before training and after each of both stages.
    assert len(across) == 3 * len(layers) * 6 * 6
    assert all(float(row["value"]) > 0 for row in across)


def test_it_leaves_what_the_docs_say(finished: Path) -> None:
    check_files("fit", finished)
    check_scalars(finished)


def test_a_study_reads_the_same_scores(finished: Path) -> None:
    findings = check_findings(finished)
    with (finished / "fad.csv").open() as file:
        assert len(findings.distances) == sum(1 for _ in file) - 1
    assert set(findings.distances["stage"]) == {"before", "source", "target"}
    bins = findings.certainty.assign(
        gap=lambda one: (one["accuracy"] - one["confidence"]).abs() * one["clips"]
    )
    sums = bins.groupby(["probabilities", "stage", "place"])[["gap", "clips"]].sum()
    drawn = dict(zip(sums.index, sums.itertuples(index=False, name=None), strict=True))
    for stage, test in results(finished)["stages"].items():
        for role, scores in test["scores"].items():
            for kind, name in (("as said", "ECE"), ("calibrated", "ECE_calibrated")):
                gap, clips = drawn[kind, stage, role]
                assert gap / clips == pytest.approx(scores[name], abs=1e-5)
                assert clips == scores["n"]
    assert list(findings.weights["layer"]) == [0, 1, 2] * 2


def test_judged_again_it_has_the_same_scores(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a run, as plain transformers reads it, and beside itself in a study."""
    folder = tmp_path / "shared"
    monkeypatch.chdir(tmp_path)
    run("export", finished, folder, monkeypatch=monkeypatch)
    typed = [f"--config={finished / 'config.yaml'}"]
    run("judge", finished, *typed, monkeypatch=monkeypatch)
    (folder / "crossemo.yaml").unlink()  # and with it, what the weights have seen
    run("judge", folder, *typed, monkeypatch=monkeypatch)
    expected = results(finished)["stages"]["target"]["scores"]
    logs = tmp_path / "logs" / "judged"
    for version, form in enumerate(("crossemo", "transformers")):
        again = results(logs / f"version_{version}")
        assert again["judged"]["form"] == form
        scores = again["stages"]["judged"]["scores"]
        for role, one in expected.items():
            assert scores[role]["UA"] == one["UA"]
            assert scores[role]["confusion"] == one["confusion"]
            assert scores[role]["UA_interval"] == one["UA_interval"]
            assert scores[role]["ECE"] == pytest.approx(one["ECE"], abs=1e-6)
            assert scores[role]["loss"] == pytest.approx(one["loss"], abs=1e-6)
    check_files("judge", logs / "version_0")
    found = findings_of([finished.parent, logs])
    assert len(set(found.runs["study"])) == 1
    assert len(set(found.folds["condition"])) == 3
    assert not len(found.exclusions)


def test_a_stage_says_what_it_was_and_which_weights_were_its_best(
    finished: Path,
) -> None:
    told, stages = results(finished), ("source", "target")
    with (finished / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    for stage in stages:
        test = told["stages"][stage]
        path = finished / "checkpoints" / test["checkpoint"]
        stored = torch.load(path, weights_only=True)
        assert (test["stage"], test["step"]) == (stage, stored["global_step"])
        scores = {
            int(row["epoch"]): float(row[f"val/{stage}/UA"])
            for row in rows
            if row[f"val/{stage}/UA"]
        }
        assert scores[test["best_epoch"]] == pytest.approx(test["best_score"])
        weights = stored["state_dict"]["mix.raw_weights"].softmax(0)
        assert test["layer_weights"] == pytest.approx(weights.tolist())
        assert test["settings"]["data"] == [stage]
        assert test["settings"]["lr"] == told["model"]["lr"]
    assert told["versions"]["torch"] == torch.__version__
    assert 1 < told["run_seconds"] < 600
    assert 1e8 < told["peak_memory_bytes"]["process"] < 1e11
    assert (told["command"], told["seed"], told["interval_level"]) == ("fit", 0, 0.95)


def test_the_split_holds_every_clip_once(finished: Path) -> None:
    rows = table(finished / "split.csv")
    told = results(finished)
    assert len({(row["role"], row["clip"]) for row in rows}) == len(rows)
    for role, facts in told["roles"].items():
        for part, counts in facts["clips"].items():
            mine = [r for r in rows if (r["role"], r["part"]) == (role, part)]
            assert len(mine) == sum(counts.values())
            assert {row["group"] for row in mine} == set(told["split"]["groups"][part])
            assert {row["fold"] for row in mine} == {str(told["split"]["fold"])}


def test_the_predictions_of_a_fit_are_those_of_its_tests(finished: Path) -> None:
    rows = table(finished / "predictions.csv")
    for stage, test in results(finished)["stages"].items():
        for role, scores in test["scores"].items():
            mine = [r for r in rows if (r["stage"], r["role"]) == (stage, role)]
            assert {row["checkpoint"] for row in mine} == {f"{stage}.ckpt"}
            right = [row["true"] == row["predicted"] for row in mine]
            assert sum(right) / len(mine) == pytest.approx(scores["WA"])


def test_tensorboard_shows_what_a_person_looks_for(finished: Path) -> None:
    events = EventAccumulator(str(finished), size_guidance={"images": 0}).Reload()
    scalars, images = set(events.Tags()["scalars"]), set(events.Tags()["images"])
    assert {
        "train/loss",
        "stage",
        "lr/encoder",
        "lr/head",
        "val/source/UA",
        "val/target/UA",
        "val/target/WA",
        "val_recall/target/angry",
        "test/source/target/UA",
        "test/target/target/UA",
    } <= scalars
    assert {
        "confusion/target/source",
        "confusion/target/target",
        "reliability/target/target",
        "layer_weights/training",
        "layer_weights/target",
        "fad/target",
        "stages/scores",
        "stages/layer_weights",
    } <= images
    assert "epoch" not in scalars
    assert [tag for tag in scalars if tag.endswith("-vectors")] == []
    tested = [tag for tag in scalars if tag.startswith("test")]
    assert len(tested) == 16  # loss, UA, WA, macro-F1; stages and roles; no recalls
    drawn = [image.step for image in events.Images("layer_weights/training")]
    assert drawn == [score.step for score in events.Scalars("val/target/UA")]


def test_metrics_are_a_table_too(finished: Path) -> None:
    with (finished / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    scores = [row["val/target/UA"] for row in rows if row["val/target/UA"]]
    assert len(scores) == 2  # one for each epoch of each stage


def test_the_saved_config_and_checkpoint_give_the_same_scores(
    finished: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("test", *of(finished), "--name=again", monkeypatch=monkeypatch)
    again = here / "logs" / "again" / "test_0"
    test, target = results(again)["stages"]["test"], results(finished)["stages"]
    assert test["scores"] == target["target"]["scores"]
    assert test["best_epoch"] == target["target"]["best_epoch"]
    check_files("test", again)
    (stages,) = {(r["stage"], r["checkpoint"]) for r in table(again / PREDICTIONS)}
    assert stages == ("target", "target.ckpt")


def test_predict_writes_a_row_for_every_clip(
    finished: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("predict", *of(finished), monkeypatch=monkeypatch)
    check_files("predict", here / "logs" / "finished" / "predict_0")
    rows = table(here / "logs" / "finished" / "predict_0" / PREDICTIONS)
    tested = [r for r in table(finished / PREDICTIONS) if r["stage"] == "target"]
    assert [r["predicted"] for r in tested] == [r["predicted"] for r in rows]
    scores = results(finished)["stages"]["target"]["scores"]
    for role in ("source", "target"):
        mine = [row for row in rows if row["role"] == role]
        right = [row["emotion"] == row["predicted"] for row in mine]
        assert len(mine) == scores[role]["n"]
        assert sum(right) / len(right) == pytest.approx(scores[role]["WA"])
        assert all(
            sum(float(row[name]) for name in results(finished)["classes"])
            == pytest.approx(1, abs=1e-5)
            for row in mine
        )


def test_validate_runs(
    finished: Path,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run("validate", *of(finished), monkeypatch=monkeypatch)
    assert "val/target/UA" in capsys.readouterr().out
    folder = here / "logs" / "finished" / "validate_0"
    check_files("validate", folder)
    best = results(finished)["stages"]["target"]["best_score"]
    assert results(folder)["validation"]["val/target/UA"] == pytest.approx(best)


def test_a_checkpoint_of_another_encoder_is_refused(
    finished: Path,
    ravdess: Path,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    typed = [*of(finished), "--model.encoder=tiny"]
    with pytest.raises(
        SystemExit, match=r"belongs to .* and can't be loaded into tiny"
    ):
        run("test", *typed, monkeypatch=monkeypatch)


def test_its_methods_can_be_written(finished: Path, wav2vec2: Path) -> None:
    record = RunRecord(
        read_json(finished / "results.json"), read_settings(finished / "config.yaml")
    )
    methods = methods_of_records([record])
    data, models, training, scores, distances, software = methods.text.split("\n\n")
    cited = "[@livingstone2018ravdess; @ma2024emobox]"
    assert data == (
        f"**Data.** The corpora were ravdess-speech {cited} (speech, 88 clips of 4 "
        f"units) and ravdess-song {cited} (music, 88 clips of 4 units). The classes "
        "were neutral, calm, happy, sad, angry and fearful. Recordings were resampled "
        "to 16 kHz. Clips were taken whole (ravdess-speech) and cut into windows of 10 "
        "s every 10 s (ravdess-song). They were split leaving one unit out at a time; "
        "no unit (speaker, song or artist) lies in more than one of the training, "
        "validation and test parts. Fold 0 was tested, counted from 0."
    )
    assert models.startswith(
        f"**Models.** The encoder was {wav2vec2.name}. In training, encoders were "
        "tuned by lora [@hu2022lora], the head reading a learnt weighted sum of all "
        "hidden states."
    )
    assert training.startswith(
        "**Training.** Training went in 2 stages, source (on source) and target (on "
        "target, from the best weights of the stage before). It used AdamW "
        "[@loshchilov2019adamw] with learning rates of 0.001 for the head and the "
        "layer weights and of 0.0001 for what was trained of the encoder, and a weight "
        "decay of 0.01 on matrices."
    )
    assert "and a stage took 1 epoch." in training
    assert "Gradients were clipped to a norm of 1." in training
    assert "by the bootstrap over clips" in scores  # one actor is tested
    assert (
        "in all hidden states and the learnt mixture, on means over frames of the test "
        "clips, before training and after each stage."
    ) in distances
    assert f"PyTorch {torch.__version__}" in software
    assert methods.uncited == (wav2vec2.name,)
    assert methods.bibtex.count("\n@") == 12


def test_the_best_weights_say_how_reliable_they_are(finished: Path) -> None:
    for stage, test in results(finished)["stages"].items():
        stored = torch.load(finished / "checkpoints" / test["checkpoint"])
        model = Reliability.of(stored["reliability"])
        clips = [
            row
            for row in split_of(finished)
            if (row["role"], row["part"]) == (stage, "val")
        ]
        assert model.clips == len(clips)
        assert model.groups == len({row["group"] for row in clips})
        assert model.temperature is not None
        assert test["temperature"] == model.temperature
        for scores in test["scores"].values():
            assert {"ECE", "ECE_calibrated", "loss_calibrated"} <= set(scores)
            assert ("unfamiliar" in scores) == (model.familiarity is not None)


def split_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "split.csv").open() as file:
        return list(csv.DictReader(file))
