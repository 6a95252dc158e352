"""The outline of a waveform, for figures."""

import numpy as np
from numpy.typing import NDArray

STEPS = 20  # a second


class Envelope:
    """The lowest and the highest sample of every twentieth of a second.

    Args:
        rate: Sampling rate in Hz.
    """

    def __init__(self, rate: int) -> None:
        self._width = max(1, rate // STEPS)
        self._rest = np.empty(0, np.float32)
        self._steps: list[NDArray[np.float32]] = []
        self.seconds = self._width / rate

    def add(self, samples: NDArray[np.float32]) -> None:
        """Take in the next `(samples,)`; less than a step at the end is left out."""
        rest = np.concatenate([self._rest, samples])
        whole = len(rest) - len(rest) % self._width
        steps = rest[:whole].reshape(-1, self._width)
        self._steps.append(np.stack([steps.min(1), steps.max(1)], 1))
        self._rest = rest[whole:]

    def outline(self) -> NDArray[np.float32]:
        """Return `(steps, 2)`, the lowest and the highest sample of each step.

        Attributes:
            seconds: Length of a step.
        """
        return np.concatenate([np.empty((0, 2), np.float32), *self._steps])
