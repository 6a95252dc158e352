"""The configs of every strategy and plan of stages, and what checkpoints are for."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from crossemo.errors import CrossEmoError
from tests.shell import CONFIGS, corpora, run

STRATEGIES = sorted(CONFIGS.glob("strategies/*.yaml"))
PLANS = sorted(CONFIGS.glob("stages/*.yaml"))
DIRECTION = "ravdess_song_to_speech.yaml"


def base(ravdess: Path, encoder: Path, *configs: str) -> list[str]:
    return [
        *(f"--config={config}" for config in (DIRECTION, *configs)),
        f"--model.encoder={encoder}",
        "--fad.enabled=false",
        "--trainer.enable_progress_bar=false",
        *corpora(ravdess),
    ]


def results(folder: Path) -> Any:
    return json.loads((folder / "results.json").read_text())


@pytest.mark.parametrize("path", STRATEGIES, ids=lambda p: p.stem)
def test_every_strategy_trains_what_it_says(
    path: Path,
    here: Path,
    ravdess: Path,
    wav2vec2: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    typed = base(ravdess, wav2vec2, f"strategies/{path.name}")
    more = ["--stages.source.max_epochs=1", "--stages.target.max_epochs=1"]
    run("fit", *typed, *more, "--figures=false", monkeypatch=monkeypatch)
    folder = here / "logs" / f"ravdess_song_to_speech-{path.stem}" / "version_0"
    content = results(folder)
    assert not (folder / "figures").exists()
    assert list(content["stages"]) == ["source", "target"]
    trained = content["parameters"]["trained"]
    head = 16 * 256 + 256 + 256 * 6 + 6
    expected = {
        "baseline": head,
        "weighted_sum": head + 3,
        "peft": head + 3 + 2 * 2 * 2 * 8 * 16,  # blocks, q and v, A and B
    }
    if path.stem == "full":
        assert trained > expected["peft"]
    else:
        assert trained == expected[path.stem]
    assert (folder / "adapters" / "target").is_dir() == (path.stem == "peft")


@pytest.mark.parametrize("path", PLANS, ids=lambda p: p.stem)
def test_every_plan_of_stages_runs_and_judges_both_domains(
    path: Path,
    here: Path,
    ravdess: Path,
    wav2vec2: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stages = list(yaml.safe_load(path.read_text())["stages"])
    typed = base(ravdess, wav2vec2, "strategies/peft.yaml", f"stages/{path.name}")
    more = [f"--stages.{stage}.max_epochs=1" for stage in stages]
    run("fit", *typed, *more, "--name=run", monkeypatch=monkeypatch)
    content = results(here / "logs" / "run" / "version_0")
    assert list(content["stages"]) == stages
    for stage in content["stages"].values():
        assert list(stage["scores"]) == ["source", "target"]
    told = [(row["what"], row["stage"]) for row in content["comparisons"]]
    expected = {
        "transfer": [("kept", "target")],
        "gain": [("gain", "target"), ("kept", "target")],
    }
    assert told == expected.get(path.stem, [])


def test_from_scratch_is_where_the_run_began(
    here: Path, ravdess: Path, wav2vec2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = [*base(ravdess, wav2vec2), "--model.tuning=full"]
    still = {"data": "target", "max_epochs": 1, "lr": 0.0, "encoder_lr": 0.0}
    stages = {
        "alone": {"one": still},
        "after": {
            "zero": {"data": "source", "max_epochs": 1},
            "one": still | {"start_from": "scratch"},
        },
    }
    found = {}
    for name, plan in stages.items():
        more = [f"--stages={json.dumps(plan)}", f"--name={name}", "--model.lr=0.01"]
        run("fit", *typed, *more, monkeypatch=monkeypatch)
        folder = here / "logs" / name / "version_0" / "checkpoints"
        for path in folder.glob("[oz]*.ckpt"):
            state = torch.load(path, weights_only=True)["state_dict"]
            found[name, path.stem] = state
    began = found["alone", "one"]
    assert all(torch.equal(began[k], v) for k, v in found["after", "one"].items())
    assert any(not torch.equal(began[k], v) for k, v in found["after", "zero"].items())


@pytest.fixture(scope="module")
def finished(
    tmp_path_factory: pytest.TempPathFactory, ravdess: Path, wav2vec2: Path
) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        more = ["--stages.source.max_epochs=1", "--stages.target.max_epochs=1"]
        run("fit", *base(ravdess, wav2vec2), *more, "--name=run", monkeypatch=patch)
    return folder / "logs" / "run" / "version_0"


def refusal(
    subcommand: str,
    *typed: object,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> str:
    with pytest.raises(SystemExit) as exit:
        run(subcommand, *typed, monkeypatch=monkeypatch)
    return f"{exit.value.code} {capsys.readouterr().err}"


@pytest.mark.parametrize(
    ("subcommand", "sentences"),
    [
        ("test", ("have seen ravdess/", "use the fold and the split of the run")),
        ("validate", ("have seen ravdess/", "use the fold and the split of the run")),
        ("fit", ("data.fold was 0, is 2: go on with what the run was begun with",)),
    ],
)
def test_a_checkpoint_is_not_judged_by_groups_that_it_has_seen(
    subcommand: str,
    sentences: tuple[str, ...],
    finished: Path,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    typed = [
        f"--config={finished / 'config.yaml'}",
        f"--ckpt_path={finished / 'checkpoints' / 'last.ckpt'}",
        "--data.fold=2",
    ]
    said = refusal(subcommand, *typed, monkeypatch=monkeypatch, capsys=capsys)
    assert all(sentence in said for sentence in sentences)


def test_a_stage_may_start_from_another_run(
    finished: Path,
    here: Path,
    ravdess: Path,
    wav2vec2: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = finished / "checkpoints" / "source.ckpt"
    stages = {"target": {"max_epochs": 1, "start_from": str(source)}}
    typed = [*base(ravdess, wav2vec2), f"--stages={json.dumps(stages)}", "--name=run"]
    # Four classes instead of six: the classifier begins anew.
    more = ["--data.labels=four", "--trainer.limit_train_batches=1", "--model.lr=0"]
    run("fit", *typed, *more, "--model.encoder_lr=0", monkeypatch=monkeypatch)
    path = here / "logs" / "run" / "version_0" / "checkpoints" / "target.ckpt"
    began = torch.load(source, weights_only=True)["state_dict"]
    ended = torch.load(path, weights_only=True)["state_dict"]
    assert ended["head.classifier.weight"].shape == (4, 256)
    for key in began.keys() - {"head.classifier.weight", "head.classifier.bias"}:
        assert torch.equal(began[key], ended[key]), key
    said = refusal(
        "fit", *typed, "--data.fold=2", monkeypatch=monkeypatch, capsys=capsys
    )
    assert "have seen ravdess/" in said


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (["test"], "give --ckpt_path"),
        (["predict"], "give --ckpt_path"),
        (["test", "--ckpt_path=nope.ckpt"], "There is no checkpoint nope.ckpt"),
        (["fit", "--ckpt_path=last"], "has left a checkpoint to go on from"),
        (["test", f"--ckpt_path={Path(__file__)}"], "is no checkpoint"),
        (["fit", "--stages.source.train=adapter"], "A stage trains the adapter"),
        (["fit", '--stages.source.train=["nix.*"]'], "is named 'nix.*'"),
        (["fit", "--stages.target.adapter=merge"], "has none of peft's"),
        (["fit", "--stages.target.start_from=no.ckpt"], "There is no checkpoint no."),
        (["fit", "--trainer.strategy=fsdp"], "under fsdp, which shards"),
        (
            ["fit", "--data.split=leaveoneout"],
            "kfold or leave_one_out, or lists",
        ),
        (
            ["fit", "--data.labels={glad: happy}"],
            "choose shared6, speech8, four or quadrants, or lists by",
        ),
        (["fit", "--model.tuning=nix"], "vblora or fourierft."),
        (
            ["fit", "--model.tuning=nix"],
            "model.tuning is nix: choose frozen, full",
        ),
        (
            ["fit", '--data.split={"train": ["a"], "val": ["b"], "test": ["a"]}'],
            "a would be in both train and test",
        ),
        (["fit", "--model.warmup=3"], "warmup is 3: choose a number from 0 to 1"),
        (["fit", "--model.lr=-1"], "lr is -1: choose a number 0 or more"),
        (["fit", "--model.hidden=0"], "hidden width is 0"),
        (["fit", "--trainer.val_check_interval=1000"], "'source' might never be val"),
        # What Lightning refuses, in its own words:
        (["fit", "--trainer.limit_val_batches=7.5"], "value 7.5 for limit_val_batches"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_what_can_not_be_is_said_before_anything_is_trained(
    typed: list[str],
    sentence: str,
    here: Path,
    ravdess: Path,
    wav2vec2: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = [typed[0], *base(ravdess, wav2vec2), "--model.tuning=frozen", *typed[1:]]
    said = refusal(*words, monkeypatch=monkeypatch, capsys=capsys)
    assert sentence in " ".join(said.split())


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("precision=16-true", "16-true, but weights of so few digits lose the small"),
        ("limit_train_batches=0", "batches is 0, but nothing would be trained: leave"),
        ("val_check_interval=00:00:01:00", "by the clock no two runs are validated"),
        ("barebones=true", "barebones is True, but it keeps neither scores nor"),
        ("max_time=00:02:00:00", "it would end the run within a stage: leave it out"),
        ("callbacks=EMAWeightAveraging", "EMAWeightAveraging can't follow a switch"),
        ("default_root_dir=there", "give --logs and --name instead."),
        ("precision=8", "16-mixed, bf16-true, bf16-mixed, 32-true, 64-true or bf16."),
    ],
)
def test_a_trainer_that_would_undo_the_stages_leaves_nothing(
    typed: str,
    sentence: str,
    here: Path,
    ravdess: Path,
    wav2vec2: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = [*base(ravdess, wav2vec2), f"--trainer.{typed}"]
    said = refusal("fit", *words, monkeypatch=monkeypatch, capsys=capsys)
    assert sentence in " ".join(said.split())
    assert not (here / "logs").exists()


def test_training_that_diverged_is_said(
    here: Path,
    ravdess: Path,
    wav2vec2: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rates = ["--model.lr=1e30", "--model.encoder_lr=1e30", "--model.layers=last"]
    typed = [*base(ravdess, wav2vec2), "--model.tuning=full", *rates]
    said = refusal("fit", *typed, monkeypatch=monkeypatch, capsys=capsys)
    assert "as training diverged: lower lr or encoder_lr." in said


def test_without_a_logger_the_results_still_have_a_folder(
    here: Path, ravdess: Path, wav2vec2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = here / "config.yaml"
    mine.write_text("model: {lr: 0.001}\n")
    more = ["--stages.source.max_epochs=1", "--stages.target.max_epochs=1"]
    typed = [*base(ravdess, wav2vec2), f"--config={mine}", *more, "--name=run"]
    run("fit", *typed, "--trainer.logger=false", monkeypatch=monkeypatch)
    assert mine.read_text() == "model: {lr: 0.001}\n"
    assert sorted(path.name for path in here.iterdir()) == ["config.yaml", "logs"]
    folder = here / "logs" / "run" / "version_0"
    assert (folder / "results.json").is_file()
    assert (folder / "checkpoints" / "target.ckpt").is_file()


def test_a_model_of_other_classes_or_rate_is_refused(
    ravdess: Path, wav2vec2: Path, tmp_path: Path
) -> None:
    from lightning import Trainer

    from crossemo import RAVDESS, EmotionRecognizer, SpeechEmotionDataModule

    def fit(rate: int, *classes: str) -> None:
        data = SpeechEmotionDataModule(
            RAVDESS(ravdess), split="leave_one_out", sampling_rate=rate
        )
        model = EmotionRecognizer(str(wav2vec2), classes or data.classes)
        Trainer(fast_dev_run=True, accelerator="cpu", logger=False).fit(model, data)

    with pytest.raises(CrossEmoError, match="build the model with classes=data"):
        fit(16_000, "happy", "sad")
    with pytest.raises(CrossEmoError, match="datamodule sampling_rate=16000"):
        fit(8000)
