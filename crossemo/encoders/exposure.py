"""What weights have heard of the clips that judge them, and what is said of scores."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain
from typing import Any, Self

from crossemo.corpora.base import Part
from crossemo.data.examples import Example
from crossemo.data.marks import Mark
from crossemo.data.provenance import Clips, Material, Provenance, leaks_of
from crossemo.encoders.training_records import TrainingRecord, of_clips, records_on

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Exposure:
    """What weights have heard of clips that judge them.

    Args:
        part: What the clips are for: `test`, or `val` for a choice.
        clips: The clips.
        seen: What of them a training of crossemo's has seen.
        records: Trainings of others on their corpora.
    """

    part: Part
    clips: tuple[Example, ...]
    seen: Material
    records: tuple[TrainingRecord, ...]

    def on(self, names: Iterable[str]) -> Self:
        """Return that to some of the clips alone.

        Args:
            names: Their names.
        """
        wanted = set(names)
        clips = tuple(one for one in self.clips if one.clip.id in wanted)
        records = tuple(of_clips(self.records, wanted))
        seen = Material.judging(clips) & self.seen
        return replace(self, clips=clips, seen=seen, records=records)

    def after(self, other: Self) -> Self:
        """Return the same with what other weights had seen before, which chose these.

        Args:
            other: Their exposure.
        """
        clips = {one.clip.id: one for one in (*other.clips, *self.clips)}
        seen = other.seen | self.seen
        return replace(self, clips=tuple(clips.values()), seen=seen)


def exposures_of(
    provenance: Provenance,
    judged: Clips,
    *,
    allowed: bool,
    corpora: Sequence[str] = (),
) -> dict[Part, Exposure]:
    """Return what weights have heard of the clips that would judge them, by part.

    Args:
        provenance: What they have heard.
        judged: The clips by what they are for.
        allowed: Whether to judge by seen clips all the same.
        corpora: What else the corpora of the clips are called.

    Raises:
        LeakError: They have seen clips, and it is not allowed.
    """
    clips = {part: tuple(examples) for part, examples in judged.items()}
    seen = leaks_of(provenance, clips, allowed=allowed)
    exposures = {}
    for part, examples in clips.items():
        names = [*(one.clip.id for one in examples), *corpora]
        records = tuple(records_on(provenance.repositories, names))
        exposures[part] = Exposure(part, examples, seen.get(part, Material()), records)
    return exposures


def mark_of(exposures: Iterable[Exposure]) -> Mark:
    """Return what tables and figures say of a score by the clips of some exposures."""
    seen: dict[Part, Material] = {}
    records: list[TrainingRecord] = []
    for one in exposures:
        seen[one.part] = seen.get(one.part, Material()) | one.seen
        records += one.records
    leaks = {part: str(material) for part, material in seen.items() if material}
    labels, sound = (
        "; ".join(dict.fromkeys(str(one) for one in records if one.how == how))
        for how in ("fine-tuned", "pretrained")
    )
    return Mark(Mark.of(leaks).clips, labels, sound)


@dataclass(frozen=True)
class Marks:
    """What is said of scores, each by the corpora whose clips judged it.

    Rows of a table get their marks here alone, so whoever writes them must say which
    corpora each is of.

    Args:
        exposures: What the weights have heard of the clips, by role, or by whatever
            tells corpora apart.
    """

    exposures: Mapping[str, Sequence[Exposure]]

    @classmethod
    def of(
        cls, exposures: Iterable[Exposure], clips: Mapping[str, Iterable[str]]
    ) -> Self:
        """Return those of some exposures.

        Args:
            exposures: To all clips together.
            clips: Names of the clips, by role.
        """
        together = list(exposures)
        named = {role: set(names) for role, names in clips.items()}
        return cls(
            {r: [one.on(names) for one in together] for r, names in named.items()}
        )

    @property
    def whole(self) -> Mark:
        """What is said of all scores together, in results.json and above tables."""
        return self.at(*self.exposures)

    def at(self, *roles: str) -> Mark:
        """Return what is said of a score by the clips of some roles."""
        return mark_of(chain(*(self.exposures[role] for role in roles)))

    def rows(
        self, rows: Iterable[Row], roles: Callable[[Row], Iterable[str]]
    ) -> list[dict[str, Any]]:
        """Return rows of a table with their marks, in columns where any has one.

        Args:
            rows: The rows.
            roles: Returns the roles whose clips a row is of.
        """
        whole, at = self.whole, cache(self.at)
        return [{**row, **at(*dict.fromkeys(roles(row))).among(whole)} for row in rows]
