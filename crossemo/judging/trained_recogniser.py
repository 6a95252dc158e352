"""Recognisers of crossemo: of a run, a checkpoint, a shared folder or the hub."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, ClassVar

from torch import Tensor

from crossemo.data.batch import Batch
from crossemo.data.datamodule import EmotionDataModule
from crossemo.data.samplers import LengthBucketSampler
from crossemo.data.windows import Window
from crossemo.encoders import EncoderError, EncoderFacts
from crossemo.encoders.sources import find_source
from crossemo.judging.candidate import Candidate, Form
from crossemo.recognizer import EmotionRecognizer


class TrainedRecogniser(Candidate):
    """A recogniser of crossemo.

    Args:
        name: What it is called in tables.
        module: The recogniser, with its weights and what they have seen.
    """

    form: ClassVar[Form] = "crossemo"
    relative: ClassVar[bool] = True

    def __init__(self, name: str, module: EmotionRecognizer) -> None:
        encoder = module.encoder
        self._hyperparameters = dict(module.hparams)
        facts = EncoderFacts(encoder.sampling_rate, encoder.min_samples)
        super().__init__(
            name,
            module,
            module.classes,
            facts,
            tuple(_repositories(module)),
            module.provenance,
        )

    def batches(self, data: EmotionDataModule, role: str) -> list[list[Window]]:
        """Return the batches of `lightning test`, in which padding changes nothing."""
        sampler = LengthBucketSampler(
            data.dataset(role, "test"),
            data.batch_size,
            shuffle=False,
            samples=data.batch_samples,
        )
        return list(sampler)

    def __call__(self, batch: Batch) -> Tensor:
        """Return its outputs."""
        device = next(self.module.parameters()).device
        outputs: Tensor = self.module(batch.inputs.to(device), batch.lengths.to(device))
        return outputs.float()

    def describe(self) -> dict[str, Any]:
        """Return what it was trained with."""
        hyperparameters = self._hyperparameters
        return {"class": type(self.module).__name__} | {
            "hyperparameters": {k: hyperparameters[k] for k in sorted(hyperparameters)}
        }


def _repositories(module: EmotionRecognizer) -> Iterator[str]:
    """Yield the repository of the encoder; none of a folder that has gone since."""
    if module.facts and (repository := module.facts.encoder.get("repository")):
        yield repository
    with suppress(EncoderError):
        if repository := find_source(module.encoder.name).repository:
            yield repository
