"""Which clip of which corpus is in which part: test wins, then validation."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from crossemo.corpora.base import PARTS, Part
from crossemo.data.examples import Example
from crossemo.data.folds import (
    Cast,
    casts_of,
    folds_of,
    split_by_folds,
    split_side_by_side,
    united,
)
from crossemo.data.splits import Scheme, Split, SplitError
from crossemo.data.units import contents, tied

Members = Mapping[str, Sequence[Example]]  # by role
Folds = Mapping[str, Sequence[frozenset[str]]]  # customary ones, of groups, by role
Parts = dict[str, Part]  # by unit


@dataclass(frozen=True)
class Partition:
    """The parts of a split with their clips.

    Args:
        split: The units of each part.
        parts: Part of each clip, by its id; clips of no part are left out.
        dropped: By role, how many clips were left out of training or validation since
            their unit is judged elsewhere.
        cut: By role, how many speakers, songs or artists the authors' own parts cut.
    """

    split: Split
    parts: Mapping[str, Part]
    dropped: Mapping[str, int]
    cut: Mapping[str, int]


def with_units(members: Members, scheme: Scheme | Split) -> dict[str, list[Example]]:
    """Return examples with their units: what any group ties together is one.

    Clips of one file, in one corpus or in several, are tied too. Where a corpus's own
    parts are taken as they are, its clips are tied by their first group alone, the
    recording, and by the groups of which another corpus has clips, too.

    Args:
        members: The examples of each role.
        scheme: How they will be split.

    Raises:
        SplitError: Clips of two roles have one name and differ.
    """
    _refuse_namesakes(members)
    copies = contents(e.digest for examples in members.values() for e in examples)
    authors: set[str] = set()
    if isinstance(scheme, Scheme) and not scheme.strict_groups:
        authors = _published(members, scheme)
    across = _across(members)
    tying = {
        role: [
            replace(
                one,
                ties=tuple(
                    group
                    for place, group in enumerate(one.clip.groups)
                    if place == 0 or role not in authors or group in across
                )
                + ((copies[one.digest],) if one.digest in copies else ()),
            )
            for one in examples
        ]
        for role, examples in members.items()
    }
    units = tied(one.ties for examples in tying.values() for one in examples)
    return {
        role: [replace(one, unit=units[one.ties[0]]) for one in examples]
        for role, examples in tying.items()
    }


def partition(members: Members, folds: Folds, scheme: Scheme | Split) -> Partition:
    """Split the clips of all roles.

    Args:
        members: The examples of each role, with their units.
        folds: The customary folds of each role's corpus.
        scheme: How, or the units of each part; a unit may be named by any of its
            groups.

    Raises:
        SplitError: The split can't be made.
    """
    authors: set[str] = set()
    if isinstance(scheme, Split):
        split = _in_units(scheme, members)
        wishes = dict.fromkeys(members, split.parts())
    else:
        wishes = _wishes(members, folds, scheme)
        split = _split(
            _strongest(p for parts in wishes.values() for p in parts.items())
        )
        authors = _published(members, scheme)
    final = split.parts()
    parts: dict[str, Part] = {}
    dropped: Counter[str] = Counter()
    for role, examples in members.items():
        for one in examples:
            by_authors = role in authors
            wish = one.clip.part if by_authors else wishes[role].get(one.unit)
            if wish is not None and wish == final[one.unit]:
                parts[one.clip.id] = wish
            elif wish is not None:
                dropped[role] += 1
    cut = {role: _cut(members[role], parts) for role in authors}
    return Partition(split, parts, dict(dropped), cut)


def every_partition(
    members: Members, folds: Folds, scheme: Scheme | Split
) -> list[Partition]:
    """Return the partitions of all folds; the one, where the split was given.

    Raises:
        SplitError: A split can't be made.
    """
    if isinstance(scheme, Split) or not (
        numbers := fold_numbers(members, folds, scheme)
    ):
        return [partition(members, folds, scheme)]
    return [
        partition(members, folds, replace(scheme, fold=number)) for number in numbers
    ]


def fold_numbers(
    members: Members, folds: Folds, scheme: Scheme | Split
) -> Sequence[int]:
    """Return the numbers of all folds; none, where all parts were given."""
    if isinstance(scheme, Split) or _published(members, scheme) == set(members):
        return ()
    official = _folded_casts(members, folds) if scheme.name == "official" else []
    return folds_of(_units(members), official, scheme)


def _across(members: Members) -> set[str]:
    """Return the groups that two roles have other clips of."""
    clips: dict[str, dict[str, set[str]]] = {}
    for role, examples in members.items():
        for one in examples:
            for group in one.clip.groups:
                clips.setdefault(group, {}).setdefault(role, set()).add(one.clip.id)
    return {
        group
        for group, roles in clips.items()
        if any(ids != next(iter(roles.values())) for ids in roles.values())
    }


def _published(members: Members, scheme: Scheme) -> set[str]:
    """Return the roles with parts of their authors, where these are asked for."""
    if scheme.name != "official":
        return set()
    return {
        role for role, examples in members.items() if any(e.clip.part for e in examples)
    }


def _wishes(members: Members, folds: Folds, scheme: Scheme) -> dict[str, Parts]:
    """Return the part of each unit as each role would have it by itself."""
    if scheme.name != "official":
        parts = split_side_by_side(_units(members), scheme, _strata(members)).parts()
        return dict.fromkeys(members, parts)
    wishes = {
        role: _strongest((e.unit, e.clip.part) for e in members[role] if e.clip.part)
        for role in _published(members, scheme)
    }
    left = {role: examples for role, examples in members.items() if role not in wishes}
    casts = _folded_casts(left, folds)
    if casts:
        parts = split_by_folds(casts, scheme).parts()
        wishes |= dict.fromkeys((role for role in left if folds[role]), parts)
    others = {role: examples for role, examples in left.items() if not folds[role]}
    if others:
        most = max((len(cast.folds) for cast in casts), default=scheme.folds)
        units = _units(others)
        if casts:  # a smaller corpus begins anew, as those with folds of their own do
            most = min(most, *map(len, casts_of(units)))
        dealt = replace(scheme, name="kfold", folds=most, fold=scheme.fold % most)
        parts = split_side_by_side(units, dealt, _strata(others)).parts()
        wishes |= dict.fromkeys(others, parts)
    return wishes


def _folded_casts(members: Members, folds: Folds) -> list[Cast]:
    """Return the casts of the corpora that have customary folds, with these."""
    folded = {role: examples for role, examples in members.items() if folds[role]}
    casts = []
    for units in casts_of(_units(folded)):
        inside = {
            r: examples for r, examples in folded.items() if examples[0].unit in units
        }
        casts.append(Cast(units, _unit_folds(inside, folds)))
    return casts


def _unit_folds(members: Members, folds: Folds) -> list[frozenset[str]]:
    """Return the customary folds as units; one in several folds is in the first."""
    both = united([folds[role] for role in members])
    place: dict[str, int] = {}
    for number, fold in enumerate(both):
        for examples in members.values():
            for one in examples:
                if fold.intersection(one.clip.groups):
                    place.setdefault(one.unit, number)
    return [
        frozenset(unit for unit, at in place.items() if at == number)
        for number in range(len(both))
    ]


def _units(members: Members) -> list[set[str]]:
    return [{one.unit for one in examples} for examples in members.values()]


def _strata(members: Members) -> dict[str, Counter[Hashable]]:
    """Return the clips of each class, or side of each value, and role in each unit."""
    strata: dict[str, Counter[Hashable]] = {}
    for role, examples in members.items():
        for one in examples:
            stratum = one.target
            if isinstance(stratum, tuple):
                stratum = tuple(value >= 0 for value in stratum)
            strata.setdefault(one.unit, Counter())[role, stratum] += 1
    return strata


def _strongest(pairs: Iterable[tuple[str, Part]]) -> Parts:
    """Return one part of each unit: test wins, then validation."""
    parts: Parts = {}
    for unit, part in pairs:
        strongest = max(part, parts.get(unit, part), key=PARTS.index)
        parts[unit] = strongest
    return parts


def _split(parts: Parts) -> Split:
    train, val, test = (
        tuple(sorted(unit for unit, wish in parts.items() if wish == part))
        for part in PARTS
    )
    return Split(train, val, test)


def _in_units(split: Split, members: Members) -> Split:
    """Return a split that names units by any of their groups, by their names.

    Raises:
        SplitError: It names a group that isn't there, or two of one unit in two parts.
    """
    units = {
        group: one.unit
        for examples in members.values()
        for one in examples
        for group in one.clip.groups
    }
    split.refuse_strays(units)
    if all(units[group] == group for part in PARTS for group in split.groups(part)):
        return split
    first: dict[str, str] = {}
    parts = split.parts()
    for group, part in parts.items():
        other = first.setdefault(units[group], group)
        if parts[other] != part:
            raise SplitError(
                f"The split puts {other} in {parts[other]} and {group} in {part}, and "
                "clips of both share a speaker, song, artist or file: put them in one."
            )
    return _split({units[group]: part for group, part in parts.items()})


def _refuse_namesakes(members: Members) -> None:
    named: dict[str, Example] = {}
    for role, examples in members.items():
        for one in examples:
            first = named.setdefault(one.clip.id, one)
            if (first.key, first.clip.groups) != (one.key, one.clip.groups):
                raise SplitError(
                    f"{one.clip.id} of {role} is the name of another clip too, "
                    f"{first.clip.path}: give the corpora different names."
                )


def _cut(examples: Sequence[Example], parts: Mapping[str, Part]) -> int:
    """Return how many groups have clips in several parts."""
    pairs = {
        (group, parts[one.clip.id])
        for one in examples
        if one.clip.id in parts
        for group in one.clip.groups
    }
    return sum(n > 1 for n in Counter(group for group, _ in pairs).values())
