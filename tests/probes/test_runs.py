from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.strategies import DDPStrategy

from crossemo.errors import CrossEmoError
from crossemo.probes import LayerwiseProbes
from crossemo.probes.judgements import Judgements, read_judgements
from tests.probes.fitting import FEW, fit, judged, speech, speech_and_song, trainer

NAMES = ("said", "within", "recall", "rate")


def same(one: Judgements, other: Judgements) -> bool:
    return all(torch.equal(getattr(one, n), getattr(other, n)) for n in NAMES)


def test_training_that_goes_on_ends_as_if_never_stopped(
    ravdess: Path, wav2vec2: Path, tmp_path: Path
) -> None:
    whole, stopped, resumed = (
        LayerwiseProbes(str(wav2vec2), speech_and_song(ravdess).classes, **FEW)
        for _ in range(3)
    )
    checkpoint = tmp_path / "stopped.ckpt"
    # Lightning loads checkpoints into float32 before it makes them float64.
    single = {"precision": "32-true"}
    trainer(**single).fit(whole.on(speech_and_song(ravdess)))
    first = trainer(**single, max_epochs=17)
    first.fit(stopped.on(speech_and_song(ravdess)))
    first.save_checkpoint(checkpoint)
    trainer(**single).fit(resumed.on(speech_and_song(ravdess)), ckpt_path=checkpoint)
    assert not same(judged(stopped), judged(whole))
    assert same(judged(resumed), judged(whole))
    for name, tensor in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], tensor), name


@pytest.fixture(scope="module")
def checkpoint(
    ravdess: Path, wav2vec2: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """What probes leave that were trained for two epochs."""
    path = tmp_path_factory.mktemp("checkpoint") / "probes.ckpt"
    data, run = speech(ravdess), trainer(max_epochs=2)
    run.fit(LayerwiseProbes(str(wav2vec2), data.classes, **FEW).on(data))
    run.save_checkpoint(path)
    return path


@pytest.mark.parametrize(
    "options",
    [
        {"layers": [0, 2]},
        {"folds": [1]},
        {"rates": (1e-2,)},
        {"seeds": (0,)},
        {"seeds": (5, 6)},
        {"shuffles": 2},
        {"references": ["level"]},
        {"head": "superb"},
    ],
    ids=str,
)
def test_a_checkpoint_of_other_probes_is_refused(
    checkpoint: Path, ravdess: Path, wav2vec2: Path, options: dict[str, Any]
) -> None:
    data = speech(ravdess)
    probes = LayerwiseProbes(str(wav2vec2), data.classes, **FEW | options)
    (name,) = options
    sentence = rf"^The checkpoint is of other probes \({name}\): .* --ckpt_path\.$"
    with pytest.raises(CrossEmoError, match=sentence):
        trainer().fit(probes.on(data), ckpt_path=checkpoint)


def test_before_the_training_nothing_is_judged() -> None:
    assert LayerwiseProbes().judgements is None


def test_training_ends_when_every_probe_has_stopped(
    ravdess: Path, wav2vec2: Path
) -> None:
    probes = LayerwiseProbes(
        str(wav2vec2),
        speech(ravdess).classes,
        **FEW | {"patience": 2, "rates": (1e-1,)},
    )
    run = trainer(max_epochs=2000)
    run.fit(probes.on(speech(ravdess)))
    assert probes.running() == 0
    assert run.current_epoch < 2000


def test_training_draws_no_random_numbers(ravdess: Path, wav2vec2: Path) -> None:
    torch.manual_seed(1)
    one = fit(speech(ravdess), wav2vec2, references=["random"])
    torch.manual_seed(2)
    other = fit(speech(ravdess), wav2vec2, references=["random"])
    assert same(judged(one), judged(other))


class Save(Callback):
    """Has every process save its judgements."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, LayerwiseProbes)
        judged(pl_module).save(self.folder / f"{trainer.global_rank}")


def test_two_processes_judge_as_one_does(
    ravdess: Path, wav2vec2: Path, tmp_path: Path
) -> None:
    one = fit(speech(ravdess), wav2vec2)
    data = speech(ravdess)
    probes = LayerwiseProbes(str(wav2vec2), data.classes, **FEW)
    forked = DDPStrategy(start_method="fork", process_group_backend="gloo")
    run = trainer(strategy=forked, devices=2, callbacks=[Save(tmp_path)])
    run.fit(probes.on(data))
    for rank in (0, 1):
        assert same(read_judgements(tmp_path / f"{rank}"), judged(one))
