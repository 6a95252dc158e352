"""What tables and figures say of scores by clips that the weights know."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from crossemo.corpora.base import Part


@dataclass(frozen=True)
class Mark:
    """What tables and figures say of a score by clips that the weights know.

    Args:
        clips: Which clips a training of crossemo's has seen.
        labels: Trainings of others on labels of the corpus.
        sound: Trainings of others on the sound of the corpus alone.
    """

    clips: str = ""
    labels: str = ""
    sound: str = ""

    @classmethod
    def of(cls, leaks: Mapping[Part, str]) -> "Mark":
        """Return that of what weights have seen, by part."""
        parts = "; ".join(f"{part} clips of {leaks[part]}" for part in sorted(leaks))
        return cls(f"the weights have seen {parts}" if parts else "")

    def __bool__(self) -> bool:
        return bool(self.clips or self.labels or self.sound)

    def __str__(self) -> str:
        return "\n".join(self.columns.values())

    @property
    def leak(self) -> str:
        """Why a score is no fair one; empty where nothing leaks."""
        labels = f"the model was {self.labels}" if self.labels else ""
        reasons = "; ".join(filter(None, (self.clips, labels)))
        return f"LEAK, no fair score: {reasons}" if reasons else ""

    @property
    def columns(self) -> dict[str, str]:
        """The columns of a table that it fills, and keys of results.json."""
        sound = f"the encoder was {self.sound}" if self.sound else ""
        columns = {"leak": self.leak, "pretraining": sound}
        return {name: text for name, text in columns.items() if text}

    def among(self, others: "Mark") -> dict[str, str]:
        """Return its columns in a table, empty ones where only other rows are marked.

        Args:
            others: The mark of all rows together.
        """
        return dict.fromkeys(others.columns, "") | self.columns

    @property
    def sign(self) -> str:
        """What a name bears in tables and figures."""
        return sign_of(self.columns)


NO_MARK = Mark()
SIGNS = {"leak": "‡", "pretraining": "†"}  # by column, the graver first


def sign_of(columns: Mapping[str, Any]) -> str:
    """Return the sign of a row that may be marked, or of results.

    >>> sign_of({"leak": "", "pretraining": "the encoder …"}), sign_of({"UA": 0.5})
    ('†', '')
    """
    return next((sign for name, sign in SIGNS.items() if columns.get(name)), "")


def gravest(names: Iterable[str]) -> str:
    """Return that of some names which bears the gravest sign, the first of equals.

    >>> gravest(["a", "a†", "a‡"]), gravest(["a", "b"])
    ('a‡', 'a')
    """
    signs = list(SIGNS.values())
    place = {sign: number for number, sign in enumerate(signs)}
    return min(names, key=lambda name: place.get(name[-1:], len(signs)))
