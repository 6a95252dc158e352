"""Which clips the probes of every fold learn from, are chosen by and are judged on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Literal

import torch
from torch import Tensor

from crossemo.corpora.base import PARTS
from crossemo.data.datamodule import EmotionDataModule
from crossemo.data.splits import SplitError
from crossemo.data.windows import CUT
from crossemo.tasks import Task

TRAIN, VAL, TEST = range(len(PARTS))


@dataclass(frozen=True)
class ProbedClips:
    """All clips of all roles, in one order.

    Args:
        ids: Name of each clip.
        groups: Unit of each clip (speaker, song, artist).
        keys: What is computed of each clip is kept by, see `ClipDataset.keys`.
        roles: `(clips,)` number of the role that each clip is of.
        targets: `(clips,)` class of each clip, or `(clips, outputs)` its values.
        parts: `(folds, clips)` which of `PARTS` each clip is in; -1 for none.
        names: Names of the roles.
        task: What is learnt of them.
        melodies: Classes within which no clip's melody tells which one it is, by
            number; see `Corpus.melodies`.
    """

    ids: tuple[str, ...]
    groups: tuple[str, ...]
    keys: tuple[str, ...]
    roles: Tensor
    targets: Tensor
    parts: Tensor
    names: tuple[str, ...]
    task: Task
    melodies: tuple[tuple[int, ...], ...] = ()

    def rows(self, role: int, *parts: int) -> Tensor:
        """Return the clips of a role in some parts, fold by fold.

        Returns:
            `(folds, most)` positions, filled up with -1 where a fold has fewer.
        """
        inside = torch.isin(self.parts, torch.tensor(parts)) & (self.roles == role)
        rows = [fold.nonzero().flatten() for fold in inside]
        return torch.nn.utils.rnn.pad_sequence(rows, True, padding_value=-1)

    def digest(self) -> str:
        """Return what tells clips, roles, labels and parts from any others."""
        contents = [key.partition(CUT)[0] for key in self.keys]  # however they are cut
        rows = zip(contents, self.roles.tolist(), self.targets.tolist(), strict=True)
        text = repr((self.names, self.task.outputs, list(rows), self.parts.tolist()))
        return sha256(text.encode()).hexdigest()

    def describe(self) -> list[dict[str, list[str]]]:
        """Return the groups of each part in every fold."""
        folds = []
        for parts in self.parts.tolist():
            units: dict[str, set[str]] = {
                name: {
                    group
                    for group, part in zip(self.groups, parts, strict=True)
                    if part == number
                }
                for number, name in enumerate(PARTS)
            }
            folds.append({name: sorted(groups) for name, groups in units.items()})
        return folds

    def only(self, folds: Literal["all"] | Sequence[int]) -> "ProbedClips":
        """Return the same with some of the folds.

        Raises:
            SplitError: There is no such fold.
        """
        if folds == "all":
            return self
        for fold in folds:
            if fold not in range(len(self.parts)):
                raise SplitError(
                    f"There is no fold {fold}: choose 0 to {len(self.parts) - 1}."
                )
        return replace(self, parts=self.parts[list(folds)])


def probed_clips(data: EmotionDataModule) -> ProbedClips:
    """Return the clips of a datamodule that is set up, in all its folds.

    Raises:
        SplitError: A fold can't be made, or there is nothing to learn or to judge.
    """
    members = [
        (number, example)
        for number, role in enumerate(data.roles)
        for part in PARTS
        for example in data.dataset(role, part).examples
    ]
    keys = tuple(key for dataset in data.datasets() for key in dataset.keys)
    parts = [
        [PARTS.index(p) if (p := fold.parts.get(e.clip.id)) else -1 for _, e in members]
        for fold in data.every_partition()
    ]
    clips = ProbedClips(
        ids=tuple(one.clip.id for _, one in members),
        groups=tuple(one.unit for _, one in members),
        keys=keys,
        roles=torch.tensor([number for number, _ in members]),
        targets=torch.tensor([one.target for _, one in members]),
        parts=torch.tensor(parts),
        names=tuple(data.roles),
        task=data.task,
        melodies=_melodies(data),
    )
    _refuse_gaps(clips)
    return clips


def shuffled_targets(clips: ProbedClips, seed: int) -> Tensor:
    """Return targets that say nothing: exchanged among clips of a role.

    The clips of a group that has all targets of the role, such as all emotions of an
    actor, are exchanged among themselves; all others among one another, as a song that
    has one alone would keep it.

    Args:
        clips: The clips.
        seed: Seed of the exchange.
    """
    generator = torch.Generator().manual_seed(seed)
    targets = clips.targets.clone()
    for rows in _exchangeable(clips):
        order = torch.randperm(len(rows), generator=generator)
        targets[rows] = clips.targets[rows[order]]
    return targets


def _exchangeable(clips: ProbedClips) -> Iterable[Tensor]:
    """Return the rows of clips that are exchanged among themselves."""
    kinds = torch.unique(clips.targets, dim=0, return_inverse=True)[1]
    cells: dict[tuple[int, str], list[int]] = {}
    for row, cell in enumerate(zip(clips.roles.tolist(), clips.groups, strict=True)):
        cells.setdefault(cell, []).append(row)
    whole = [len(kinds[clips.roles == n].unique()) for n in range(len(clips.names))]
    exchanged: dict[tuple[int, str], list[int]] = {}
    for (role, group), rows in cells.items():
        complete = len(kinds[rows].unique()) == whole[role]
        exchanged.setdefault((role, group if complete else ""), []).extend(rows)
    return map(torch.tensor, exchanged.values())


def class_shares(labels: Tensor, inside: Tensor, classes: int) -> Tensor:
    """Return weights of clips that sum to one and give every class that is there alike.

    Args:
        labels: `(..., clips)` classes.
        inside: `(..., clips)` bool, which clips count.
        classes: Number of classes.

    Returns:
        `(..., clips)` float64, 0 outside.

    >>> class_shares(torch.tensor([0, 0, 1]), torch.tensor([True] * 3), 2)
    tensor([0.2500, 0.2500, 0.5000], dtype=torch.float64)
    """
    member = torch.nn.functional.one_hot(labels, classes) * inside[..., None].double()
    counts = member.sum(-2, keepdim=True)
    present = (counts > 0).sum(-1, keepdim=True)
    return (member / counts.clamp(min=1) / present.clamp(min=1)).sum(-1)


def _melodies(data: EmotionDataModule) -> tuple[tuple[int, ...], ...]:
    melodies = {
        tuple(data.classes.index(name) for name in melody if name in data.classes)
        for corpus in data.roles.values()
        for melody in corpus.melodies
    }
    return tuple(sorted(melody for melody in melodies if len(melody) > 1))


def _refuse_gaps(clips: ProbedClips) -> None:
    for number, name in enumerate(clips.names):
        for fold, parts in enumerate(clips.parts):
            for part, what in enumerate(PARTS):
                inside = (clips.roles == number) & (parts == part)
                gap = gap_in(clips.task, clips.targets[inside].tolist(), part)
                if gap:
                    raise SplitError(
                        f"In fold {fold}, no {what} clip of {name} {gap}: choose "
                        "another split, or labels that every corpus has."
                    )


def gap_in(task: Task, targets: list[Any], part: int) -> str:
    """Return what no clip of a part is or has, though some should."""
    missing = [name for name, count in task.counts(targets).items() if not count]
    if missing and (part == TRAIN or not targets):
        return f"is {' or '.join(missing)}"
    if not targets:
        return f"has {' and '.join(task.outputs)}"
    same = task.constant(targets) if part == TRAIN else []
    return f"has another {' or '.join(same)} than the others" if same else ""
