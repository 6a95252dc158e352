"""Waveforms that are made up when they are asked for."""

from collections.abc import Mapping
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from crossemo.data.batch import Content


class Noise:
    """A store of noise, the same for the same clip."""

    content: Content = "waveforms"

    def __init__(self, lengths: Mapping[str, int]) -> None:
        self.lengths = lengths

    def read(
        self, key: str, start: int = 0, stop: int | None = None
    ) -> NDArray[np.float32]:
        rng = np.random.default_rng(crc32(key.encode()))
        return rng.standard_normal(self.lengths[key]).astype(np.float32)[start:stop]
