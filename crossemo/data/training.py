"""What an epoch trains on: batches of the clips of some roles, drawn in balance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossemo.data.balance import Balance, check_balance, shares
from crossemo.data.dataset import ClipDataset, joined
from crossemo.data.roles import Roles
from crossemo.data.samplers import LengthBucketSampler


@dataclass(frozen=True)
class Training:
    """The training clips of all roles and how they are dealt.

    Args:
        clips: The clips.
        seed: Seed of the shuffling.
        samples: Most samples of a batch; unbounded if None.
        balance: What is evened out, see `crossemo.data.balance`.
        strength: 1 evens it out wholly, 0 not at all.

    Raises:
        CrossEmoError: There is no such balance.
    """

    clips: Roles
    seed: int = 0
    samples: int | None = None
    balance: Balance = "none"
    strength: float = 1.0

    def __post_init__(self) -> None:
        check_balance(self.balance, self.strength)

    def sampler(
        self, roles: Sequence[str], batch_size: int, batches: int | None = None
    ) -> LengthBucketSampler:
        """Return the batches of an epoch on the clips of some roles.

        Args:
            roles: The roles, mixed where there are several.
            batch_size: Clips per process and step.
            batches: Batches after which the epoch ends; all if None.
        """
        dataset = self._dataset(roles)
        return LengthBucketSampler(
            dataset,
            batch_size,
            shuffle=True,
            seed=self.seed,
            batches=batches,
            shares=None if self.balance == "none" else self._shares(dataset),
            samples=self.samples,
            least=self.clips.task.least_batch,
        )

    def class_counts(self, roles: Sequence[str]) -> list[float]:
        """Return how many clips of some roles are drawn of each class.

        It is their expected number where classes or corpora are balanced.
        """
        counts = [self.clips[role].counts("train") for role in roles]
        names = counts[0]
        if self.balance == "none":
            return [sum(one[name] for one in counts) for name in names]
        dataset = self._dataset(roles)
        drawn = len(dataset) * self._shares(dataset)
        targets = np.array(dataset.targets)
        return [float(drawn[targets == place].sum()) for place in range(len(names))]

    def _dataset(self, roles: Sequence[str]) -> ClipDataset:
        return joined([self.clips[role].parts["train"] for role in roles])

    def _shares(self, dataset: ClipDataset) -> NDArray[np.float64]:
        return shares(dataset.examples, self.balance, self.strength)
