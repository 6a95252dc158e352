"""split.csv and predictions.csv: a row for every clip."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from torch import Tensor

from crossemo.corpora.base import PARTS, Part, Scale
from crossemo.data.datamodule import EmotionDataModule
from crossemo.data.examples import Example
from crossemo.data.splits import Scheme

SPLIT, PREDICTIONS = "split.csv", "predictions.csv"  # names in the folder of a run
Row = dict[str, Any]


def split_rows(
    data: EmotionDataModule, folds: Iterable[int] | None = None
) -> list[Row]:
    """Return the part of every clip that is used.

    Args:
        data: A datamodule that is set up.
        folds: Numbers of folds; the one that the data are split by if None.
    """
    if folds is None:
        fold = data.scheme.fold if isinstance(data.scheme, Scheme) else ""
        return [
            {**_clip(data, role, part, place), "part": part, "fold": fold}
            for role, part, place in _places(data)
        ]
    every = data.every_partition()
    return [
        {**row, "part": part, "fold": fold}
        for fold in folds
        for row in (_clip(data, *place) for place in _places(data))
        if (part := every[fold].parts.get(row["clip"]))
    ]


def names_of(data: EmotionDataModule) -> dict[str, list[str]]:
    """Return the names of all clips that are used, by role."""
    return {
        role: [clip.id for part in PARTS for clip in data.dataset(role, part).clips]
        for role in data.roles
    }


def prediction_rows(
    data: EmotionDataModule, role: str, places: Sequence[int], predictions: Tensor
) -> Iterator[Row]:
    """Yield what a model says of test clips.

    Args:
        data: A datamodule that is set up.
        role: Role of the clips.
        places: `(clips,)` positions among the test clips of the role.
        predictions: `(clips, outputs)` probabilities or values.
    """
    scales = {one.name: one.scale for one in data.roles[role].members}
    for place, outputs in zip(places, predictions.tolist(), strict=True):
        row = _clip(data, role, "test", place)
        example = data.dataset(role, "test").examples[place]
        yield {
            **{
                name: row[name]
                for name in ("role", "corpus", "clip", "group", "emotion")
            },
            **(
                _of_class(data.classes, example.target, outputs)
                if isinstance(example.target, int)
                else _of_values(data.classes, example, outputs, scales[example.corpus])
            ),
        }


def names_by_corpus(rows: Iterable[Row]) -> dict[str, list[str]]:
    """Return the names of the clips of `prediction_rows`, by corpus."""
    names: dict[str, list[str]] = {}
    for row in rows:
        names.setdefault(row["corpus"], []).append(row["clip"])
    return names


def _of_class(classes: Sequence[str], target: int, shares: Sequence[float]) -> Row:
    return {
        "true": classes[target],
        "predicted": classes[shares.index(max(shares))],
        **dict(zip(classes, shares, strict=True)),
    }


def _of_values(
    names: Sequence[str], example: Example, values: Sequence[float], scale: Scale | None
) -> Row:
    """Return what was annotated and predicted, on [-1, 1] and as it is published."""
    assert isinstance(example.target, tuple)
    assert scale is not None
    row: Row = {}
    for name, true, predicted in zip(names, example.target, values, strict=True):
        row |= {
            f"{name}_true": true,
            f"{name}_predicted": predicted,
            f"{name}_published": getattr(example.clip, name),
            f"{name}_predicted_published": scale.published(predicted),
        }
    return {**row, "scale": str(scale)}


def _places(data: EmotionDataModule) -> Iterator[tuple[str, Part, int]]:
    for role in data.roles:
        for part in PARTS:
            for place in range(len(data.dataset(role, part))):
                yield role, part, place


def _clip(data: EmotionDataModule, role: str, part: Part, place: int) -> Row:
    example = data.dataset(role, part).examples[place]
    values = () if isinstance(example.target, int) else data.classes
    return {
        "role": role,
        "corpus": example.corpus,
        "clip": example.clip.id,
        "group": example.unit,
        "emotion": example.clip.label,
        **{name: getattr(example.clip, name) for name in values},
    }
