"""Sums that the scores of runs are made of, by unit; and of folds pooled."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from crossemo.studies.recorded_runs import RecordedRun
from crossemo.tasks import Task

if TYPE_CHECKING:
    from pandas import DataFrame

Score = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Tally:
    """Sums over the test clips of each unit, see `Task.tally`.

    Args:
        units: Names of the units (speakers, songs).
        sums: `(units, rows, columns)`.
        clips: Number of clips.
    """

    units: tuple[str, ...]
    sums: Tensor
    clips: int


@dataclass(frozen=True)
class Pooled:
    """Sums of all folds and seeds of one condition.

    Args:
        sums: `(seeds, rows of units, rows, columns)`; a row is a unit in a fold.
        folds: `(rows of units,)` number of the fold that tests each, from 0.
        units: `(rows of units,)` number of each unit, from 0.
        fold_clips: `(folds,)` clips of each fold, the same of every seed.
    """

    sums: Tensor
    folds: Tensor
    units: Tensor
    fold_clips: Tensor

    @property
    def clips(self) -> int:
        """Number of clips of a seed."""
        return int(self.fold_clips.sum())

    @property
    def n_folds(self) -> int:
        """Number of folds."""
        return len(self.fold_clips)

    @property
    def n_units(self) -> int:
        """Number of units."""
        return len(set(self.units.tolist()))

    def value(self, score: Score) -> Tensor:
        """Return the score of the clips of all folds, averaged over seeds, `()`."""
        return score(self.sums.sum(1)).mean()

    def by_fold(self, score: Score) -> Tensor:
        """Return the score of each fold, averaged over seeds, `(folds,)`."""
        return score(_block_sums(self.sums, self.folds)).mean(0)

    def replicates(self, score: Score, blocks: Tensor) -> Tensor:
        """Return the value without each block of units in turn, `(blocks,)`."""
        total = self.sums.sum(1, keepdim=True)
        return score(total - _block_sums(self.sums, blocks)).mean(0)


def tally_run(run: RecordedRun) -> dict[tuple[str, str], Tally]:
    """Return the sums of a run by stage and place, a role or `ROLE/CORPUS`."""
    columns = ["stage", "place", "corpus", "group"]
    cells = run.predictions.groupby(columns, observed=True, sort=True)
    numbers = torch.tensor(cells.ngroup().to_numpy(dtype="int64"))
    decisions, targets = targets_of(run.predictions, run.task)
    sums = run.task.tally(decisions, targets, numbers, cells.ngroups)
    members: dict[tuple[str, str], dict[str, list[int]]] = {}
    sizes = cells.size()
    for number, (stage, role, corpus, unit) in enumerate(sizes.index):
        several = (f"{role}/{corpus}",) if role in run.several else ()
        for place in (role, *several):
            members.setdefault((stage, place), {}).setdefault(unit, []).append(number)
    counts = sizes.to_numpy()
    return {
        place: Tally(
            units=tuple(of),
            sums=torch.stack([sums[rows].sum(0) for rows in of.values()]),
            clips=int(sum(counts[rows].sum() for rows in of.values())),
        )
        for place, of in members.items()
    }


def targets_of(rows: "DataFrame", task: Task) -> tuple[Tensor, Tensor]:
    """Return decisions and targets, `(clips,)` or `(clips, outputs)`."""
    if task.kind == "values":
        decisions, targets = (
            torch.tensor(rows[[f"{n}_{end}" for n in task.outputs]].to_numpy(float))
            for end in ("predicted", "true")
        )
        return decisions.float(), targets.float()
    decisions, targets = (
        torch.tensor(rows[name].cat.set_categories(task.outputs).cat.codes.to_numpy())
        for name in ("predicted", "true")
    )
    return decisions.long(), targets.long()


def pool(
    tallies: Mapping[tuple[int, int], Tally],
) -> Pooled:
    """Return the sums of all folds.

    Args:
        tallies: By fold and seed, each seed with the same folds, and each fold with the
            same units.
    """
    folds = sorted({fold for fold, _ in tallies})
    seeds = sorted({seed for _, seed in tallies})
    first = [tallies[fold, seeds[0]] for fold in folds]
    names = [unit for one in first for unit in one.units]
    numbers = {name: place for place, name in enumerate(dict.fromkeys(names))}
    sums = [torch.cat([tallies[fold, seed].sums for fold in folds]) for seed in seeds]
    sizes = torch.tensor([len(one.units) for one in first])
    return Pooled(
        torch.stack(sums),
        torch.arange(len(folds)).repeat_interleave(sizes),
        torch.tensor([numbers[name] for name in names]),
        torch.tensor([one.clips for one in first]),
    )


def _block_sums(sums: Tensor, blocks: Tensor) -> Tensor:
    """Add up the rows of each block: `(seeds, blocks, rows, columns)`."""
    names, block = torch.unique(blocks, return_inverse=True)
    shape = (sums.shape[0], len(names), *sums.shape[2:])
    return sums.new_zeros(shape).index_add_(1, block, sums)
