"""What is judged: a model with named outputs, whoever made it."""

from abc import ABC, abstractmethod
from hashlib import blake2b
from typing import Any, ClassVar, Literal

from torch import Tensor, nn

from crossemo.data.batch import Batch
from crossemo.data.datamodule import EmotionDataModule
from crossemo.data.provenance import NOTHING, Provenance
from crossemo.data.windows import Window
from crossemo.encoders import EncoderFacts

Form = Literal["transformers", "crossemo"]


class Candidate(ABC):
    """A model that is judged as it is.

    Args:
        name: What it is called in tables.
        module: Its layers and weights.
        labels: Names of its outputs, in order.
        facts: Sampling rate and shortest clip that it takes.

    Attributes:
        form: Whether `transformers` or `crossemo` reads it.
        relative: Whether its values are from -1 to 1 about the middle of a scale.
        repositories: Of the hub: its own, and those of what it began from.
        provenance: What crossemo has recorded of the clips that it was trained on.
    """

    form: ClassVar[Form]
    relative: ClassVar[bool] = False

    def __init__(
        self,
        name: str,
        module: nn.Module,
        labels: tuple[str, ...],
        facts: EncoderFacts,
        repositories: tuple[str, ...] = (),
        provenance: Provenance = NOTHING,
    ) -> None:
        self.name, self.module, self.labels = name, module.eval(), labels
        self.facts, self.repositories = facts, repositories
        self.provenance = provenance

    @abstractmethod
    def batches(self, data: EmotionDataModule, role: str) -> list[list[Window]]:
        """Return all windows of the test clips of a role, in batches that it takes."""

    @abstractmethod
    def __call__(self, batch: Batch) -> Tensor:
        """Return what it says of a batch, `(batch, labels)`, such as logits."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return what it is, ready for JSON."""

    def fingerprint(self) -> str:
        """Return a digest (BLAKE2b, 128 bits, hex) of all weights."""
        digest = blake2b(digest_size=16)
        for key, tensor in sorted(self.module.state_dict().items()):
            digest.update(f"{key} {tuple(tensor.shape)} {tensor.dtype}".encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().data)
        return digest.hexdigest()
