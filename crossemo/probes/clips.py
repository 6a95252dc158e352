"""Which clips the probes of every fold learn from, are chosen by and are judged on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Literal

import torch
from torch import Tensor

from crossemo.corpora.base import PARTS
from crossemo.data.datamodule import EmotionDataModule
from crossemo.data.splits import SplitError
from crossemo.data.windows import CUT

TRAIN, VAL, TEST = range(len(PARTS))


@dataclass(frozen=True)
class ProbedClips:
    """All clips of all roles, in one order.

    Args:
        ids: Name of each clip.
        groups: Unit of each clip (speaker, song, artist).
        keys: What is computed of each clip is kept by, see `ClipDataset.keys`.
        roles: `(clips,)` number of the role that each clip is of.
        labels: `(clips,)` class of each clip.
        parts: `(folds, clips)` which of `PARTS` each clip is in; -1 for none.
        names: Names of the roles.
        classes: Names of the classes.
        melodies: Classes within which no clip's melody tells which one it is, by
            number; see `Corpus.melodies`.
    """

    ids: tuple[str, ...]
    groups: tuple[str, ...]
    keys: tuple[str, ...]
    roles: Tensor
    labels: Tensor
    parts: Tensor
    names: tuple[str, ...]
    classes: tuple[str, ...]
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
        rows = zip(contents, self.roles.tolist(), self.labels.tolist(), strict=True)
        text = repr((self.names, self.classes, list(rows), self.parts.tolist()))
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
        SplitError: A fold can't be made, or has no training clip of some class.
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
        labels=torch.tensor([one.target for _, one in members]),
        parts=torch.tensor(parts),
        names=tuple(data.roles),
        classes=data.classes,
        melodies=_melodies(data),
    )
    _refuse_gaps(clips)
    return clips


def shuffled_labels(clips: ProbedClips, seed: int) -> Tensor:
    """Return labels that say nothing: exchanged among each group's clips of a role.

    Args:
        clips: The clips.
        seed: Seed of the exchange.
    """
    generator = torch.Generator().manual_seed(seed)
    labels = clips.labels.clone()
    cells: dict[tuple[int, str], list[int]] = {}
    for row, key in enumerate(zip(clips.roles.tolist(), clips.groups, strict=True)):
        cells.setdefault(key, []).append(row)
    for rows in map(torch.tensor, cells.values()):
        order = torch.randperm(len(rows), generator=generator)
        labels[rows] = clips.labels[rows[order]]
    return labels


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
            of_role = clips.roles == number
            for part, what in enumerate(PARTS):
                counts = clips.labels[of_role & (parts == part)].bincount(
                    minlength=len(clips.classes)
                )
                missing = _missing(counts, clips.classes)
                if missing and (part == TRAIN or len(missing) == len(clips.classes)):
                    raise SplitError(
                        f"In fold {fold}, no {what} clip of {name} is "
                        f"{' or '.join(missing)}: choose another split, or labels that "
                        "every corpus has."
                    )


def _missing(counts: Tensor, classes: Sequence[str]) -> list[str]:
    return [name for name, n in zip(classes, counts.tolist(), strict=True) if not n]
