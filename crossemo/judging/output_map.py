"""Which output of a model is which class or value of a task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import torch
from torch import Tensor

from crossemo.corpora.base import Scale
from crossemo.emotions import WORDS
from crossemo.errors import CrossEmoError, guess_among, listed, shortened
from crossemo.judging.spellings import word_of
from crossemo.tasks import Task
from crossemo.tasks.classes import Classes

NONE = "none"  # what a label is mapped to so that it is left out
Labels = Mapping[str, str | None]
_UNKNOWN = ""  # a meaning that nobody has said


class LabelError(CrossEmoError):
    """Outputs of a model that are not those of the task."""


@dataclass(frozen=True)
class OutputMap:
    """What the outputs of a model mean in a task.

    Args:
        labels: Names of the model's outputs, in order.
        outputs: Names of the task's outputs, in order.
        places: For each output of the model, the position of the task's that it counts
            for; None where it is left out.
        scale: The scale that a model's values are on; None of classes.
    """

    labels: tuple[str, ...]
    outputs: tuple[str, ...]
    places: tuple[int | None, ...]
    scale: Scale | None = None

    @property
    def left_out(self) -> list[str]:
        """Labels that count for nothing."""
        pairs = zip(self.labels, self.places, strict=True)
        return [label for label, place in pairs if place is None]

    @property
    def absent(self) -> list[str]:
        """Outputs of the task that the model has none for."""
        return [
            name for place, name in enumerate(self.outputs) if place not in self.places
        ]

    def __call__(self, outputs: Tensor) -> Tensor:
        """Return the task's outputs of those of a model.

        A class has the probability of its labels together, among the labels of all
        classes; what is left out has no share. Values are brought to -1 to 1 about the
        middle of their scale.

        Args:
            outputs: `(batch, labels)` logits or values.

        Returns:
            `(batch, outputs)` logits, minus infinity of a class without a label; or
            values.
        """
        columns = [
            outputs[:, [n for n, one in enumerate(self.places) if one == place]]
            for place in range(len(self.outputs))
        ]
        if self.scale is None:
            return torch.stack([one.logsumexp(-1) for one in columns], -1)
        low, high, middle = self.scale.low, self.scale.high, self.scale.middle
        return 2 * (torch.cat(columns, -1) - middle) / (high - low)

    def describe(self) -> dict[str, Any]:
        """Return which label counts for what, ready for JSON."""
        names = [None if one is None else self.outputs[one] for one in self.places]
        return dict(zip(self.labels, names, strict=True))


def map_outputs(
    model: str,
    labels: Sequence[str],
    task: Task,
    given: Labels,
    scale: Scale | None = None,
) -> OutputMap:
    """Return what each output of a model means in a task.

    Args:
        model: Name of the model, for messages.
        labels: Names of its outputs, in order.
        task: The task.
        given: By label, the output of the task, or the word of `crossemo.emotions`,
            that it means; `none` or None leaves it out. Others are taken by their name.
        scale: The scale that values of the model are on.

    Raises:
        LabelError: What is given is no label or no output; too few outputs of the task
            have a label; one has none, and a label that isn't known may be it; or it
            isn't known on which scale values are.
    """
    _refuse_strays(model, labels, given)
    meanings = [_meaning(label, task, given) for label in labels]
    unknown = [n for n, one in zip(labels, meanings, strict=True) if one == _UNKNOWN]
    places = tuple(_place(one, task) for one in meanings)
    values = task.kind == "values"
    mapped = OutputMap(tuple(labels), task.outputs, places, scale if values else None)
    if mapped.absent and (unknown or values or len({*places} - {None}) < 2):
        _refuse(model, mapped, unknown, task)
    if values:
        _refuse_values(model, mapped)
    return mapped


def _refuse_strays(model: str, labels: Sequence[str], given: Labels) -> None:
    known = {label.casefold() for label in labels}
    for label in given:
        if label.casefold() not in known:
            raise LabelError(
                f"labels names {shortened(label)!r}, and {model} has the outputs "
                f"{listed(map(shortened, labels), 20)}."
                f"{guess_among(label, labels)}"
            )


def _meaning(label: str, task: Task, given: Labels) -> str | None:
    """Return the task's output or the word that a label means, or that none is known.

    Raises:
        LabelError: It is given as something that is neither.
    """
    outputs = {name.casefold(): name for name in task.outputs}
    meanings = {key.casefold(): value for key, value in given.items()}
    if label.casefold() not in meanings:
        return outputs.get(label.strip().casefold()) or word_of(label) or _UNKNOWN
    meaning = meanings[label.casefold()]
    if meaning is None or meaning.casefold() == NONE:
        return None
    if (word := outputs.get(meaning.casefold()) or word_of(meaning)) is None:
        words = listed(dict.fromkeys((*task.outputs, *_words(task))), 20)
        raise LabelError(
            f"labels would have {shortened(label)!r} mean {shortened(meaning)!r}: "
            f"choose one of {words}, or {NONE} to leave it out."
        )
    return word


def _place(meaning: str | None, task: Task) -> int | None:
    if meaning in task.outputs:
        return task.outputs.index(meaning)
    if isinstance(task, Classes) and meaning in WORDS:
        return task.space.index(meaning)
    return None


def _words(task: Task) -> Sequence[str]:
    return WORDS if isinstance(task, Classes) else ()


def _refuse(
    model: str, mapped: OutputMap, unknown: Sequence[str], task: Task
) -> NoReturn:
    wanted = listed(mapped.absent, last=" and ")
    example = (unknown or mapped.labels)[0]
    advice = f"say what they mean, such as --labels.{example}={mapped.absent[0]}"
    if unknown:
        raise LabelError(
            f"{model} has no output for {wanted} that crossemo knows, and it doesn't "
            f"know what {listed(map(shortened, unknown), 20)} means: {advice}, or "
            f"{NONE} for one to leave out."
        )
    raise LabelError(
        f"{model} has no output for {wanted}, only "
        f"{listed(map(shortened, mapped.labels), 20)}: {advice}, or choose another "
        "task of the data."
    )


def _refuse_values(model: str, mapped: OutputMap) -> None:
    twice = [
        name
        for place, name in enumerate(mapped.outputs)
        if mapped.places.count(place) > 1
    ]
    if twice:
        raise LabelError(
            f"{model} has several outputs for {twice[0]}: leave all but one out, with "
            f"--labels.NAME={NONE}."
        )
    if mapped.scale is None:
        raise LabelError(
            f"On which scale {model} says {listed(mapped.outputs, last=' and ')} isn't "
            "known: give it, such as --scale [0,1], so that its middle is that of the "
            "corpus."
        )
