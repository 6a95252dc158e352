"""Corpora in roles, split and batched for a trainer or for any loop."""

import logging
import warnings
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any, cast

import torch
from lightning import LightningDataModule, Trainer
from torch.utils.data import DataLoader, Dataset

from crossemo.corpora.base import Clip, Corpus
from crossemo.data.batch import Batch
from crossemo.data.dataset import ClipDataset, SplitCorpus, joined
from crossemo.data.samplers import LengthBucketSampler, ResumableLoader
from crossemo.data.splits import (
    PARTS,
    Part,
    Split,
    SplitScheme,
    every_split,
    split_corpora,
    united,
)
from crossemo.data.waveforms import WaveformStore
from crossemo.emotions import LabelSpaceName, NeutralCalm, label_space
from crossemo.errors import CrossEmoError

logger = logging.getLogger(__name__)


class EmotionDataModule(LightningDataModule):
    """Corpora in roles, under one label space and one split.

    The groups of all roles are split together, so an actor's speech and song always
    lie in the same part. Works without a trainer too: call `prepare_data()`, then
    `setup()`.

    Args:
        roles: Corpus by role, such as `{"source": ..., "target": ...}`.
        labels: Label space, see `crossemo.emotions.label_space`; clips of other
            emotions are left out.
        neutral_calm: What `four` makes of neutral and calm.
        split: A scheme, see `crossemo.data.splits.make_split`, or the groups of each
            part. Under `official`, fold k unites the fold k of every corpus.
        fold: Which fold is tested, from 0.
        folds: How many folds `kfold` deals.
        split_seed: Seed of `kfold`.
        batch_size: Clips per process and step.
        sampling_rate: Rate in Hz that the encoder takes.
        min_samples: Shortest clip that the encoder takes, in samples; shorter ones are
            left out.
        cache_dir: The cache folder; `$CROSSEMO_CACHE` or the user's if None.
        strict: Refuse clips that can't be used instead of leaving them out.
        num_workers: Loader processes. Reading decoded clips costs less than passing
            them between processes, so 0 is fastest.
        seed: Seed of the shuffling.

    Attributes:
        roles: Corpus by role.
        space: The label space.
        split: The split; there after `setup`.

    Raises:
        CrossEmoError: There is no role, or `num_workers` is below 0.
        UnknownEmotionError: There is no such label space.
    """

    split: Split
    _served: tuple[tuple[str, ...], int, int | None]

    def __init__(
        self,
        roles: dict[str, Corpus],
        labels: LabelSpaceName = "shared6",
        neutral_calm: NeutralCalm = "merge",
        split: SplitScheme | Split = "official",
        fold: int = 0,
        folds: int = 6,
        split_seed: int = 0,
        batch_size: int = 16,
        sampling_rate: int = 16_000,
        min_samples: int = 400,
        cache_dir: str | Path | None = None,
        strict: bool = False,
        num_workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if not roles:
            raise CrossEmoError("A datamodule needs a corpus in at least one role.")
        if num_workers < 0:
            raise CrossEmoError(f"num_workers is {num_workers}: choose 0 or more.")
        self.roles = dict(roles)
        self.space = label_space(labels, neutral_calm)
        self.scheme = split
        self.fold, self.folds, self.split_seed = fold, folds, split_seed
        self.batch_size, self.num_workers, self.seed = batch_size, num_workers, seed
        self.sampling_rate, self.min_samples = sampling_rate, min_samples
        self.cache_dir, self.strict = cache_dir, strict
        self._served = ((next(iter(self.roles)),), batch_size, None)
        self._ready: list[Any] = []
        self._clips: dict[str, list[Clip]] = {}
        self._data: dict[str, SplitCorpus] = {}

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in order of index."""
        return self.space.classes

    @property
    def active(self) -> tuple[str, ...]:
        """Roles whose clips `train_dataloader` serves; the first one at first."""
        return self._served[0]

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
            self._check(role)
        before = self._served
        self._served = (tuple(roles), batch_size or self.batch_size, batches)
        return self._served != before

    def batches_per_epoch(
        self, roles: Sequence[str], batch_size: int | None = None
    ) -> int:
        """Return the batches of an epoch on the training clips of some roles."""
        return len(self._train_sampler(roles, batch_size or self.batch_size, None))

    def serve(self, batches: Sequence[Any]) -> None:
        """Serve these batches from now on instead of clips, and validate on none."""
        self._ready = list(batches)

    def prepare_data(self) -> None:
        """Write and decode what is missing; called in one process per machine."""
        for corpus in self.roles.values():
            corpus.prepare()
        self._make_split()  # before the long work, in case it can't be made
        for role in self.roles:
            WaveformStore.prepare(
                self._listed(role), self.sampling_rate, self.cache_dir, self._speaks
            )

    def setup(self, stage: str | None = None) -> None:
        """Split the clips; called in every process.

        Args:
            stage: Unused; all parts are set up at once.

        Raises:
            SplitError: The split can't be made, a part holds no clip of a role, or a
                class can't be learnt, as no training clip of a role belongs to it.
            WaveformError: `prepare_data` was not called, or no clip can be used.
        """
        if self._data:
            return
        self.split = self._make_split()
        self._data = {role: self._split_corpus(role) for role in self.roles}
        if self._speaks:
            for sentence in chain(*(data.warnings for data in self._data.values())):
                logger.warning(sentence)
        if self.num_workers == 0:
            # Lightning would advise workers, which here cost more than they save.
            warnings.filterwarnings("ignore", ".*does not have many workers")

    def dataset(self, role: str, part: Part) -> ClipDataset:
        """Return the clips of a role in a part.

        Raises:
            CrossEmoError: There is no such role, or `setup` was not called.
        """
        return self._split_data(role).parts[part]

    def datasets(self) -> list[ClipDataset]:
        """Return the clips of all roles and parts.

        Raises:
            CrossEmoError: `setup` was not called.
        """
        return [self.dataset(role, part) for role in self.roles for part in PARTS]

    def loader(self, role: str, part: Part) -> DataLoader[Batch]:
        """Return a loader of every clip of a role in a part, unshuffled."""
        dataset = self.dataset(role, part)
        sampler = LengthBucketSampler(dataset, self.batch_size, shuffle=False)
        return self._loader(dataset, sampler)

    def train_dataloader(self) -> DataLoader[Any]:
        """Return a shuffled loader of the active roles' training clips."""
        if self._ready:
            return DataLoader(cast(Dataset[Any], self._ready), batch_size=None)
        sampler = self._train_sampler(*self._served)
        return self._loader(sampler.dataset, sampler)

    def val_dataloader(self) -> list[DataLoader[Batch]]:
        """Return one loader of validation clips per role."""
        return [self.loader(role, "val") for role in self.roles if not self._ready]

    def test_dataloader(self) -> list[DataLoader[Batch]]:
        """Return one loader of test clips per role."""
        return [self.loader(role, "test") for role in self.roles]

    def predict_dataloader(self) -> list[DataLoader[Batch]]:
        """Return one loader of test clips per role."""
        return self.test_dataloader()

    def every_split(self) -> list[Split]:
        """Return the splits of all folds; the one split, where it was given.

        Raises:
            SplitError: A split can't be made.
        """
        if isinstance(self.scheme, Split):
            return [self.scheme]
        return every_split(
            self._groups(), self._official(), self.scheme, self.folds, self.split_seed
        )

    def class_counts(self, roles: Sequence[str]) -> list[int]:
        """Return how many training clips of some roles each class has."""
        counts = [self._split_data(r).counts("train", self.classes) for r in roles]
        return [sum(column) for column in zip(*counts, strict=True)]

    def describe(self) -> dict[str, Any]:
        """Return what the data of a run were, ready for JSON."""
        given = isinstance(self.scheme, Split)
        return {
            "roles": {
                role: {"corpus": corpus.name, "domain": corpus.domain}
                | self._split_data(role).describe(self.classes)
                for role, corpus in self.roles.items()
            },
            "labels": self.space.name,
            "classes": list(self.classes),
            "sampling_rate": self.sampling_rate,
            "split": {
                "scheme": "given" if given else self.scheme,
                "fold": None if given else self.fold,
                "folds": self.folds if self.scheme == "kfold" else None,
                "seed": self.split_seed if self.scheme == "kfold" else None,
                "groups": {part: list(self.split.groups(part)) for part in PARTS},
            },
        }

    @property
    def _speaks(self) -> bool:
        return self.trainer is None or self.trainer.is_global_zero

    def _check(self, role: str) -> None:
        if role not in self.roles:
            raise CrossEmoError(
                f"There is no role {role!r}: choose {' or '.join(self.roles)}."
            )

    def _split_data(self, role: str) -> SplitCorpus:
        self._check(role)
        if not self._data:
            raise CrossEmoError(
                "The datamodule is not set up: call prepare_data() and setup() first."
            )
        return self._data[role]

    def _listed(self, role: str) -> list[Clip]:
        # Listing reads every file for its digest, so once per process is enough.
        if role not in self._clips:
            self._clips[role] = self.roles[role].clips()
        return self._clips[role]

    def _make_split(self) -> Split:
        if isinstance(self.scheme, Split):
            self.scheme.refuse_strays(set().union(*self._groups()))
            return self.scheme
        return split_corpora(
            self._groups(),
            self._official(),
            self.scheme,
            self.fold,
            self.folds,
            self.split_seed,
        )

    def _groups(self) -> list[set[str]]:
        return [{clip.group for clip in self._listed(role)} for role in self.roles]

    def _official(self) -> list[frozenset[str]]:
        return united([corpus.folds for corpus in self.roles.values()])

    def _split_corpus(self, role: str) -> SplitCorpus:
        clips = self._listed(role)
        store = WaveformStore.open(clips, self.sampling_rate, self.cache_dir)
        name = f"{role} {self.roles[role].name}"
        return SplitCorpus(
            name, clips, store, self.space, self.split, self.min_samples, self.strict
        )

    def _train_sampler(
        self, roles: Sequence[str], batch_size: int, batches: int | None
    ) -> LengthBucketSampler:
        dataset = joined([self.dataset(role, "train") for role in roles])
        return LengthBucketSampler(
            dataset, batch_size, shuffle=True, seed=self.seed, batches=batches
        )

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


def data_of(trainer: Trainer) -> EmotionDataModule:
    """Return the datamodule of a run.

    Raises:
        CrossEmoError: The run has none, or one that knows no roles.
    """
    data = getattr(trainer, "datamodule", None)
    if not hasattr(data, "roles"):
        raise CrossEmoError(
            "crossemo's callbacks need one of its datamodules: pass it to the trainer "
            "as datamodule."
        )
    return cast(EmotionDataModule, data)
