"""A loader that goes on in the middle of an epoch."""

from collections.abc import Iterator
from typing import Any

from torch.utils.data import DataLoader

from crossemo.data.batch import Batch
from crossemo.data.samplers import LengthBucketSampler


class ResumableLoader(DataLoader[Batch]):
    """A DataLoader of batches that knows how many it has served.

    Lightning keeps the state in a checkpoint, and an epoch that was cut off goes on
    with the batches that it had not seen. Takes a `LengthBucketSampler`.
    """

    served = 0

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]  # a generator is enough
        """Serve the batches of an epoch that are left."""
        # Lightning puts a sampler of its own here when it is to overfit.
        self.served = getattr(self.sampler, "skipped", 0)
        for batch in super().__iter__():
            self.served += 1
            yield batch

    def state_dict(self) -> dict[str, int]:
        """Return how many batches of the epoch were served."""
        return {"served": self.served % max(1, len(self))}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Leave out what was served before."""
        if isinstance(self.sampler, LengthBucketSampler):
            self.sampler.skipped = state_dict["served"]
