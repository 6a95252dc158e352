"""Settings of many runs as one phrase, which says where they differ."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from crossemo.errors import listed

# What may explain that a setting differs, what holds for most settings first.
AXES = ("corpora", "corpus", "analysis", "direction", "encoder", "strategy", "stage")


class Case(NamedTuple):
    """A setting where it was used.

    Args:
        value: The setting in words; empty where it does not apply.
        labels: What the run was by axis, such as `encoder`.
    """

    value: str
    labels: Mapping[str, str]


def stated(cases: Iterable[Case]) -> str:
    """Return a setting in words, and where it differs what with.

    The first axis that explains all differences names them; where none does, it is
    said how often each value was used.

    >>> stated([Case("16", {"encoder": "a"}), Case("16", {"encoder": "b"})])
    '16'
    >>> stated([Case("16", {"encoder": "a"}), Case("8", {"encoder": "b"})])
    '16 (a) and 8 (b)'
    >>> stated([Case("8", {"encoder": "a"})] + 2 * [Case("4", {"encoder": "a"})])
    '8 (once) and 4 (2 times)'
    """
    used = [case for case in cases if case.value]
    values = list(dict.fromkeys(case.value for case in used))
    if len(values) < 2:
        return values[0] if values else ""
    for axis in AXES:
        if sides := _explained(used, axis):
            break
    else:
        sides = {value: [_times(used, value)] for value in values}
    return enumerated(f"{value} ({enumerated(side)})" for value, side in sides.items())


def enumerated(words: Iterable[object]) -> str:
    """Return all words as in a sentence.

    >>> enumerated("abc"), enumerated("a")
    ('a, b and c', 'a')
    """
    return listed(words, most=1000, last=" and ")


def counted(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "fold"), counted(2000, "clip")
    ('1 fold', '2,000 clips')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def spanned(numbers: Sequence[int]) -> str:
    """Return numbers in a row as a range, others one by one.

    >>> spanned([2, 0, 1]), spanned([0, 2]), spanned([4]), spanned([0, 1])
    ('0 to 2', '0 and 2', '4', '0 and 1')
    """
    ordered = sorted(set(numbers))
    if len(ordered) > 2 and ordered[-1] - ordered[0] == len(ordered) - 1:
        return f"{ordered[0]} to {ordered[-1]}"
    return enumerated(ordered)


def between(numbers: Iterable[int]) -> str:
    """Return the smallest and the largest of some counts.

    >>> between([8, 7, 8]), between([3, 3])
    ('7 to 8', '3')
    """
    low, high = min(counts := list(numbers)), max(counts)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _explained(cases: Sequence[Case], axis: str) -> dict[str, list[str]]:
    """Return the labels of an axis by value; empty where it does not explain them."""
    values: dict[str, set[str]] = {}
    for case in cases:
        values.setdefault(case.labels.get(axis, ""), set()).add(case.value)
    if "" in values or any(len(side) > 1 for side in values.values()):
        return {}
    sides: dict[str, list[str]] = {}
    for label, (value,) in values.items():
        sides.setdefault(value, []).append(label)
    return sides


def _times(cases: Sequence[Case], value: str) -> str:
    times = sum(case.value == value for case in cases)
    return "once" if times == 1 else f"{times:,} times"
