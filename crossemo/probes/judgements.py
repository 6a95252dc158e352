"""What probes said of the clips that they were tested on, and a file to keep it in."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from crossemo.errors import CrossEmoError
from crossemo.files import replacing
from crossemo.probes.bank import logits
from crossemo.probes.base import Chosen, Variant
from crossemo.probes.clips import TEST, ProbedClips
from crossemo.probes.task import scale_of
from crossemo.probes.views import View
from crossemo.tasks import Task, task_of

FORMAT = 4  # 3 and before knew classes alone; of 2, linear probes were trained
JUDGEMENTS = "judgements.safetensors"  # its name in the folder of a run
_TENSORS = ("said", "within", "validation", "choice", "roles", "targets", "parts")


class Condition(NamedTuple):
    """How probes were judged.

    Args:
        trained: Role whose clips they learnt from.
        judged: Role whose clips they were judged on.
        scaler: Whose clips standardised the judged ones, of the parts that the probes
            were fitted on: those of the `trained` role or, without their labels, of
            the `judged` one.
    """

    trained: str
    judged: str
    scaler: str = "trained"


@dataclass(frozen=True)
class Judgements:
    """What the probes of every view, fold and variant said of its test clips.

    Args:
        said: `(conditions, views, variants, clips)` classes, -1 where a clip wasn't
            judged; or `(conditions, views, variants, clips, outputs)` values, NaN.
        within: The same, of the classes that share a melody with the true one; -1
            where there is none besides it. Of no condition where there are no melodies.
        validation: `(roles, views, folds, variants)` headline score on validation of
            the probes that were chosen.
        choice: `(roles, views, folds, variants)` their penalties, in units of the
            width, or learning rates; or `(…, outputs)` one for each value.
        roles: `(clips,)` number of the role of each clip.
        targets: `(clips,)` class of each clip, or `(clips, outputs)` its values.
        parts: `(folds, clips)` which of `PARTS` each clip was in; -1 for none.
        conditions: How they were judged.
        views: What they saw.
        variants: Seed of the first weights, and of shuffled targets, if any of either.
        ids: Names of the clips.
        groups: Groups of the clips.
        names: Names of the roles.
        task: What was learnt.
        melodies: Classes that share a melody.
        about: What else a reader wants to know, such as the encoder's name.
    """

    said: Tensor
    within: Tensor
    validation: Tensor
    choice: Tensor
    roles: Tensor
    targets: Tensor
    parts: Tensor
    conditions: list[Condition]
    views: list[View]
    variants: list[Variant]
    ids: tuple[str, ...]
    groups: tuple[str, ...]
    names: tuple[str, ...]
    task: Task
    melodies: tuple[tuple[int, ...], ...]
    about: dict[str, Any]

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the classes or values."""
        return self.task.outputs

    @property
    def tested_in(self) -> Tensor:
        """The first fold that tests each clip, `(clips,)`; -1 for none."""
        tested = self.parts == TEST
        return torch.where(tested.any(0), tested.int().argmax(0), -1)

    def save(self, path: Path) -> None:
        """Write them to a safetensors file."""
        texts = {
            "format": FORMAT,
            "conditions": self.conditions,
            "views": [view.describe() for view in self.views],
            "variants": self.variants,
            "ids": self.ids,
            "groups": self.groups,
            "names": self.names,
            "task": [self.task.kind, self.task.outputs],
            "melodies": self.melodies,
            "about": self.about,
        }
        tensors = {name: getattr(self, name).contiguous() for name in _TENSORS}
        with replacing(path) as temporary:
            save_file(tensors, temporary, {k: json.dumps(v) for k, v in texts.items()})


def read_judgements(path: Path) -> Judgements:
    """Read what `Judgements.save` wrote.

    Raises:
        CrossEmoError: There is no such file, or it is another's.
    """
    try:
        with safe_open(path, "pt") as file:
            texts = {k: json.loads(v) for k, v in (file.metadata() or {}).items()}
            if (written := int(texts.pop("format"))) == FORMAT:
                tensors = {name: file.get_tensor(name) for name in _TENSORS}
                return _judgements(tensors, texts)
    except (
        *(AttributeError, KeyError, OSError, RecursionError, SafetensorError),
        *(IndexError, TypeError, ValueError),
    ) as error:
        raise CrossEmoError(
            f"{path} holds no judgements of probes: give a file or folder that "
            "`lightning fit` with LayerwiseProbes left."
        ) from error
    raise CrossEmoError(
        f"{path} is of format {written}, and this crossemo reads format {FORMAT}: make "
        "that run anew."
    )


