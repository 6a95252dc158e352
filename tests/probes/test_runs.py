from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.strategies import DDPStrategy
from torch import Tensor

from crossemo import RAVDESS, MusicEmotionDataModule
from crossemo.errors import CrossEmoError
from crossemo.probes import LayerwiseProbes
from crossemo.probes.judgements import Judgements, read_judgements
from crossemo.probes.protocols import options_of
from crossemo.probes.solved import SolvedProbes
from tests.probes.fitting import few, fit, judged, speech, speech_and_song, trainer

NAMES = ("said", "within", "validation", "choice")


def same(one: Judgements, other: Judgements) -> bool:
    return all(torch.equal(getattr(one, n), getattr(other, n)) for n in NAMES)


@pytest.mark.parametrize(("head", "epochs"), [("linear", 3), ("superb", 17)])
def test_fitting_that_goes_on_ends_as_if_never_stopped(
    ravdess: Path, wav2vec2: Path, tmp_path: Path, head: str, epochs: int
) -> None:
    whole, stopped, resumed = (
        few(speech_and_song(ravdess), wav2vec2, head) for _ in range(3)
    )
    checkpoint = tmp_path / "stopped.ckpt"
    # Lightning loads checkpoints into float32 before it makes them float64.
    single = {"precision": "32-true"}
    trainer(**single).fit(whole)
    first = trainer(**single, max_epochs=epochs)
    first.fit(stopped)
    first.save_checkpoint(checkpoint)
    trainer(**single).fit(resumed, ckpt_path=checkpoint)
    assert stopped.judgements is None or not same(judged(stopped), judged(whole))
    assert same(judged(resumed), judged(whole))
    for name, tensor in whole.state_dict().items():
        if isinstance(tensor, torch.Tensor):
            assert torch.equal(resumed.state_dict()[name], tensor), name


