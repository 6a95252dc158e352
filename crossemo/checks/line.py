"""A line of the table: what was checked, what was measured, and what that means."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from crossemo.errors import listed

Verdict = Literal["sound", "fault", "note", "not checked"]


@dataclass(frozen=True)
class Line:
    """A verdict.

    Args:
        check: What was checked.
        measured: What was measured.
        bound: What a sound encoder stays within.
        verdict: `sound` or a `fault`; a `note` is of something that harms only under
            some use; what can't be checked of this encoder is `not checked`.
        advice: What to do, or why it wasn't checked.
    """

    check: str
    measured: str
    bound: str
    verdict: Verdict
    advice: str = ""


def judged(check: str, measured: float, bound: float, advice: str) -> Line:
    """Return the line of a figure that should be small; no number is a fault."""
    verdict: Verdict = "sound" if measured <= bound else "fault"  # NaN is never below
    figures = f"{measured:.1e}", f"{bound:.0e}"
    return Line(check, *figures, verdict, "" if verdict == "sound" else advice)


def counted(check: str, names: list[str], advice: str, rest: str = "") -> Line:
    """Return the line of things of which there should be none.

    Args:
        check: What was checked.
        names: The things.
        advice: What to do if there are any.
        rest: What there is if there are none.
    """
    if not names:
        return Line(check, rest or "0", "0", "sound")
    return Line(check, f"{len(names)}: {listed(names, 3)}", "0", "fault", advice)


def unlike(values: Tensor, expected: Tensor) -> float:
    """Return how far values are from others, relative to these.

    Infinite where either holds what is no number, or their shapes differ: a maximum
    over such differences would keep the largest number.

    >>> unlike(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0]))
    0.0
    >>> unlike(torch.tensor([1.0]), torch.tensor([float("nan")]))
    inf
    """
    if values.shape != expected.shape:
        return float("inf")
    one, other = values.detach().double(), expected.detach().double()
    if not (one.isfinite().all() and other.isfinite().all()):
        return float("inf")
    size = other.norm().clamp(min=torch.finfo(torch.float32).tiny)
    return float((one - other).norm() / size)