def _judgements(tensors: Mapping[str, Tensor], texts: Mapping[str, Any]) -> Judgements:
    return Judgements(
        **tensors,
        conditions=[Condition(*one) for one in texts["conditions"]],
        views=[View(**one) for one in texts["views"]],
        variants=[(seed, shuffle) for seed, shuffle in texts["variants"]],
        ids=tuple(texts["ids"]),
        groups=tuple(texts["groups"]),
        names=tuple(texts["names"]),
        task=task_of(texts["task"][0], tuple(texts["task"][1])),
        melodies=tuple(tuple(melody) for melody in texts["melodies"]),
        about=texts["about"],
    )


def judge(
    chosen: Sequence[Sequence[Chosen]],
    fitted: Sequence[int],
    values: Sequence[Tensor],
    views: Sequence[View],
    clips: ProbedClips,
    variants: Sequence[Variant],
    about: Mapping[str, Any],
) -> Judgements:
    """Judge the chosen probes of all roles and views on the test clips of all roles.

    Args:
        chosen: For each role that was learnt from the probes of each view.
        fitted: Parts whose clips they were fitted on and standardised by.
        values: `(clips, width)` features of each view.
        views: The views.
        clips: The clips.
        variants: The variants of the probes.
        about: What else to keep.
    """
    conditions = _conditions(clips.names)
    shape = (len(conditions), len(views), len(variants), len(clips.ids))
    decisions = unjudged(shape, clips.task)
    within = decisions.clone() if clips.melodies else decisions[:0]
    for view, one in enumerate(values):
        features = one.cpu().double()
        scales = [_scale(features, clips, r, fitted) for r in range(len(clips.names))]
        for number, condition in enumerate(conditions):
            trained = clips.names.index(condition.trained)
            judged = clips.names.index(condition.judged)
            scale = scales[trained if condition.scaler == "trained" else judged]
            maps = [tensor.cpu().double() for tensor in chosen[trained][view].maps]
            for tested, scores in _scores(maps, features, scale, clips, judged):
                decisions[number, view][:, tested] = clips.task.decide(scores).to(
                    decisions
                )
                if clips.melodies:
                    among = _within(scores, clips.targets[tested], clips.melodies)
                    within[number, view][:, tested] = among
    validation, choice = (
        torch.stack([torch.stack([getattr(v, name) for v in role]) for role in chosen])
        for name in ("validation", "choice")
    )
    return Judgements(
        said=decisions,
        within=within,
        validation=validation.cpu().float(),
        choice=choice.cpu().float(),
        roles=clips.roles,
        targets=clips.targets,
        parts=clips.parts,
        conditions=conditions,
        views=list(views),
        variants=list(variants),
        ids=clips.ids,
        groups=clips.groups,
        names=clips.names,
        task=clips.task,
        melodies=clips.melodies,
        about=dict(about),
    )


def _conditions(names: Sequence[str]) -> list[Condition]:
    within = [Condition(name, name) for name in names]
    across = [
        Condition(one, other, scaler)
        for one in names
        for other in names
        if one != other
        for scaler in ("trained", "judged")
    ]
    return within + across


def _scale(
    values: Tensor, clips: ProbedClips, role: int, parts: Sequence[int]
) -> tuple[Tensor, Tensor]:
    rows = clips.rows(role, *parts)
    return scale_of(values[rows.clamp(min=0)], rows >= 0)


def unjudged(shape: Sequence[int], task: Task) -> Tensor:
    """Return decisions on no clip: -1 for classes, NaN for values.

    Args:
        shape: `(..., clips)`.
        task: What is learnt.
    """
    one = task.decide(torch.zeros(len(task.outputs)))
    if one.is_floating_point():
        return torch.full((*shape, *one.shape), torch.nan)
    return torch.full(tuple(shape), -1).short()


def _scores(
    maps: Sequence[Tensor],
    values: Tensor,
    scale: tuple[Tensor, Tensor],
    clips: ProbedClips,
    role: int,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield test clips of a role, and probes' outputs `(variants, clips, outputs)`."""
    mean, inverse = scale
    rows = clips.rows(role, TEST)
    seen = (values[rows.clamp(min=0)] - mean) * inverse
    scores = logits(maps, seen)
    # A clip that several folds test counts in the first of them.
    for fold in reversed(range(len(rows))):
        tested = rows[fold, rows[fold] >= 0]
        yield tested, scores[fold, :, : len(tested)]


def _within(
    scores: Tensor, labels: Tensor, melodies: Sequence[Sequence[int]]
) -> Tensor:
    """Choose among the classes that share a melody with each clip's true one."""
    choices = torch.full(scores.shape[:-1], -1).short()
    for melody in melodies:
        members = torch.tensor(melody)
        here = torch.isin(labels, members)
        choices[:, here] = members[scores[:, here][..., members].argmax(-1)].short()
    return choices
