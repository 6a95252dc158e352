"""The corpora of a run in their roles: listed, split together, and opened."""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path
from typing import Any

from crossemo.corpora.base import Corpus, Part
from crossemo.data.dataset import Store
from crossemo.data.examples import Example, take_examples
from crossemo.data.partition import (
    Partition,
    every_partition,
    fold_numbers,
    partition,
    with_units,
)
from crossemo.data.parts import RoleParts, role_parts
from crossemo.data.splits import Scheme, Split, SplitError, describe_split
from crossemo.data.waveforms import SampleFormat, WaveformStore
from crossemo.data.windows import WHOLE, Windowing
from crossemo.errors import CrossEmoError
from crossemo.tasks import Task


class Roles:
    """The clips of all roles, under one task and one split.

    Each corpus has its own parts or folds, also where a role has several.

    Args:
        corpora: Corpus by role.
        task: What is learnt.
        scheme: How the clips are split.
        sampling_rate: Rate of the waveforms in Hz.
        min_samples: Shortest clip that is of use, in samples.
        cache_dir: The cache folder; `crossemo.cache.cache_dir` if None.
        strict: Refuse clips that can't be used instead of leaving them out.
        windowing: How the long clips of a corpus are cut.
        excerpt: The middle seconds that longer clips are cut to; None takes them whole.
        sample_format: How waveforms are written to the disk.

    Attributes:
        corpora: As given.
        split: The split; there after `setup`.
    """

    split: Split

    def __init__(
        self,
        corpora: Mapping[str, Corpus],
        task: Task,
        scheme: Scheme | Split,
        sampling_rate: int,
        min_samples: int = 1,
        cache_dir: str | Path | None = None,
        strict: bool = False,
        windowing: Callable[[Corpus], Windowing] = lambda _: WHOLE,
        excerpt: float | None = None,
        sample_format: SampleFormat = "int16",
    ) -> None:
        self.corpora, self.task, self.scheme = dict(corpora), task, scheme
        self.sampling_rate, self.min_samples = sampling_rate, min_samples
        self.cache_dir, self.strict = cache_dir, strict
        self.windowing = windowing
        self.excerpt, self.sample_format = excerpt, sample_format
        # A role of several corpora has a place for each, see `_places`.
        self._places = {role: _places(role, one) for role, one in corpora.items()}
        self._members: dict[str, list[Example]] = {}
        self._left_out: dict[str, dict[str, str]] = {}
        self._parts: dict[str, RoleParts] = {}

    def at_fold(self, fold: int) -> "Roles":
        """Return the same clips under another fold, without listing them anew."""
        other = copy(self)
        if isinstance(self.scheme, Scheme):
            other.scheme = replace(self.scheme, fold=fold)
        other._parts = {}
        return other

    def __getitem__(self, role: str) -> RoleParts:
        """Return the parts of a role.

        Raises:
            CrossEmoError: There is no such role, or `setup` was not called.
        """
        self.check(role)
        if not self._parts:
            raise CrossEmoError(
                "The datamodule is not set up: call prepare_data() and setup() first."
            )
        return self._parts[role]

    def check(self, role: str) -> None:
        """Refuse a role that is not there.

        Raises:
            CrossEmoError: It is not.
        """
        if role not in self.corpora:
            raise CrossEmoError(
                f"There is no role {role!r}: choose {' or '.join(self.corpora)}."
            )

    def prepare(self, progress: bool) -> None:
        """Write, read and decode what is missing."""
        for corpus in self.corpora.values():
            corpus.prepare()
        self.partition(progress)  # before the long work, in case it can't be made
        for role in self.corpora:
            examples = list(chain(*self._of_role(role).values()))
            WaveformStore.prepare(
                examples,
                self.sampling_rate,
                self.cache_dir,
                progress,
                self.sample_format,
            )

    def setup(self) -> Sequence[str]:
        """Split the clips, and return what a user must know; nothing the second time.

        Raises:
            SplitError: The split can't be made, a part holds no clip of a role, or a
                class can't be learnt.
            WaveformError: `prepare` was not called, or no clip can be used.
        """
        if self._parts:
            return ()
        made = self.partition()
        self.split = made.split
        self._parts = {role: self._open(role, made) for role in self.corpora}
        return list(chain(*(parts.warnings for parts in self._parts.values())))

    def serve_from(self, stores: Mapping[str, Mapping[Part, Store]]) -> None:
        """Serve the same clips from other stores, of each part by role."""
        self._parts = {
            role: parts.served_by(stores[role]) for role, parts in self._parts.items()
        }

    def partition(self, progress: bool = False) -> Partition:
        """Return the part of every clip, reading what is new of the files.

        Raises:
            SplitError: The split can't be made.
        """
        return partition(self._examples(progress), self._folds(), self.scheme)

    def every_partition(self) -> list[Partition]:
        """Return the partitions of all folds; the one, where the split was given.

        Raises:
            SplitError: A split can't be made.
        """
        return every_partition(self._examples(), self._folds(), self.scheme)

    def fold_numbers(self) -> Sequence[int]:
        """Return the numbers of all folds; none, where all parts were given."""
        return fold_numbers(self._examples(), self._folds(), self.scheme)

    def describe(self) -> dict[str, Any]:
        """Return what the clips were, ready for JSON."""
        return {
            "roles": {
                role: {"corpus": corpus.name, "domain": corpus.domain}
                | self._windows(corpus)
                | _scales(corpus)
                | self[role].describe()
                | {"left_out": self._left_out[role] | self[role].left_out}
                for role, corpus in self.corpora.items()
            },
            **self.task.describe(),
            "sampling_rate": self.sampling_rate,
            "split": describe_split(self.scheme, self.split),
        }

    def _examples(self, progress: bool = False) -> dict[str, list[Example]]:
        # Listed once per process.
        if not self._members:
            self._left_out = {role: {} for role in self.corpora}
            members = {
                place: self._take(role, corpus, progress)
                for role, corpora in self._places.items()
                for place, corpus in corpora.items()
            }
            self._members = with_units(members, self.scheme)
        return self._members

    def _take(self, role: str, corpus: Corpus, progress: bool) -> list[Example]:
        options = (self.task.target, self.cache_dir, self.strict, progress)
        cut, left_out = self.windowing(corpus), self._left_out[role]
        examples = take_examples(corpus, *options, left_out, cut, self.excerpt)
        if not examples:
            raise SplitError(
                f"{corpus.name}, the corpus of {role}, has no clip {self.task.sought}: "
                "choose another task."
            )
        return examples

    def _of_role(self, role: str) -> dict[str, list[Example]]:
        """Return the examples of each place of a role."""
        examples = self._examples()
        return {place: examples[place] for place in self._places[role]}

    def _windows(self, corpus: Corpus) -> dict[str, Any]:
        """Return window and hop in seconds, by corpus where they differ."""
        each = {
            one.name: self.windowing(one).describe(self.sampling_rate)
            for one in corpus.members
        }
        first = each[corpus.members[0].name]
        if all(one == first for one in each.values()):
            return dict(first)
        return {key: {name: one[key] for name, one in each.items()} for key in first}

    def _folds(self) -> dict[str, Sequence[frozenset[str]]]:
        return {
            place: corpus.folds
            for corpora in self._places.values()
            for place, corpus in corpora.items()
        }

    def _open(self, role: str, made: Partition) -> RoleParts:
        places = self._of_role(role)
        examples = list(chain(*places.values()))
        store = WaveformStore.open(
            examples, self.sampling_rate, self.cache_dir, self.sample_format
        )
        return role_parts(
            f"{role} {self.corpora[role].name}",
            places,
            made,
            store,
            self.task,
            self.min_samples,
            self.strict,
        )


def _places(role: str, corpus: Corpus) -> dict[str, Corpus]:
    """Return the corpora of a role by what its score is named after."""
    if len(corpus.members) == 1:
        return {role: corpus}
    return {f"{role}/{one.name}": one for one in corpus.members}


def _scales(corpus: Corpus) -> dict[str, Any]:
    """Return the scale of each corpus that publishes values."""
    scales = {one.name: asdict(one.scale) for one in corpus.members if one.scale}
    return {"scales": scales} if scales else {}
