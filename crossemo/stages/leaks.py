"""A module that remembers what its weights have seen, and isn't judged by it."""

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

from lightning.pytorch.trainer.states import TrainerFn

from crossemo.corpora.base import Part
from crossemo.data.datamodule import EmotionDataModule
from crossemo.data.marks import Mark
from crossemo.data.provenance import (
    NOTHING,
    Clips,
    Material,
    Provenance,
    examples_of,
)
from crossemo.data.trainer import datamodule_of
from crossemo.encoders import SSLEncoder
from crossemo.encoders.exposure import Exposure, Marks, exposures_of, mark_of
from crossemo.encoders.training_records import refuse_records
from crossemo.runs.checkpointed import Checkpointed
from crossemo.runs.origin import checkpoint_provenance

_JUDGING: tuple[Part, ...] = ("test", "val")


class LeakGuard(Checkpointed):
    """Remembers all clips that its weights were trained on or chosen by.

    Whatever loads weights says what these have seen; training and validation add to
    it; a test, a validation or a prediction by such clips is refused.

    Args:
        encoder: The encoder, which has seen what it was trained on itself.
        allow_leak: Whether to judge by seen clips all the same, and say so.

    Attributes:
        provenance: What the weights have seen.
        exposures: By part, what they had heard of the clips that judged them last.
        strict: Whether trainings by others on their corpora are refused too.
    """

    strict = False

    def __init__(self, encoder: SSLEncoder, *, allow_leak: bool = False) -> None:
        super().__init__()
        self.encoder = encoder
        self.allow_leak = allow_leak
        self.provenance = self._first = encoder.provenance
        self.exposures: dict[Part, Exposure] = {}

    @property
    def mark(self) -> Mark:
        """What is said of the last test as a whole."""
        return mark_of(self.exposures.values())

    def mark_on(self, clips: Iterable[str]) -> Mark:
        """Return what tables and figures say of a score by some clips of the last test.

        Args:
            clips: Their names; what was heard of others says nothing of them.
        """
        names = set(clips)
        return mark_of(one.on(names) for one in self.exposures.values())

    def marks_by(self, clips: Mapping[str, Iterable[str]]) -> Marks:
        """Return what tables and figures say of scores by clips of the last test.

        Args:
            clips: Their names, by role or whatever tells corpora apart.
        """
        return Marks.of(self.exposures.values(), clips)

    def setup(self, stage: str) -> None:
        """Refuse a training that would be judged unfairly, before the long work.

        Raises:
            LeakError: The weights have seen what it would be judged by.
        """
        super().setup(stage)
        if stage == "fit":
            self.refuse_leaks()

    def on_train_start(self) -> None:
        """Remember what is trained on, also in an epoch that goes on."""
        self._remember(train=Material.of(examples_of(self.trainer.train_dataloader)))

    def on_train_epoch_start(self) -> None:
        """Remember what is trained on."""
        self.on_train_start()

    def on_validation_start(self) -> None:
        """Remember what a training is chosen by; refuse a validation by seen clips.

        Raises:
            LeakError: The weights were trained on the clips.
        """
        loaders = self.trainer.val_dataloaders
        if self.trainer.state.fn == TrainerFn.VALIDATING:
            self.compare({"val": examples_of(loaders)})
        else:
            self._remember(val=Material.of(examples_of(loaders)))

    def on_test_start(self) -> None:
        """Refuse a test by seen clips.

        Raises:
            LeakError: The weights were trained on the clips or chosen by them.
        """
        self.compare({"test": examples_of(self.trainer.test_dataloaders)})

    def on_predict_start(self) -> None:
        """Refuse to predict a test part of seen clips; other clips are no test.

        Raises:
            LeakError: The weights were trained on the clips or chosen by them.
        """
        if self._data is not None:
            self.compare({"test": examples_of(self.trainer.predict_dataloaders)})

    def refuse_leaks(self, provenance: Provenance | None = None) -> None:
        """Refuse weights that the run's own parts can't judge.

        Args:
            provenance: What weights have seen that will be loaded; the module's if
                None.

        Raises:
            LeakError: They have seen clips of the validation or the test part.
        """
        if (data := self._data) is not None:
            parts = {
                part: [
                    one
                    for role in data.roles
                    for one in data.dataset(role, part).examples
                ]
                for part in _JUDGING
            }
            self.compare(parts, provenance)

    def compare(self, judged: Clips, provenance: Provenance | None = None) -> None:
        """Refuse clips that the weights have seen; arguments as in `exposures_of`.

        Raises:
            LeakError: They have seen them, and leaks are not allowed.
        """
        seen = self.provenance if provenance is None else provenance
        origins = Provenance(repositories=self.encoder.provenance.repositories)
        news = exposures_of(seen | origins, judged, allowed=self.allow_leak)
        if self.strict:
            heard = chain(*(one.records for one in news.values()))
            refuse_records(self.encoder.name, heard)
        # Within a fit each look is of other weights, and the choice leaks by any.
        fitting = self._trainer and self._trainer.state.fn == TrainerFn.FITTING
        for part, one in news.items():
            before = self.exposures.get(part) if fitting else None
            self.exposures[part] = one if before is None else one.after(before)

    def save_provenance(self, checkpoint: dict[str, Any]) -> None:
        """Put into a checkpoint what its weights have seen."""
        checkpoint["provenance"] = {
            "model": self.provenance.plain(),
            "encoder": self.encoder.provenance.plain(),
        }

    def load_provenance(self, checkpoint: Mapping[str, Any]) -> None:
        """Take over what the weights of a checkpoint have seen.

        Raises:
            LeakError: The record is broken, or a training that goes on from them would
                be judged unfairly.
        """
        self.provenance, self.encoder.provenance = (
            self._first | checkpoint_provenance(checkpoint, weights)
            for weights in ("model", "encoder")
        )
        if self._trainer and self._trainer.state.fn == TrainerFn.FITTING:
            self.refuse_leaks()

    @property
    def _data(self) -> EmotionDataModule | None:
        # Callbacks begin a stage before Lightning calls the module's own `setup`.
        return datamodule_of(self._trainer) if self._trainer else None

    def _remember(
        self, train: Material = NOTHING.train, val: Material = NOTHING.val
    ) -> None:
        news = Provenance(train, val)
        self.provenance |= news
        if any(p.requires_grad for p in self.encoder.parameters()):
            self.encoder.provenance |= news
