"""Corpora in roles, split and batched for a trainer or for any loop."""

import logging
import warnings
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from lightning import LightningDataModule
from torch.utils.data import DataLoader

from crossemo.corpora.base import Clip, Corpus
from crossemo.data.batch import Batch
from crossemo.data.dataset import ClipDataset, SplitCorpus
from crossemo.data.samplers import LengthBucketSampler
from crossemo.data.waveforms import WaveformStore
from crossemo.emotions import LabelSpaceName, NeutralCalm, label_space
from crossemo.errors import CrossEmoError
from crossemo.splits import PARTS, Part, Split, SplitScheme, make_split, united

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
        split: A scheme, see `crossemo.splits.make_split`, or the groups of each part.
            Under `official`, fold k unites the fold k of every corpus.
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
        self._active = next(iter(self.roles))
        self._clips: dict[str, list[Clip]] = {}
        self._data: dict[str, SplitCorpus] = {}

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in order of index."""
        return self.space.classes

    @property
    def active(self) -> str:
        """Role whose clips `train_dataloader` serves; the first one unless changed.

        Raises:
            CrossEmoError: On setting it: there is no such role.
        """
        return self._active

    @active.setter
    def active(self, role: str) -> None:
        self._check(role)
        self._active = role

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

    def loader(self, role: str, part: Part) -> DataLoader[Batch]:
        """Return a loader of every clip of a role in a part, unshuffled."""
        return self._loader(self.dataset(role, part), shuffle=False)

    def train_dataloader(self) -> DataLoader[Batch]:
        """Return a shuffled loader of the active role's training clips."""
        return self._loader(self.dataset(self.active, "train"), shuffle=True)

    def val_dataloader(self) -> list[DataLoader[Batch]]:
        """Return one loader of validation clips per role."""
        return [self.loader(role, "val") for role in self.roles]

    def test_dataloader(self) -> list[DataLoader[Batch]]:
        """Return one loader of test clips per role."""
        return [self.loader(role, "test") for role in self.roles]

    def predict_dataloader(self) -> list[DataLoader[Batch]]:
        """Return one loader of test clips per role."""
        return self.test_dataloader()

    def class_counts(self, role: str) -> list[int]:
        """Return how many training clips of a role each class has."""
        return self._split_data(role).counts("train", self.classes)

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
        groups = {clip.group for role in self.roles for clip in self._listed(role)}
        if isinstance(self.scheme, Split):
            self.scheme.refuse_strays(groups)
            return self.scheme
        official = united([corpus.folds for corpus in self.roles.values()])
        return make_split(
            groups, official, self.scheme, self.fold, self.folds, self.split_seed
        )

    def _split_corpus(self, role: str) -> SplitCorpus:
        clips = self._listed(role)
        store = WaveformStore.open(clips, self.sampling_rate, self.cache_dir)
        name = f"{role} {self.roles[role].name}"
        return SplitCorpus(
            name, clips, store, self.space, self.split, self.min_samples, self.strict
        )

    def _loader(self, dataset: ClipDataset, shuffle: bool) -> DataLoader[Batch]:
        return DataLoader(
            dataset,
            sampler=LengthBucketSampler(dataset, self.batch_size, shuffle, self.seed),
            batch_size=None,
            num_workers=self.num_workers,
            pin_memory=torch.cuda.is_available(),
        )
