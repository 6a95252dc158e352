"""Folds of groups, customary or dealt, and the split that tests one of them."""

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from random import Random
from typing import NamedTuple

from crossemo.corpora.base import PARTS
from crossemo.data.splits import Scheme, Split, SplitError
from crossemo.errors import listed


class Cast(NamedTuple):
    """Groups of corpora that share some, with their customary folds.

    Args:
        groups: The groups that are there.
        folds: The groups of each fold.
    """

    groups: Collection[str]
    folds: Sequence[frozenset[str]]

    @property
    def filled(self) -> list[int]:
        """The numbers of the folds that hold any group; the first if none does."""
        present = frozenset(self.groups)
        numbers = [number for number, fold in enumerate(self.folds) if fold & present]
        return numbers or [0]  # which names what is wrong


def united(folds: Sequence[Sequence[frozenset[str]]]) -> list[frozenset[str]]:
    """Return the customary folds of several corpora, fold k being every fold k.

    Args:
        folds: The folds of each corpus.

    Returns:
        As many folds as the corpus with most has.
    """
    none: frozenset[str] = frozenset()
    return [none.union(*same) for same in zip_longest(*folds, fillvalue=none)]


def make_split(
    groups: Iterable[str],
    official: Sequence[frozenset[str]],
    scheme: Scheme,
    strata: Mapping[str, Counter[Hashable]] | None = None,
) -> Split:
    """Split groups into parts.

    Args:
        groups: The groups that the corpora hold.
        official: The customary test folds; used by the `official` scheme only.
        scheme: How.
        strata: What `kfold` should spread evenly: clips of each class, by group.

    Returns:
        The split. Validation is the fold after the tested one that holds any group;
        with `leave_one_out` it is the next groups, about a sixth of them.

    Raises:
        SplitError: The fold does not exist, holds no group, or too few groups are left.
    """
    present = sorted(set(groups))
    if scheme.name == "leave_one_out":
        return _leave_one_out(present, scheme.fold)
    if scheme.name == "kfold":
        return _by_folds(_deal(present, scheme, strata or {}), scheme.fold)
    if strays := set(present) - frozenset().union(*official):
        raise SplitError(f"No customary fold holds {listed(sorted(strays))}.")
    dealt = [sorted(set(present) & members) for members in official]
    return _by_folds(dealt, scheme.fold)


def split_side_by_side(
    corpora: Sequence[Collection[str]],
    scheme: Scheme,
    strata: Mapping[str, Counter[Hashable]] | None = None,
) -> Split:
    """Split the groups of several corpora so that every part holds clips of each.

    Corpora that share groups, such as one cast's speech and song, are split as one.
    Corpora that share none are split side by side, by the same fold of each; under
    `leave_one_out` the smaller one begins anew when its groups are used up.

    Args:
        corpora: The groups of each corpus.
        scheme: `kfold` or `leave_one_out`.
        strata: As in `make_split`.

    Raises:
        SplitError: As in `make_split`.

    >>> scheme = Scheme("leave_one_out")
    >>> split_side_by_side([["a", "b", "c"], ["x", "y", "z"]], scheme).test
    ('a', 'x')
    """
    casts = casts_of(corpora)
    folds = [scheme.fold] * len(casts)
    if scheme.name == "leave_one_out" and len(casts) > 1:
        _check_fold(scheme.fold, max(map(len, casts)))
        folds = [scheme.fold % len(cast) for cast in casts]
    splits = (
        make_split(cast, (), replace(scheme, fold=fold), strata)
        for cast, fold in zip(casts, folds, strict=True)
    )
    return _side_by_side(splits)


def split_by_folds(casts: Sequence[Cast], scheme: Scheme) -> Split:
    """Split several casts side by side, each by its customary folds.

    Fold k tests fold k of each; a cast of fewer folds that hold clips begins anew.

    Args:
        casts: The groups of each cast with their folds.
        scheme: `official`, of any fold.

    Raises:
        SplitError: As in `make_split`.
    """
    if len(casts) == 1:
        return make_split(*casts[0], scheme)
    filled = [cast.filled for cast in casts]
    _check_fold(scheme.fold, max(map(len, filled)))
    return _side_by_side(
        make_split(*cast, replace(scheme, fold=numbers[scheme.fold % len(numbers)]))
        for cast, numbers in zip(casts, filled, strict=True)
    )


