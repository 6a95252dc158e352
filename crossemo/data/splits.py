"""Train, validation and test parts that never share a speaker, song or artist."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal, get_args

from crossemo.corpora.base import PARTS, Part
from crossemo.errors import CrossEmoError, listed

SplitScheme = Literal["official", "kfold", "leave_one_out"]


class SplitError(CrossEmoError):
    """A split that can't be made or that leaks a group."""


@dataclass(frozen=True)
class Scheme:
    """A way of splitting, and which of its folds.

    Args:
        name: `official`, the parts or folds of the corpora's authors; `kfold`, folds
            dealt at random; `leave_one_out`, where units in order are tested one by
            one.
        fold: Which fold is tested, from 0.
        folds: How many folds `kfold` deals.
        seed: Seed of the dealing.
        strict_groups: Under `official`, never cut a unit (speaker, song, artist) where
            the authors' own parts do.

    Raises:
        SplitError: There is no such scheme.
    """

    name: SplitScheme = "official"
    fold: int = 0
    folds: int = 6
    seed: int = 0
    strict_groups: bool = False

    def __post_init__(self) -> None:
        if self.name not in get_args(SplitScheme):
            raise SplitError(
                f"Unknown scheme {self.name!r}: choose official, kfold or "
                "leave_one_out."
            )


@dataclass(frozen=True)
class Split:
    """Which units are trained on, which choose the model and which judge it.

    Args:
        train: Units of the training part, such as `ravdess/05`.
        val: Units of the validation part.
        test: Units of the test part.

    Raises:
        SplitError: A group lies in two parts, or a part is empty.
    """

    train: tuple[str, ...]
    val: tuple[str, ...]
    test: tuple[str, ...]

    def __post_init__(self) -> None:
        for part in PARTS:
            if not self.groups(part):
                raise SplitError(f"The {part} part of the split is empty.")
        for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
            if shared := set(getattr(self, one)) & set(getattr(self, other)):
                raise SplitError(
                    f"{listed(sorted(shared))} would be in both {one} and {other}: "
                    "a speaker, song or artist may be in one part only."
                )

    def groups(self, part: Part) -> tuple[str, ...]:
        """Return the units of a part."""
        return {"train": self.train, "val": self.val, "test": self.test}[part]

    def parts(self) -> dict[str, Part]:
        """Return the part of each unit."""
        return {unit: part for part in PARTS for unit in self.groups(part)}

    def refuse_strays(self, present: Collection[str]) -> None:
        """Refuse to name groups that are not there.

        Args:
            present: The groups that the corpora hold.

        Raises:
            SplitError: A part names a group of which no corpus has a clip.
        """
        named = {group for part in PARTS for group in self.groups(part)}
        if strays := named.difference(present):
            raise SplitError(
                f"The split names {listed(sorted(strays))}, of which no corpus has "
                f"a clip; its groups are written like {min(present)}."
            )


def describe_split(scheme: Scheme | Split, split: Split) -> dict[str, Any]:
    """Return how a split was made and the units of its parts, ready for JSON."""
    groups = {part: list(split.groups(part)) for part in PARTS}
    if isinstance(scheme, Split):
        none = dict.fromkeys(("fold", "folds", "seed"))
        return {"scheme": "given", **none, "groups": groups}
    dealt = scheme.name == "kfold"
    return {
        "scheme": scheme.name,
        "fold": scheme.fold,
        "folds": scheme.folds if dealt else None,
        "seed": scheme.seed if dealt else None,
        "groups": groups,
    }
