"""Corpora in roles, split and batched for a trainer or for any loop."""

import logging
import warnings
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from itertools import chain
from math import inf
from pathlib import Path
from typing import Any, NoReturn

import torch
from lightning import LightningDataModule
from torch.utils.data import DataLoader

from crossemo.corpora.base import PARTS, Corpus, Part
from crossemo.corpora.joint import as_one
from crossemo.data.balance import Balance
from crossemo.data.batch import Batch
from crossemo.data.dataset import ClipDataset, Store
from crossemo.data.partition import Partition
from crossemo.data.roles import Roles
from crossemo.data.samplers import (
    LengthBucketSampler,
    ResumableLoader,
    samples_bound,
)
from crossemo.data.splits import Scheme, Split, SplitScheme
from crossemo.data.training import Training
from crossemo.data.waveforms import SampleFormat
from crossemo.data.windows import MUSIC_WINDOW, Windowing
from crossemo.emotions import LabelSpaceName, NeutralCalm
from crossemo.errors import CrossEmoError
from crossemo.tasks import Task, TaskName, as_task

logger = logging.getLogger(__name__)


class EmotionDataModule(LightningDataModule):
    """Corpora in roles, under one task and one split.

    The clips of all roles are split together, so an actor's speech and song always lie
    in the same part. Works without a trainer too: call `prepare_data()`, then
    `setup()`.

    Args:
        roles: Corpus by role, such as `{"source": ..., "target": ...}`, or a list of
            corpora that are scored one by one and together.
        task: What is learnt: a label space, see `crossemo.emotions.label_space`; a map
            of classes to the words that they take, such as `{high: [happy, angry],
            low: [sad, calm]}`; `valence_arousal` or `valence_arousal_dominance`; or
            `Classes` or `Values` with their own options. Clips that have no such class
            or value are left out.
        neutral_calm: What the label space `four` makes of neutral and calm.
        split: A scheme, or the units of each part. `official` takes, corpus by corpus,
            the authors' own parts, or their folds (fold k of all corpora together), or
            deals as `kfold` does where there are neither; see `crossemo.data.splits`.
        fold: Which fold is tested, from 0.
        folds: How many folds `kfold` deals.
        split_seed: Seed of `kfold`.
        strict_groups: Under `official`, never cut a unit where the authors' own parts
            do.
        balance: What training clips are drawn by, with replacement, as many as there
            are: `corpora`, `classes` or `both` equally often, see
            `crossemo.data.balance`; `none` has every clip once an epoch.
        balance_strength: 1 evens them out wholly, 0 not at all.
        batch_size: Clips, or windows of them, per process and step.
        batch_seconds: Most seconds per process and step, padding included; a longer
            clip is a batch by itself. Unbounded if None.
        window: Seconds that a clip is heard at once. Of a longer one, training hears a
            random window in every epoch; everything else hears all windows, and the
            mean of what the model says of them is judged. 0 takes all clips whole; by
            default it is the corpus's own, or else 10 for music and none for speech.
        hop: Seconds from the start of one window to that of the next; by default those
            of a window, so that none overlap.
        sampling_rate: Rate in Hz that the encoder takes.
        min_samples: Shortest clip that the encoder takes, in samples; shorter ones are
            left out.
        excerpt: Seconds of longer clips that are decoded and kept, from their middle;
            None takes them whole.
        sample_format: How decoded clips lie on the disk: `int16`, some 80 dB below
            which lies what is lost of a clip, or `float32`, which loses nothing and
            takes twice the room.
        cache_dir: The cache folder; `$CROSSEMO_CACHE` or the user's if None.
        strict: Refuse clips that can't be used instead of leaving them out.
        num_workers: Loader processes. Reading decoded clips costs less than passing
            them between processes, so 0 is fastest.
        seed: Seed of the shuffling.
        labels: The same as `task`, by its former name.

    Attributes:
        roles: Corpus by role; several as a `Joint`.
        settings: What else it was made with, by the names of the arguments.
        task: What is learnt.

    Raises:
        CrossEmoError: There is no role, `num_workers` is below 0, `task` and `labels`
            are both given, or there can be no such balance, window, hop, excerpt or
            batch.
        UnknownEmotionError: There is no such label space or word.
        SplitError: There is no such scheme.
    """

    _served: tuple[tuple[str, ...], int, int | None]

    def __init__(
        self,
        roles: Mapping[str, Corpus | list[Corpus]],
        task: Task | TaskName | dict[str, list[str]] = "shared6",
        neutral_calm: NeutralCalm = "merge",
        split: Split | SplitScheme = "official",
        fold: int = 0,
        folds: int = 6,
        split_seed: int = 0,
        strict_groups: bool = False,
        balance: Balance = "none",
        balance_strength: float = 1.0,
        batch_size: int = 16,
        batch_seconds: float | None = None,
        window: float | None = None,
        hop: float | None = None,
        sampling_rate: int = 16_000,
        min_samples: int = 400,
        excerpt: float | None = None,
        sample_format: SampleFormat = "int16",
        cache_dir: str | Path | None = None,
        strict: bool = False,
        num_workers: int = 0,
        seed: int = 0,
        labels: LabelSpaceName | dict[str, list[str]] | None = None,
    ) -> None:
        settings = dict(locals())  # before anything else has a name here
        super().__init__()
        self.settings = {
            name: value
            for name, value in settings.items()
            if name not in ("self", "roles", "__class__")
        }
        if not roles:
            raise CrossEmoError("A datamodule needs a corpus in at least one role.")
        if num_workers < 0:
            raise CrossEmoError(f"num_workers is {num_workers}: choose 0 or more.")
        least = max(min_samples / sampling_rate, 0.001)  # stretches are cut at ms
        if excerpt is not None and not least <= excerpt < inf:
            raise CrossEmoError(
                f"excerpt is {excerpt:g} s: choose {least:g} s or more."
            )
        self.roles = {role: as_one(corpora) for role, corpora in roles.items()}
        if labels is not None and task != "shared6":
            raise CrossEmoError("task and labels are the same: give task alone.")
        meant = task if labels is None else labels
        self.task = as_task(meant, neutral_calm)
        facts = self.task.describe()
        named = facts.get("values", facts) if isinstance(meant, Task) else meant
        self.settings |= {"task": named, "labels": None}
        self.scheme = (
            split
            if isinstance(split, Split)
            else Scheme(split, fold, folds, split_seed, strict_groups)
        )
        self.sampling_rate, self.min_samples = sampling_rate, min_samples
        self.cache_dir, self.strict = cache_dir, strict
        self.batch_size, self.num_workers, self.seed = batch_size, num_workers, seed
        self.window, self.hop = window, hop
        self.batch_samples = samples_bound(batch_seconds, sampling_rate)
        self._clips = Roles(
            self.roles,
            self.task,
            self.scheme,
            sampling_rate,
            min_samples,
            cache_dir,
            strict,
            self.windowing,
            excerpt,
            sample_format,
        )
        self._training = Training(
            self._clips, seed, self.batch_samples, balance, balance_strength
        )
        for corpus in chain(*(corpus.members for corpus in self.roles.values())):
            self.windowing(corpus)  # refuses what is none before the long work
        self._served = ((next(iter(self.roles)),), batch_size, None)

    @classmethod
    def load_from_checkpoint(cls, *_: object, **__: object) -> NoReturn:
        """Refuse: data are made of their corpora.

        Raises:
            CrossEmoError: Always.
        """
        raise CrossEmoError(
            "A checkpoint holds no data: make them of their corpora, as config.yaml "
            "beside it says."
        )

    @property
    def split(self) -> Split:
        """The units of each part; there after `setup`."""
        return self._clips.split

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the model's outputs, in order."""
        return self.task.outputs

    @property
    def task_kind(self) -> str:
        """Kind of the task, by which a model makes its own, see `crossemo.tasks`."""
        return self.task.kind

    @property
    def active(self) -> tuple[str, ...]:
        """Roles whose clips `train_dataloader` serves; the first one at first."""
        return self._served[0]

    def windowing(self, corpus: Corpus) -> Windowing:
        """Return how the long clips of a corpus are cut."""
        window = self.window
        if window is None:
            window = MUSIC_WINDOW if corpus.domain == "music" else None
            window = window if corpus.window is None else corpus.window
        return Windowing.of_seconds(
            window, self.hop, self.sampling_rate, self.min_samples
        )

    def train_on(
        self,
        roles: Sequence[str],
        batch_size: int | None = None,
        batches: int | None = None,
    ) -> bool:
        """Choose what `train_dataloader` serves from now on.

        Args:
            roles: Roles whose training clips are served, mixed where there are several.
            batch_size: Clips per process and step; the module's own if None.
            batches: Batches after which an epoch ends; all if None.

        Returns:
            Whether that is something else than before.

        Raises:
            CrossEmoError: There is no such role.
        """
        for role in roles:
            self._clips.check(role)
        before = self._served
        self._served = (tuple(roles), batch_size or self.batch_size, batches)
        return self._served != before

    def batches_per_epoch(
        self, roles: Sequence[str], batch_size: int | None = None
    ) -> int:
        """Return the batches of an epoch on the training clips of some roles."""
        return len(self._training.sampler(roles, batch_size or self.batch_size))

    def prepare_data(self) -> None:
        """Write, read and decode what is missing; called in one process per machine."""
        self._clips.prepare(self._speaks)

    def setup(self, stage: str | None = None) -> None:
        """Split the clips; called in every process.

        Args:
            stage: Unused; all parts are set up at once.

        Raises:
            SplitError: The split can't be made, a part holds no clip of a role, or a
                class can't be learnt, as no training clip of a role belongs to it.
            WaveformError: `prepare_data` was not called, or no clip can be used.
        """
        for sentence in self._clips.setup():
            if self._speaks:
                logger.warning(sentence)
        if self.num_workers == 0:
            # Lightning would advise workers, which here cost more than they save.
            warnings.filterwarnings("ignore", ".*does not have many workers")
        # It would wonder too about a batch that says what it is of.
        warnings.filterwarnings("ignore", "Trying to infer the .batch_size. from an")

    def serve_from(self, stores: Mapping[str, Mapping[Part, Store]]) -> None:
        """Serve the same clips from other stores from now on, such as hidden states.

        Args:
            stores: The store of each part by role.
        """
        self._clips.serve_from(stores)

    def dataset(self, role: str, part: Part) -> ClipDataset:
        """Return the clips of a role in a part.

        Raises:
            CrossEmoError: There is no such role, or `setup` was not called.
        """
        return self._clips[role].parts[part]

    def datasets(self) -> list[ClipDataset]:
        """Return the clips of all roles and parts.

        Raises:
            CrossEmoError: `setup` was not called.
        """
        return [self.dataset(role, part) for role in self.roles for part in PARTS]

    def groups(self, part: Part) -> set[str]:
        """Return all groups of a part's clips: speakers, songs, artists."""
        clips = (clip for role in self.roles for clip in self.dataset(role, part).clips)
        return {group for clip in clips for group in clip.groups}

    def loader(self, role: str, part: Part) -> DataLoader[Batch]:
        """Return a loader of every clip of a role in a part, all windows of it."""
        dataset = self.dataset(role, part)
        sampler = LengthBucketSampler(
            dataset, self.batch_size, shuffle=False, samples=self.batch_samples
        )
        return self._loader(dataset, sampler)

    def train_dataloader(self) -> DataLoader[Any]:
        """Return a shuffled loader of the active roles' training clips."""
        sampler = self._training.sampler(*self._served)
        return self._loader(sampler.dataset, sampler)

    def val_dataloader(self) -> list[DataLoader[Batch]]:
        """Return one loader of validation clips per role."""
        return [self.loader(role, "val") for role in self.roles]

    def test_dataloader(self) -> list[DataLoader[Batch]]:
        """Return one loader of test clips per role."""
        return [self.loader(role, "test") for role in self.roles]

    def predict_dataloader(self) -> list[DataLoader[Batch]]:
        """Return one loader of test clips per role."""
        return self.test_dataloader()

    def partition(self, progress: bool = False) -> Partition:
        """Return the part of every clip before anything is decoded.

        Args:
            progress: Show a bar where files are read.

        Raises:
            SplitError: The split can't be made.
        """
        return self._clips.partition(progress)

    def every_partition(self) -> list[Partition]:
        """Return the partitions of all folds; the one, where the split was given.

        Raises:
            SplitError: A split can't be made.
        """
        return self._clips.every_partition()

    def fold_numbers(self) -> Sequence[int]:
        """Return the numbers of all folds; none, where all parts were given."""
        return self._clips.fold_numbers()

    def at_fold(self, fold: int) -> "EmotionDataModule":
        """Return a datamodule of the same clips under another fold, not yet set up.

        They are not listed anew.

        Args:
            fold: Which fold is tested.
        """
        other = copy(self)
        other._clips = self._clips.at_fold(fold)
        other._training = replace(self._training, clips=other._clips)
        other.scheme = other._clips.scheme
        other.settings = {**self.settings, "fold": fold}
        return other

    def class_counts(self, roles: Sequence[str]) -> list[float]:
        """Return how many training clips of some roles are drawn of each class.

        It is their expected number where classes or corpora are balanced.
        """
        return self._training.class_counts(roles)

    def describe(self) -> dict[str, Any]:
        """Return what the data of a run were, ready for JSON."""
        seconds = self.settings["batch_seconds"]
        return {**self._clips.describe(), "batch_seconds": seconds}

    @property
    def _speaks(self) -> bool:
        return self.trainer is None or self.trainer.is_global_zero

    def _loader(
        self, dataset: ClipDataset, sampler: LengthBucketSampler
    ) -> DataLoader[Batch]:
        return ResumableLoader(
            dataset,
            sampler=sampler,
            batch_size=None,
            num_workers=self.num_workers,
            pin_memory=torch.cuda.is_available(),
        )
