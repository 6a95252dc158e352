"""How protocols are audited."""

from dataclasses import dataclass
from math import isfinite

from crossemo.errors import CrossEmoError


@dataclass(frozen=True)
class AuditOptions:
    """How the classifier of an audit is trained, and how often.

    Args:
        repeats: How often clips are shuffled, and the classifier is trained under every
            protocol; 2 or more, as their spread is reported.
        epochs: Epochs of training, of which the best is chosen.
        batch_size: Clips of a step.
        lr: Learning rate of Adam.
        seed: Seed of the first repeat; the next ones follow it.

    Raises:
        CrossEmoError: A number is out of range.
    """

    repeats: int = 20
    epochs: int = 50
    batch_size: int = 32
    lr: float = 1e-3
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("repeats", 2), ("epochs", 1), ("batch_size", 1)):
            if (value := getattr(self, name)) < least:
                raise CrossEmoError(f"audit.{name} is {value}: choose {least} or more.")
        if not 0 < self.lr < 1 or not isfinite(self.lr):
            raise CrossEmoError(
                f"audit.lr is {self.lr:g}: choose a learning rate between 0 and 1."
            )
        if not 0 <= self.seed < 2**63 - self.repeats:
            raise CrossEmoError(f"audit.seed is {self.seed}: choose 0 or more.")