def folds_of(
    corpora: Sequence[Collection[str]], official: Sequence[Cast], scheme: Scheme
) -> Sequence[int]:
    """Return the numbers of all folds, which together test every group.

    Args:
        corpora: The groups of each corpus.
        official: The casts that have customary folds.
        scheme: How they are split; its fold doesn't matter.
    """
    if scheme.name == "leave_one_out":
        return range(max(map(len, casts_of(corpora))))
    if scheme.name == "official" and official:
        filled = [cast.filled for cast in official]
        if len(filled) == 1:
            return filled[0]
        return range(max(map(len, filled)))
    return range(scheme.folds)


def casts_of(corpora: Sequence[Collection[str]]) -> list[frozenset[str]]:
    """Unite the groups of corpora that share some, directly or through others."""
    casts: list[frozenset[str]] = []
    for groups in map(frozenset, corpora):
        shared = [cast for cast in casts if cast & groups]
        casts = [cast for cast in casts if not cast & groups]
        casts.append(groups.union(*shared))
    return casts


def _side_by_side(splits: Iterable[Split]) -> Split:
    every = list(splits)
    train, val, test = (
        tuple(sorted(group for split in every for group in split.groups(part)))
        for part in PARTS
    )
    return Split(train, val, test)


def _deal(
    groups: list[str], scheme: Scheme, strata: Mapping[str, Counter[Hashable]]
) -> list[list[str]]:
    folds = scheme.folds
    if not 3 <= folds <= len(groups):
        raise SplitError(
            f"{len(groups)} groups can't be dealt into {folds} folds: "
            f"choose from 3 to {len(groups)}."
        )
    shuffled = Random(scheme.seed).sample(groups, len(groups))
    dealt = [sorted(shuffled[start::folds]) for start in range(folds)]
    if _uneven(dealt, strata):
        dealt = _dealt_by_strata(shuffled, folds, strata)
    return dealt


def _uneven(
    folds: Sequence[Sequence[str]], strata: Mapping[str, Counter[Hashable]]
) -> bool:
    """Return whether a fold has less than half of its share of any stratum."""
    counts = [_total(fold, strata) for fold in folds]
    whole: Counter[Hashable] = sum(counts, Counter())
    return any(
        2 * count[stratum] * len(folds) < clips
        for count in counts
        for stratum, clips in whole.items()
    )


def _dealt_by_strata(
    groups: Sequence[str], folds: int, strata: Mapping[str, Counter[Hashable]]
) -> list[list[str]]:
    """Deal groups, those of most clips first, to where they even out the strata.

    Each goes to the fold that has the least of what the group brings, in shares of each
    stratum; folds end up with equally many groups, to one.
    """
    whole = _total(groups, strata)
    counts: list[Counter[Hashable]] = [Counter() for _ in range(folds)]
    dealt: list[list[str]] = [[] for _ in range(folds)]
    none: Counter[Hashable] = Counter()
    for group in sorted(groups, key=lambda name: -strata.get(name, none).total()):
        brings = strata.get(group, none)
        fewest = min(map(len, dealt))
        free = [number for number in range(folds) if len(dealt[number]) == fewest]
        number = min(
            free,
            key=lambda n: sum(
                counts[n][stratum] * clips / whole[stratum] ** 2
                for stratum, clips in brings.items()
            ),
        )
        counts[number] += brings
        dealt[number].append(group)
    return [sorted(fold) for fold in dealt]


def _total(
    groups: Iterable[str], strata: Mapping[str, Counter[Hashable]]
) -> Counter[Hashable]:
    total: Counter[Hashable] = Counter()
    for group in groups:
        total.update(strata.get(group, {}))
    return total


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
    rest = 1 + max(1, round(len(groups) / 6))
    return Split(
        tuple(sorted(turned[rest:])), tuple(sorted(turned[1:rest])), (turned[0],)
    )


def _check_fold(fold: int, folds: int) -> None:
    if not 0 <= fold < folds:
        raise SplitError(f"There is no fold {fold}: choose 0 to {folds - 1}.")