def test_solved_views_are_not_solved_again(
    ravdess: Path, wav2vec2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    probes = few(speech_and_song(ravdess), wav2vec2)
    first = trainer(max_epochs=4)
    first.fit(probes)
    first.save_checkpoint(tmp_path / "four.ckpt")
    learn, solved = SolvedProbes.learn, []

    def count(self: SolvedProbes, values: Tensor) -> None:
        solved.append(self)
        learn(self, values)

    monkeypatch.setattr(SolvedProbes, "learn", count)
    second, run = few(speech_and_song(ravdess), wav2vec2), trainer(max_epochs=-1)
    run.fit(second, ckpt_path=tmp_path / "four.ckpt")
    assert solved == [second.probes[4], second.probes[5]]  # of three states, twice
    assert run.current_epoch == 6
    run.save_checkpoint(tmp_path / "all.ckpt")
    # Cut off before its results were written, it has nothing left but to judge.
    third = few(speech_and_song(ravdess), wav2vec2)
    trainer().fit(third, ckpt_path=tmp_path / "all.ckpt")
    assert len(solved) == 2
    assert same(judged(third), judged(second))


def test_what_is_not_solved_is_not_judged(
    ravdess: Path, wav2vec2: Path, caplog: pytest.LogCaptureFixture
) -> None:
    probes = few(speech(ravdess), wav2vec2)
    trainer(max_epochs=2).fit(probes)
    assert probes.judgements is None
    assert probes.unfinished() == pytest.approx(1 / 3)
    assert "1 of 3 views are not solved yet, so nothing is judged" in caplog.text


@pytest.fixture(scope="module", params=["linear", "superb"])
def checkpoint(
    request: pytest.FixtureRequest,
    ravdess: Path,
    wav2vec2: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[str, Path]:
    """The head of probes that learnt for two epochs, and what they left."""
    path = tmp_path_factory.mktemp("checkpoint") / "probes.ckpt"
    run = trainer(max_epochs=2)
    run.fit(few(speech(ravdess), wav2vec2, request.param))
    run.save_checkpoint(path)
    return request.param, path


@pytest.mark.parametrize(
    "options",
    [
        {"layers": [0, 2]},
        {"folds": [1]},
        {"shuffles": 2},
        {"references": ["level"]},
        {"penalties": (1e-4,)},
        {"penalties": (1e-4, 1e-3)},
        {"precision": "float32"},
        {"rates": (1e-2,)},
        {"seeds": (0,)},
        {"seeds": (5, 6)},
    ],
    ids=str,
)
def test_a_checkpoint_of_other_probes_is_refused(
    checkpoint: tuple[str, Path], ravdess: Path, wav2vec2: Path, options: dict[str, Any]
) -> None:
    head, path = checkpoint
    (name,) = options
    others = options_of("superb" if head == "linear" else "linear")
    if name in others:
        return  # see test_protocols
    probes = few(speech(ravdess), wav2vec2, head, **options)
    what = rf"is of other probes \({name}\)"
    sentence = rf"^The checkpoint {path} {what}: .* --ckpt_path\.$"
    with pytest.raises(CrossEmoError, match=sentence):
        trainer().fit(probes, ckpt_path=path)


def test_a_checkpoint_of_other_data_or_another_head_is_refused(
    checkpoint: tuple[str, Path], ravdess: Path, wav2vec2: Path
) -> None:
    head, path = checkpoint
    other = few(speech_and_song(ravdess), wav2vec2, head)
    with pytest.raises(CrossEmoError, match=r"is of other probes \(data\)"):
        trainer().fit(other, ckpt_path=path)
    # As many folds and classes, so that nothing else would tell these from others.
    song = MusicEmotionDataModule(RAVDESS(ravdess, "song"), split="leave_one_out")
    with pytest.raises(CrossEmoError, match=r"is of other probes \(data\)"):
        trainer().fit(few(song, wav2vec2, head), ckpt_path=path)
    other = few(speech(ravdess), wav2vec2, "superb" if head == "linear" else "linear")
    with pytest.raises(CrossEmoError, match=r"is of other probes \(head"):
        trainer().fit(other, ckpt_path=path)


def test_before_the_training_nothing_is_judged() -> None:
    assert LayerwiseProbes().judgements is None


def test_training_ends_when_every_probe_has_stopped(
    ravdess: Path, wav2vec2: Path
) -> None:
    few_steps: dict[str, Any] = {"patience": 2, "rates": (1e-1,)}
    probes = few(speech(ravdess), wav2vec2, "superb", **few_steps)
    run = trainer(max_epochs=2000)
    run.fit(probes)
    assert probes.unfinished() == 0
    assert run.current_epoch < 2000


@pytest.mark.parametrize("head", ["linear", "superb"])
def test_fitting_draws_no_random_numbers(
    ravdess: Path, wav2vec2: Path, head: str
) -> None:
    torch.manual_seed(1)
    one = fit(speech(ravdess), wav2vec2, head, references=["random"])
    torch.manual_seed(2)
    other = fit(speech(ravdess), wav2vec2, head, references=["random"])
    assert same(judged(one), judged(other))


def test_the_trainers_precision_does_not_round_what_is_solved(
    ravdess: Path, wav2vec2: Path
) -> None:
    one: dict[str, Any] = {"precision": "float32", "layers": [0]}
    mixed, plain = (few(speech(ravdess), wav2vec2, **one) for _ in range(2))
    trainer(precision="bf16-mixed").fit(mixed)
    trainer(precision="32-true").fit(plain)
    assert same(judged(mixed), judged(plain))


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"limit_train_batches": 0}, "limit_train_batches"),
        ({"precision": "bf16-true"}, "precision"),
    ],
)
def test_a_trainer_that_would_leave_probes_unlearnt_or_rounded_is_refused(
    ravdess: Path, wav2vec2: Path, options: dict[str, Any], name: str
) -> None:
    with pytest.raises(CrossEmoError, match=f"trainer.{name} is .*: leave it out"):
        trainer(**options).fit(few(speech(ravdess), wav2vec2))


class Save(Callback):
    """Has every process save its judgements."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, LayerwiseProbes)
        judged(pl_module).save(self.folder / f"{trainer.global_rank}")


@pytest.mark.parametrize("head", ["linear", "superb"])
def test_two_processes_judge_as_one_does(
    ravdess: Path, wav2vec2: Path, tmp_path: Path, head: str
) -> None:
    one = fit(speech(ravdess), wav2vec2, head)
    probes = few(speech(ravdess), wav2vec2, head)
    forked = DDPStrategy(start_method="fork", process_group_backend="gloo")
    run = trainer(strategy=forked, devices=2, callbacks=[Save(tmp_path)])
    run.fit(probes)
    for rank in (0, 1):
        assert same(read_judgements(tmp_path / f"{rank}"), judged(one))
