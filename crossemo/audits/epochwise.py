"""A linear model trained epoch by epoch, for many splits of the same clips at once."""

from math import ceil

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.optim import Adam

from crossemo.audits.audit_options import AuditOptions
from crossemo.probes.bank import raw_logits
from crossemo.probes.clips import TEST, TRAIN, VAL, class_shares
from crossemo.probes.judgements import unjudged
from crossemo.probes.task import scale_of
from crossemo.tasks import Task


def best_epochs(
    values: Tensor,
    targets: Tensor,
    parts: Tensor,
    task: Task,
    options: AuditOptions,
    generator: torch.Generator,
) -> dict[int, Tensor]:
    """Train a linear model for every split, and return what its best epochs say.

    It is soft-max regression of classes and linear regression of values, on features
    that are standardised by the training clips, from weights of 0, by Adam. A step is
    of clips drawn with replacement, all classes equally often, and an epoch has as
    many steps as it takes to draw as many clips as training has. No split depends on
    the others.

    Args:
        values: `(clips, width)` features.
        targets: `(clips,)` classes, or `(clips, outputs)` values.
        parts: `(splits, clips)` which of `PARTS` each clip is in; -1 for none.
        task: What is learnt.
        options: How.
        generator: Draws the clips of each step.

    Returns:
        For `VAL` and for `TEST` the decisions, `(splits, clips)` or `(splits, clips,
        outputs)`, of the epoch with the best headline score on that part; of several
        such epochs the first.
    """
    splits, width = len(parts), values.shape[1]
    learnt = parts == TRAIN
    mean, inverse = (
        torch.cat(same)
        for same in zip(
            *(scale_of(values[None], inside[None]) for inside in learnt), strict=True
        )
    )
    weight = torch.zeros(splits, len(task.outputs), width, requires_grad=True)
    bias = torch.zeros(splits, len(task.outputs), requires_grad=True)
    adam = Adam([weight, bias], options.lr)
    shares = _shares(targets, learnt, task)
    steps = ceil(int(learnt.sum(1).max()) / options.batch_size)
    best = {part: _Best(parts == part, task) for part in (VAL, TEST)}
    for _ in range(options.epochs):
        size = steps * options.batch_size
        drawn = shares.multinomial(size, replacement=True, generator=generator)
        for rows in drawn.view(splits, steps, -1).unbind(1):
            clips = (values[rows] - mean) * inverse  # (splits, batch, width)
            outputs = torch.baddbmm(bias[:, None], clips, weight.mT)
            adam.zero_grad()
            _loss(outputs, targets[rows], task).backward()  # type: ignore[no-untyped-call]
            adam.step()
        with torch.no_grad():
            maps = [weight[:, None], bias[:, None]]
            decisions = task.decide(raw_logits(maps, values, mean, inverse)[:, 0])
        for one in best.values():
            one.update(decisions, targets)
    return {part: one.decisions for part, one in best.items()}


class _Best:
    """The decisions of the best epoch of each split so far.

    Args:
        judged: `(splits, clips)` bool, the clips that judge an epoch.
        task: What is learnt.
    """

    def __init__(self, judged: Tensor, task: Task) -> None:
        splits = len(judged)
        self.decisions = unjudged(judged.shape, task)
        self._task = task
        self._score = torch.full((splits,), -torch.inf, dtype=torch.float64)
        # What no split judges is counted beside them.
        self._split = torch.where(judged, torch.arange(splits)[:, None], splits)

    def update(self, decisions: Tensor, targets: Tensor) -> None:
        """Take the decisions of an epoch where they are better.

        Args:
            decisions: `(splits, clips)` or `(splits, clips, outputs)`.
            targets: Targets of the clips.
        """
        splits, task = len(decisions), self._task
        every = targets.repeat(splits, *[1] * (targets.ndim - 1))
        sums = task.tally(
            decisions.flatten(0, 1), every, self._split.flatten(), splits + 1
        )
        score = task.measures()[task.headline].score(sums[:splits])
        better = score > self._score
        self._score[better] = score[better]
        self.decisions[better] = decisions[better].to(self.decisions)


def _shares(targets: Tensor, inside: Tensor, task: Task) -> Tensor:
    """Return how often each clip is drawn, `(splits, clips)`."""
    if task.family == "categorical":
        every = targets.expand(len(inside), -1)
        return class_shares(every, inside, len(task.outputs))
    return inside / inside.sum(1, keepdim=True)


def _loss(outputs: Tensor, targets: Tensor, task: Task) -> Tensor:
    """Return the sum over splits of the mean loss of a batch.

    Args:
        outputs: `(splits, batch, outputs)`.
        targets: `(splits, batch)` or `(splits, batch, outputs)`.
        task: What is learnt.
    """
    if task.family == "categorical":
        losses = cross_entropy(
            outputs.flatten(0, 1), targets.flatten(), reduction="sum"
        )
    else:
        losses = (outputs - targets).square().mean(-1).sum()
    return losses / outputs.shape[1]
