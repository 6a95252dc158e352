"""Train, validation and test parts that never share a speaker, song or artist."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from random import Random
from typing import Literal

from crossemo.errors import CrossEmoError

Part = Literal["train", "val", "test"]
PARTS: tuple[Part, ...] = ("train", "val", "test")
SplitScheme = Literal["official", "kfold", "leave_one_out"]


class SplitError(CrossEmoError):
    """A split that can't be made or that leaks a group."""


@dataclass(frozen=True)
class Split:
    """Which groups are trained on, which choose the model and which judge it.

    Args:
        train: Groups of the training part, such as `ravdess/05`.
        val: Groups of the validation part.
        test: Groups of the test part.

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
                    f"{', '.join(sorted(shared))} would be in both {one} and {other}: "
                    "a speaker, song or artist may be in one part only."
                )

    def groups(self, part: Part) -> tuple[str, ...]:
        """Return the groups of a part."""
        return {"train": self.train, "val": self.val, "test": self.test}[part]

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
                f"The split names {', '.join(sorted(strays))}, of which no corpus has "
                f"a clip; its groups are written like {min(present)}."
            )


def united(folds: Sequence[Sequence[frozenset[str]]]) -> list[frozenset[str]]:
    """Return the customary folds of several corpora, fold k being every fold k.

    Args:
        folds: The folds of each corpus.

    Returns:
        As many folds as the corpus with most has; none if any corpus has none.
    """
    if not all(folds):
        return []
    none: frozenset[str] = frozenset()
    return [none.union(*same) for same in zip_longest(*folds, fillvalue=none)]


def make_split(
    groups: Iterable[str],
    official: Sequence[frozenset[str]],
    scheme: SplitScheme = "official",
    fold: int = 0,
    folds: int = 6,
    seed: int = 0,
) -> Split:
    """Split groups into parts.

    Args:
        groups: The groups that the corpora hold.
        official: The customary test folds; used by the `official` scheme only.
        scheme: `official`; `kfold`, folds dealt at random from the groups; or
            `leave_one_out`, where the groups in order are tested one by one.
        fold: Which fold is tested, from 0.
        folds: How many folds `kfold` deals.
        seed: Seed of the dealing.

    Returns:
        The split. Validation is the fold after the tested one that holds any group;
        with `leave_one_out` it is the next groups, about a sixth of them.

    Raises:
        SplitError: The fold does not exist, holds no group, or too few groups are left.
    """
    present = sorted(set(groups))
    if scheme == "leave_one_out":
        return _leave_one_out(present, fold)
    if scheme == "official":
        if not official:
            raise SplitError(
                "The corpora have no customary folds: choose kfold or leave_one_out."
            )
        if strays := set(present) - frozenset().union(*official):
            raise SplitError(f"No customary fold holds {', '.join(sorted(strays))}.")
        dealt = [sorted(set(present) & members) for members in official]
    elif scheme == "kfold":
        dealt = _deal(present, folds, seed)
    else:
        raise SplitError(
            f"Unknown scheme {scheme!r}: choose official, kfold or leave_one_out."
        )
    return _by_folds(dealt, fold)


def split_corpora(
    corpora: Sequence[Collection[str]],
    official: Sequence[frozenset[str]],
    scheme: SplitScheme = "official",
    fold: int = 0,
    folds: int = 6,
    seed: int = 0,
) -> Split:
    """Split the groups of several corpora so that every part holds clips of each.

    Corpora that share groups, such as one cast's speech and song, are split as one.
    Corpora that share none are split side by side, by the same fold of each; under
    `leave_one_out` the smaller one begins anew when its groups are used up.

    Args:
        corpora: The groups of each corpus.
        official: As in `make_split`, of all corpora together.
        scheme: As in `make_split`.
        fold: As in `make_split`.
        folds: As in `make_split`.
        seed: As in `make_split`.

    Raises:
        SplitError: As in `make_split`.

    >>> split_corpora([["a", "b", "c"], ["x", "y", "z"]], [], "leave_one_out").test
    ('a', 'x')
    """
    casts = _casts(corpora)
    if scheme == "official" or len(casts) == 1:
        everyone = frozenset().union(*casts)
        return make_split(everyone, official, scheme, fold, folds, seed)
    own = [fold] * len(casts)
    if scheme == "leave_one_out":
        _check_fold(fold, max(map(len, casts)))
        own = [fold % len(cast) for cast in casts]
    splits = [
        make_split(cast, official, scheme, one, folds, seed)
        for cast, one in zip(casts, own, strict=True)
    ]
    train, val, test = (
        tuple(sorted(group for split in splits for group in split.groups(part)))
        for part in PARTS
    )
    return Split(train, val, test)


def every_split(
    corpora: Sequence[Collection[str]],
    official: Sequence[frozenset[str]],
    scheme: SplitScheme = "official",
    folds: int = 6,
    seed: int = 0,
) -> list[Split]:
    """Return the splits of all folds, so that every group is tested.

    Args:
        corpora: As in `split_corpora`.
        official: As in `split_corpora`.
        scheme: As in `make_split`.
        folds: As in `make_split`.
        seed: As in `make_split`.

    Raises:
        SplitError: As in `make_split`.

    >>> [split.test for split in every_split([["a", "b", "c"]], [], "leave_one_out")]
    [('a',), ('b',), ('c',)]
    """
    numbers: Sequence[int] = range(folds)
    if scheme == "official":
        present = frozenset().union(*corpora)
        filled = [number for number, one in enumerate(official) if one & present]
        numbers = filled or [0]  # which names what is wrong
    elif scheme == "leave_one_out":
        numbers = range(max(map(len, _casts(corpora))))
    return [
        split_corpora(corpora, official, scheme, number, folds, seed)
        for number in numbers
    ]


def _casts(corpora: Sequence[Collection[str]]) -> list[frozenset[str]]:
    """Unite the groups of corpora that share some, directly or through others."""
    casts: list[frozenset[str]] = []
    for groups in map(frozenset, corpora):
        shared = [cast for cast in casts if cast & groups]
        casts = [cast for cast in casts if not cast & groups]
        casts.append(groups.union(*shared))
    return casts


def _deal(groups: list[str], folds: int, seed: int) -> list[list[str]]:
    if not 3 <= folds <= len(groups):
        raise SplitError(
            f"{len(groups)} groups can't be dealt into {folds} folds: "
            f"choose from 3 to {len(groups)}."
        )
    shuffled = Random(seed).sample(groups, len(groups))
    return [sorted(shuffled[start::folds]) for start in range(folds)]


def _by_folds(folds: list[list[str]], fold: int) -> Split:
    filled = [number for number, members in enumerate(folds) if members]
    if fold not in filled:
        raise SplitError(
            f"Fold {fold} holds no clip; choose one of {', '.join(map(str, filled))}."
        )
    if len(filled) < 3:
        raise SplitError(
            f"Only {len(filled)} of the {len(folds)} folds hold clips and three are "
            "needed (train, validation, test): choose leave_one_out or kfold."
        )
    val = filled[(filled.index(fold) + 1) % len(filled)]
    train = [group for n in filled if n not in (fold, val) for group in folds[n]]
    return Split(tuple(sorted(train)), tuple(folds[val]), tuple(folds[fold]))


def _leave_one_out(groups: list[str], fold: int) -> Split:
    if len(groups) < 3:
        raise SplitError(
            f"Leaving one out needs at least three groups; there are {len(groups)}."
        )
    _check_fold(fold, len(groups))
    turned = groups[fold:] + groups[:fold]
    held = 1 + max(1, round(len(groups) / 6))
    return Split(
        tuple(sorted(turned[held:])), tuple(sorted(turned[1:held])), (turned[0],)
    )


def _check_fold(fold: int, folds: int) -> None:
    if not 0 <= fold < folds:
        raise SplitError(f"There is no fold {fold}: choose 0 to {folds - 1}.")
