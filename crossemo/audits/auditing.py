"""The protocols that are audited, on the same features and with the same classifier."""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from crossemo.audits.audit_options import AuditOptions
from crossemo.audits.epochwise import best_epochs
from crossemo.audits.leaky_parts import (
    shuffled_clips,
    strata_of,
    validation_from_training,
)
from crossemo.probes.clips import TEST, VAL
from crossemo.probes.judgements import unjudged
from crossemo.progress import bar
from crossemo.tasks import Task

Protocol = Literal[
    "whole units", "shared validation", "best test epoch", "shuffled clips"
]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)  # crossemo's own first


@dataclass(frozen=True)
class AuditedClips:
    """The clips of one role.

    Args:
        values: `(clips, width)` features.
        targets: `(clips,)` classes, or `(clips, outputs)` values.
        units: Unit of each clip (speaker, song, artist).
        parts: `(folds, clips)` which of `PARTS` each clip is in; -1 for none.
        task: What is learnt.
    """

    values: Tensor
    targets: Tensor
    units: tuple[str, ...]
    parts: Tensor
    task: Task


def tallies(clips: AuditedClips, options: AuditOptions, name: str = "") -> Tensor:
    """Return the sums of which all scores are made, see `Task.tally`.

    A repeat trains a classifier for every fold of three kinds of parts: those of whole
    units, whose epoch is chosen on validation and, once more, on the test; the same
    with validation clips from the units of training; and those of shuffled clips.

    Args:
        clips: The clips.
        options: How the classifier is trained, and how often.
        name: What the clips are called where progress is shown.

    Returns:
        `(protocols, repeats, units, rows, columns)`, in the order of `PROTOCOLS` and
        of the units' names.
    """
    names = sorted(set(clips.units))
    units = torch.tensor([names.index(unit) for unit in clips.units])
    repeats = bar(range(options.repeats), f"Training on {name}")
    decisions = torch.stack([_repeat(clips, options, one) for one in repeats], 1)
    return clips.task.tally(decisions, clips.targets, units, len(names))


def _repeat(clips: AuditedClips, options: AuditOptions, number: int) -> Tensor:
    """Return what is said of the tested clips under each protocol, `(protocols, …)`."""
    generator = torch.Generator().manual_seed(options.seed + number)
    strata = strata_of(clips.targets)
    kinds = [
        clips.parts,
        validation_from_training(clips.parts, strata, generator),
        shuffled_clips(clips.parts, strata, generator),
    ]
    chosen = best_epochs(
        clips.values, clips.targets, torch.cat(kinds), clips.task, options, generator
    )
    by_validation, by_test = (chosen[part].chunk(len(kinds)) for part in (VAL, TEST))
    protocols = {
        "whole units": (by_validation[0], kinds[0]),
        "shared validation": (by_validation[1], kinds[1]),
        "best test epoch": (by_test[0], kinds[0]),
        "shuffled clips": (by_validation[2], kinds[2]),
    }
    return torch.stack([_tested(*protocols[name], clips.task) for name in PROTOCOLS])


def _tested(decisions: Tensor, parts: Tensor, task: Task) -> Tensor:
    """Return the decision on each clip by the first fold that tests it.

    Args:
        decisions: `(folds, clips)` or `(folds, clips, outputs)`.
        parts: `(folds, clips)`.
        task: What is learnt.
    """
    tested = unjudged(parts.shape[1:], task)
    for of_fold, inside in reversed(list(zip(decisions, parts == TEST, strict=True))):
        tested[inside] = of_fold[inside]
    return tested
