"""Sums that scores are made of, of all views under one condition, by group."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from crossemo.metrics.confusions import mean_over_folds, means_without_each_block
from crossemo.metrics.intervals import MIN_GROUPS
from crossemo.probes.judgements import Condition, Judgements
from crossemo.tasks import Task

Row = dict[str, Any]
Score = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class ConditionCounts:
    """Sums of all views under one condition, see `Task.tally`.

    Args:
        counts: `(views, variants, groups, rows, columns)`.
        folds: `(groups,)` fold that tests each group.
        targets: Targets of the clips that were judged.
        task: What was learnt.
    """

    counts: Tensor
    folds: Tensor
    targets: Tensor
    task: Task

    def scores(self, score: Score) -> Tensor:
        """Return a score, averaged over folds: `(views, variants)`."""
        return mean_over_folds(self.counts, self.folds, score)

    @property
    def blocks(self) -> Tensor:
        """Block of each group for the jackknife, `(groups,)`.

        Blocks are folds or, with too few of them, groups: all groups of a fold are
        judged by one probe, and share its luck.
        """
        enough = len(set(self.folds.tolist())) >= MIN_GROUPS
        return self.folds if enough else self.groups

    @property
    def has_interval(self) -> bool:
        """Whether there are blocks enough for an interval."""
        return len(set(self.blocks.tolist())) >= MIN_GROUPS

    @property
    def groups(self) -> Tensor:
        """Each group as a block of its own, `(groups,)`."""
        return torch.arange(len(self.folds))

    def replicates(self, score: Score, blocks: Tensor | None = None) -> Tensor:
        """Return a score without each block of groups in turn.

        Args:
            score: `(..., rows, columns)` counts to `(...)`.
            blocks: `(groups,)` block of each group; `blocks` of these if None.

        Returns:
            `(blocks, views)`, averaged over folds and variants.
        """
        blocks = self.blocks if blocks is None else blocks
        return means_without_each_block(self.counts, self.folds, blocks, score).mean(-1)


def count_condition(
    judgements: Judgements, number: int, shuffled: bool, melody: int | None = None
) -> ConditionCounts:
    """Count the judgements of one condition.

    Args:
        judgements: The judgements.
        number: Number of the condition.
        shuffled: Whether to count the probes that learnt shuffled targets or true ones.
        melody: Number of the melody whose clips and classes alone count; all if None.
    """
    judged = judgements.names.index(judgements.conditions[number].judged)
    tested = (judgements.roles == judged) & (judgements.tested_in >= 0)
    predictions = judgements.said
    if melody is not None:
        members = torch.tensor(judgements.melodies[melody])
        tested &= torch.isin(judgements.targets, members)
        predictions = judgements.within
    clips = tested.nonzero().flatten()
    clip_groups = [judgements.groups[clip] for clip in clips.tolist()]
    place = {name: n for n, name in enumerate(sorted(set(clip_groups)))}
    groups = torch.tensor([place[name] for name in clip_groups])
    folds = torch.zeros(len(place), dtype=torch.long)
    folds[groups] = judgements.tested_in[clips]
    variants = [
        n for n, (_, s) in enumerate(judgements.variants) if (s is not None) == shuffled
    ]
    targets, task = judgements.targets[clips], judgements.task
    decisions = predictions[number][:, variants][:, :, clips]
    counts = task.tally(decisions, targets, groups, len(place))
    return ConditionCounts(counts, folds, targets, task)


def condition_columns(condition: Condition) -> Row:
    """Return the columns that name a condition in tables."""
    return {
        "trained_on": condition.trained,
        "judged_on": condition.judged,
        "scaler": condition.scaler,
    }


def judged_roles(row: Mapping[str, Any]) -> list[str]:
    """Return the roles whose clips a row of `condition_columns` is a score on."""
    return [row["judged_on"]]
