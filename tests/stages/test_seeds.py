"""What a stage draws, and how its classes weigh."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from lightning import Callback, Trainer

from crossemo.recognizer import EmotionRecognizer
from crossemo.stages.stage import Stage
from crossemo.stages.switch import StageSwitch
from tests.callbacks.keep import KeepAll
from tests.stages.test_switch import QUIET
from tests.stages.tiny import TinyData, TinyModule

COUNTS = {"source": [1, 15], "target": [12, 4]}


class Uneven(TinyData):
    """As if the classes of the roles had other shares."""

    def class_counts(self, roles: Sequence[str]) -> list[int]:
        return [sum(COUNTS[role][label] for role in roles) for label in (0, 1)]


class Counting(TinyModule):
    """Takes note of the counts that each stage is planned with."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: list[tuple[int, ...]] = []

    def plan_stage(self, stage: Stage, steps: int, counts: Sequence[int]) -> None:
        super().plan_stage(stage, steps, counts)
        self.counts.append(tuple(counts))


def train(
    folder: Path,
    stages: dict[str, Stage],
    seed: int = 0,
    resume: Path | None = None,
    more: Sequence[Callback] = (),
) -> Counting:
    module = Counting()
    trainer = Trainer(
        logger=False,
        default_root_dir=folder,
        max_epochs=-1,
        callbacks=[*more, KeepAll(folder), *StageSwitch(stages, seed).callbacks()],
        **QUIET,
    )
    trainer.fit(module, Uneven(), ckpt_path=resume, weights_only=True)
    return module


def test_classes_weigh_by_the_clips_of_a_stage_s_own_roles(tmp_path: Path) -> None:
    joint = Stage(1, data=["source", "target"])
    stages = {"source": Stage(2), "target": Stage(1), "joint": joint}
    whole = train(tmp_path / "whole", stages)
    assert whole.counts == [(1, 15), (12, 4), (1 + 12, 15 + 4)]
    for epoch, first in ((0, (1, 15)), (1, (12, 4)), (2, (13, 19))):
        last = tmp_path / "whole" / f"epoch={epoch}.ckpt"
        resumed = train(tmp_path / f"{epoch}", stages, resume=last)
        assert resumed.counts[1] == first  # the first stage is planned in any case


def test_weights_of_classes_are_the_inverse_of_their_shares() -> None:
    module = EmotionRecognizer("tiny", ("calm", "happy", "sad"))
    module.plan_stage(Stage(), 1, [2, 4, 6])
    # Twelve clips of three classes: 12 / (3 n).
    assert module.class_weights.tolist() == pytest.approx([2, 1, 2 / 3])
    module.plan_stage(Stage(class_weights="none"), 1, [2, 4, 6])
    assert module.class_weights.tolist() == [1, 1, 1]


class Draws(Callback):
    def __init__(self) -> None:
        self.drawn: list[float] = []

    def on_train_batch_end(self, *_: Any) -> None:
        self.drawn.append(float(torch.rand(1)))


def test_every_batch_draws_by_the_switch_s_seed(tmp_path: Path) -> None:
    drawn: list[list[float]] = []
    for seed in (1, 1, 2):
        draws = Draws()
        place = tmp_path / f"{len(drawn)}"
        train(place, {"source": Stage(2), "target": Stage(1)}, seed, more=[draws])
        drawn.append(draws.drawn)
    assert drawn[0] == drawn[1]
    assert len({*drawn[0], *drawn[2]}) == 2 * 3 * 4  # epochs of four batches


def test_every_process_draws_for_itself() -> None:
    switch = StageSwitch({"source": Stage()})
    drawn: set[float] = set()
    for rank in range(3):
        trainer: Any = SimpleNamespace(current_epoch=0, global_rank=rank)
        switch.on_train_batch_start(trainer, Mock(), None, 0)
        drawn.add(float(torch.rand(1)))
    assert len(drawn) == 3


def test_what_begins_anew_depends_on_the_switch_s_seed_and_the_stage(
    tmp_path: Path,
) -> None:
    stages = {
        name: Stage(1, data="source", reset_head=True, start_from="last")
        for name in ("source", "second", "third")
    }
    heads: dict[tuple[int, int], torch.Tensor] = {}
    for seed in (1, 2):
        torch.manual_seed(3)
        module = train(tmp_path / f"{seed}", stages, seed)
        heads |= {(seed, n): one for n, one in enumerate(module.at_epoch_start)}
    assert len({tuple(head.flatten().tolist()) for head in heads.values()}) == 2 * 3


def test_a_recogniser_s_new_parts_come_from_the_seed_alone() -> None:
    stage, parts = Stage(reset=["head", "projector", "layers"]), []
    for disturbance, seed in ((1, 5), (2, 5), (1, 6)):
        module = EmotionRecognizer("tiny", ("calm", "happy"))
        with torch.no_grad():
            module.mix.raw_weights.fill_(7.0)
        torch.manual_seed(disturbance)
        before = torch.get_rng_state()
        module.begin_stage("source", stage, "", seed)
        assert torch.equal(torch.get_rng_state(), before)
        parts.append([one.detach().clone() for one in module.head.parameters()])
        assert 7.0 not in module.mix.raw_weights.tolist()
    same, other = zip(parts[0], parts[1], strict=True), zip(*parts[::2], strict=True)
    assert all(torch.equal(*pair) for pair in same)
    assert not all(torch.equal(*pair) for pair in other)
