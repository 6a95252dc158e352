import csv
from pathlib import Path

import pytest
import torch

from tests.shell import CONFIGS, quick, results, run, run_alone

RAVDESS = "ravdess_speech_to_song.yaml"


@pytest.mark.parametrize(
    "path",
    [*CONFIGS.glob("demo.yaml"), *CONFIGS.glob("ravdess*.yaml")],
    ids=lambda p: p.stem,
)
def test_every_config_runs_to_the_end_from_any_folder(
    path: Path,
    here: Path,
    ravdess: Path,
    wav2vec2: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    typed = [*quick(path.name, ravdess, wav2vec2), "--figures=true"]
    run("fit", *typed, monkeypatch=monkeypatch)
    folder = here / "logs" / path.stem / "version_0"
    assert {"config.yaml", "metrics.csv", "results.json", "fad.csv"} <= {
        item.name for item in folder.iterdir()
    }
    assert sorted(item.name for item in (folder / "checkpoints").iterdir()) == [
        "last.ckpt",
        "source.ckpt",
        "target.ckpt",
    ]
    content = results(folder)
    assert list(content["stages"]) == ["source", "target"]
    groups = content["split"]["groups"]
    assert not set(groups["train"]) & set(groups["test"])
    for stage in content["stages"].values():
        for role in ("source", "target"):
            scores = stage["scores"][role]
            low, high = scores["UA_interval"]
            assert 0 <= low <= scores["UA"] <= high <= 1
            assert scores["n"] == sum(map(sum, scores["confusion"]))
    shown = capsys.readouterr().out
    assert f"{100 * content['stages']['target']['scores']['target']['UA']:.1f}" in shown
    assert f"Results: logs/{path.stem}/version_0" in shown
    note = "not science" if path.stem == "demo" else "score on song is melody"
    assert note in " ".join(shown.split())


@pytest.mark.parametrize(
    ("typed", "answers"),
    [
        (["--model.encoder=wav2vec2-bse"], ["wav2vec2-base", "hubert-large"]),
        (["--model.tuning=lara"], ["frozen", "lora", "full"]),
        (["--data=CrosDomainDataModule"], ["CrossDomainDataModule"]),
        (["--data.source=RAVDES"], ["RAVDESS", "Demo"]),
        (["--model.layer=last"], ["layers"]),
        (["--data.fould=1"], ["fold"]),
        (["--stages.target.max_epoch=2"], ["max_epochs"]),
        (["--fad.part=tset"], ["train", "val", "test", "all"]),
        (["--data.labels=six"], ["shared6", "speech8", "four"]),
    ],
)
def test_a_mistyped_name_is_answered_with_the_names_that_exist(
    typed: list[str],
    answers: list[str],
    here: Path,
    ravdess: Path,
    wav2vec2: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        run("fit", *quick(RAVDESS, ravdess, wav2vec2), *typed, monkeypatch=monkeypatch)
    said = capsys.readouterr().err + str(ended.value)
    assert [answer for answer in answers if answer not in said] == []
    assert not (here / "logs").exists()


def test_a_mistyped_command_is_answered_with_all_commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run("cahce", monkeypatch=monkeypatch)
    said = capsys.readouterr().err
    assert "no command cahce: choose fit, validate, test, predict, grid" in said
    assert "fad, compare, cache" in said


def test_a_wrong_root_is_one_sentence(
    here: Path, wav2vec2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = here / "nowhere"
    with pytest.raises(SystemExit, match="nowhere") as ended:
        run("fit", *quick(RAVDESS, nowhere, wav2vec2), monkeypatch=monkeypatch)
    assert str(ended.value).startswith("crossemo: ")
    assert "\n" not in str(ended.value)


def test_a_run_that_fails_at_the_start_leaves_nothing(here: Path) -> None:
    # The trainer is built, and with it the folder, before the stages meet the data.
    done = run_alone(
        "fit", "--config=demo.yaml", "--stages.third.max_epochs=1", cwd=here
    )
    assert done.returncode != 0
    assert "third" in done.stderr
    assert not any((here / "logs").iterdir())


def test_a_checkpoint_that_is_refused_late_leaves_nothing(here: Path) -> None:
    torch.save({"state_dict": {}}, here / "other.ckpt")  # whole, of another program
    typed = ["--config=demo.yaml", "--fad.enabled=false", "--ckpt_path=other.ckpt"]
    done = run_alone("predict", *typed, cwd=here)
    assert "other.ckpt is no checkpoint of crossemo's" in done.stderr
    assert not any((here / "logs").iterdir())


def test_epochs_belong_to_the_stages(
    here: Path, ravdess: Path, wav2vec2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = [*quick(RAVDESS, ravdess, wav2vec2), "--trainer.max_epochs=9"]
    with pytest.raises(SystemExit, match=r"set stages\.NAME\.max_epochs"):
        run("fit", *typed, monkeypatch=monkeypatch)


def test_print_config_and_help(
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for typed, shown in (
        (["fit", "--config=demo.yaml", "--print_config"], "class_path: crossemo"),
        (["--help"], "crossemo download ravdess"),
        (["fit", "--help"], "--stages"),
        (["download", "--help"], "ravdess"),
    ):
        with pytest.raises(SystemExit) as ended:
            run(*typed, monkeypatch=monkeypatch)
        assert ended.value.code == 0
        assert shown in capsys.readouterr().out


def test_a_single_domain_needs_no_stages(
    here: Path, ravdess: Path, wav2vec2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(
        "fit",
        "--data=SpeechEmotionDataModule",
        "--data.corpus=RAVDESS",
        f"--data.corpus.root={ravdess}",
        "--data.labels=speech8",
        "--data.split=leave_one_out",
        f"--model.encoder={wav2vec2}",
        "--trainer.limit_train_batches=1",
        "--trainer.enable_progress_bar=false",
        monkeypatch=monkeypatch,
    )
    content = results(here / "logs" / "fit" / "version_0")
    assert list(content["stages"]["speech"]["scores"]) == ["speech"]
    assert len(content["classes"]) == 8
    assert not (here / "logs" / "fit" / "version_0" / "fad.csv").exists()


def test_bf16_trains_and_tests(
    here: Path, ravdess: Path, wav2vec2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = [*quick(RAVDESS, ravdess, wav2vec2), "--trainer.precision=bf16-mixed"]
    run("fit", *typed, monkeypatch=monkeypatch)
    folder = here / "logs" / "ravdess_speech_to_song" / "version_0"
    with (folder / "fad.csv").open() as file:
        values = [r["value"] for r in csv.DictReader(file) if r["estimator"] == "fad"]
        assert all(float(value) > 0 for value in values)
    with (folder / "metrics.csv").open() as file:
        losses = [row["train/loss"] for row in csv.DictReader(file)]
    assert all(0 < float(loss) < 10 for loss in losses if loss)


def test_threads_are_limited(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    typed = ["--config=demo.yaml", "--threads=3", "--trainer.fast_dev_run=true"]
    try:
        run("fit", *typed, monkeypatch=monkeypatch)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_the_seed_reaches_the_weights_the_order_and_the_results(
    here: Path, ravdess: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = [*quick(RAVDESS, ravdess, Path("tiny")), "--fad.enabled=false"]
    losses = {}
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        seeded = [f"--seed_everything={seed}", f"--name={name}"]
        run("fit", *typed, *seeded, monkeypatch=monkeypatch)
        folder = here / "logs" / name / "version_0"
        assert results(folder)["model"]["seed"] == seed
        last = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
        seeds = ("model.seed", "data.seed", "StageSwitch.seed")
        assert {last["made_with"]["settings"][name] for name in seeds} == {seed}
        losses[name] = (folder / "metrics.csv").read_text()
    assert losses["one"] == losses["again"] != losses["other"]


def test_an_encoder_s_folder_is_found_from_anywhere(
    here: Path, wav2vec2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "mine").symlink_to(wav2vec2)
    typed = [*quick("demo.yaml", here, Path("mine")), "--name=run"]
    run("fit", *typed, monkeypatch=monkeypatch)
    saved = (here / "logs" / "run" / "version_0" / "config.yaml").read_text()
    assert f"encoder: {wav2vec2.resolve()}\n" in saved


def test_a_seed_that_is_no_number_is_refused(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run(
            "fit",
            "--config=demo.yaml",
            "--seed_everything=true",
            monkeypatch=monkeypatch,
        )
    assert "give a number, so that the run can be repeated" in capsys.readouterr().err
