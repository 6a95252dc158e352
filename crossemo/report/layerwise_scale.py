"""How the headline score of layers stands in their tables and figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crossemo.metrics.names import AGREEMENT


@dataclass(frozen=True)
class Shown:
    """A score as it is shown: agreement as it is, shares in per cent.

    Args:
        score: Its name.
        factor: What it is multiplied by.
        unit: Words behind its name.
        decimals: Digits after the point, of the score and of its interval.
        targets: What is shuffled.
    """

    score: str
    factor: float
    unit: str
    decimals: tuple[int, int]
    targets: str

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]]) -> "Shown":
        """Return that of rows of `layers.csv`, whose first one is of the headline."""
        score = rows[0]["score"]
        if score == AGREEMENT:
            return cls(score, 1, "", (2, 2), "values")
        return cls(score, 100, " in %", (1, 0), "labels")

    @property
    def label(self) -> str:
        """Name and unit."""
        return f"{self.score}{self.unit}"

    @property
    def difference(self) -> str:
        """What differences are in."""
        return "in points" if self.factor == 100 else f"of {self.score}"

    def text(self, value: float, decimals: int | None = None) -> str:
        """Return a value as it is shown."""
        digits = self.decimals[0] if decimals is None else decimals
        return f"{self.factor * value:z.{digits}f}"

    def reach(self, value: float) -> str:
        """Return how far an interval reaches."""
        return f"{self.factor * value:.{self.decimals[1]}f}"
