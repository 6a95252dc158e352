"""The clips of one role in each part of a split."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from crossemo.corpora.base import PARTS, Part
from crossemo.data.dataset import ClipDataset, Store
from crossemo.data.examples import Example
from crossemo.data.partition import Partition
from crossemo.data.splits import SplitError
from crossemo.data.waveforms import WaveformStore, skipped_sentence
from crossemo.errors import listed
from crossemo.tasks import Task


class RoleParts:
    """The usable clips of one role in each part.

    Args:
        name: What to call the role in messages, with its corpus.
        parts: Dataset by part.
        task: What is learnt.
        skipped: Why the store can't serve a clip, by clip id.
        dropped: Clips left out since their unit is judged elsewhere.
        warnings: What a user must know.
        left_out: Why a clip is in no part, by clip id, those that are skipped too.
    """

    def __init__(
        self,
        name: str,
        parts: Mapping[Part, ClipDataset],
        task: Task,
        skipped: Mapping[str, str],
        dropped: int = 0,
        warnings: Sequence[str] = (),
        left_out: Mapping[str, str] | None = None,
    ) -> None:
        self.name, self.parts, self.task = name, dict(parts), task
        self.skipped, self.dropped = skipped, dropped
        self.warnings, self.left_out = list(warnings), dict(left_out or skipped)

    def counts(self, part: Part) -> dict[str, int]:
        """Return how many clips of each class a part has."""
        return self.task.counts(self.parts[part].targets)

    def describe(self) -> dict[str, Any]:
        """Return clips by part and class, units by part and what was left out.

        Of several corpora, the clips of each are there too.
        """
        names = dict.fromkeys(
            one.corpus for data in self.parts.values() for one in data.examples
        )
        corpora = {name: self._clips_of(name) for name in names}
        return {
            "clips": self._clips_of(),
            **({"corpora": corpora} if len(corpora) > 1 else {}),
            "groups": {part: len(set(d.units)) for part, d in self.parts.items()},
            "skipped": len(self.skipped),
            "dropped": self.dropped,
        }

    def _clips_of(self, corpus: str | None = None) -> dict[str, Any]:
        """Return clips by part and class, of one corpus or of all."""
        clips: dict[str, Any] = {}
        for part, data in self.parts.items():
            targets = [
                one.target for one in data.examples if corpus in (None, one.corpus)
            ]
            clips[part] = self.task.counts(targets) or len(targets)
        return clips

    def served_by(self, stores: Mapping[Part, Store]) -> "RoleParts":
        """Return the same clips from other stores."""
        parts = {
            part: ClipDataset(data.examples, stores[part])
            for part, data in self.parts.items()
        }
        facts = (self.skipped, self.dropped, self.warnings, self.left_out)
        return RoleParts(self.name, parts, self.task, *facts)


def role_parts(
    name: str,
    places: Mapping[str, Sequence[Example]],
    partition: Partition,
    store: WaveformStore,
    task: Task,
    min_samples: int = 1,
    strict: bool = False,
) -> RoleParts:
    """Return the clips of a role in each part, without those that can't be used.

    Args:
        name: What to call the role in messages.
        places: Its clips by corpus, as the partition names them.
        partition: The part of each clip.
        store: Where their waveforms lie.
        task: What is learnt.
        min_samples: Shortest clip that is of use, in samples.
        strict: Refuse clips that the store can't serve.

    Raises:
        SplitError: A part holds no clip, or the training part none of some class.
        WaveformError: No clip can be used or, with `strict`, one can't.
    """
    examples = list(chain(*places.values()))
    usable, skipped = store.select(examples, min_samples, strict)
    warnings = []
    if skipped:
        warnings.append(f"In {name}, {skipped_sentence(skipped, len(examples))}")
    parts: dict[Part, ClipDataset] = {}
    for part in PARTS:
        inside = [one for one in usable if partition.parts.get(one.clip.id) == part]
        parts[part] = ClipDataset(inside, store)
        where = f"{name} ({listed(partition.split.groups(part))})"
        warnings += _gaps(part, where, parts[part], task)
    if len(places) > 1:
        warnings += _empty_parts(places, parts)
    for place, clips in places.items():
        title = name if len(places) == 1 else place
        warnings += _warnings(title, place, clips, partition)
    dropped = sum(partition.dropped.get(place, 0) for place in places)
    left_out = _left_out(usable, partition) | skipped
    return RoleParts(name, parts, task, skipped, dropped, warnings, left_out)


def _empty_parts(
    places: Mapping[str, Sequence[Example]], parts: Mapping[Part, ClipDataset]
) -> list[str]:
    """Return a warning for each part that has no clip of one of several corpora."""
    return [
        f"The {part} part holds no clip of {place}."
        for part, data in parts.items()
        for place, examples in places.items()
        if examples[0].corpus not in {one.corpus for one in data.examples}
    ]


def _warnings(
    name: str, place: str, examples: Sequence[Example], partition: Partition
) -> list[str]:
    """Return what a user must know of how a corpus is split."""
    warnings = []
    published = place in partition.cut  # as its authors' own parts are taken
    if dropped := partition.dropped.get(place, 0):
        warnings.append(
            f"In {name}, {dropped} clips are left out of training or validation, as "
            "their speaker, song or artist is judged elsewhere."
        )
    if number := sum(one.clip.part is None for one in examples) * published:
        warnings.append(
            f"In {name}, {number} clips are in no part of the authors' split, and are "
            "not used."
        )
    if cut := partition.cut.get(place, 0):
        warnings.append(
            f"In {name}, the authors' own parts cut {cut} of the speakers, songs and "
            "artists: data.strict_groups true leaves none in two parts."
        )
    return warnings


def _left_out(usable: Sequence[Example], partition: Partition) -> dict[str, str]:
    """Return why clips are in no part, by their ids."""
    units = partition.split.parts()
    reasons = ("in no part", "its speaker, song or artist is judged elsewhere")
    return {
        one.clip.id: reasons[one.unit in units]
        for one in usable
        if one.clip.id not in partition.parts
    }


def _gaps(part: Part, where: str, dataset: ClipDataset, task: Task) -> list[str]:
    """Return a warning where classes lack clips, or refuse what can't be learnt.

    Raises:
        SplitError: There is no clip, no training clip of some class, or no two clips
            that differ in some value.
    """
    if not len(dataset):
        raise SplitError(
            f"The {part} part holds no clip of {where}: choose another fold or split."
        )
    if alike := task.constant(dataset.targets):
        raise SplitError(
            f"In the {part} part, all clips of {where} have the same "
            f"{' and '.join(alike)}, so that nothing tells how well it is learnt: "
            "choose another fold or split."
        )
    counts = task.counts(dataset.targets)
    missing = [name for name, number in counts.items() if not number]
    if not missing:
        return []
    sentence = f"No {part} clip of {where} is {' or '.join(missing)}"
    if part == "train":
        raise SplitError(
            f"{sentence}: choose labels that every corpus has, or another fold or "
            "split."
        )
    return [f"{sentence}."]
