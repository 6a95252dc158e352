"""Acoustic features of the clips of a batch."""

from collections.abc import Iterable
from typing import Any

from torch import Tensor

from crossemo.acoustics.catalogue import ACOUSTICS
from crossemo.acoustics.egemaps import AcousticsError
from crossemo.data.batch import Batch

VERSION = 1  # raise it when a feature changes


class Acoustics:
    """Computes acoustic features, each clip for itself.

    Args:
        names: Of `ACOUSTICS`, in any order.
        rate: Sampling rate of the clips in Hz.

    Attributes:
        name: What the features are called together.
        names: The features in the order of `ACOUSTICS`.
        rate: Sampling rate in Hz.

    Raises:
        AcousticsError: There is no such feature, or it needs what is not installed.
    """

    name = "acoustics"

    def __init__(self, names: Iterable[str], rate: int) -> None:
        wanted = set(names)
        for name in sorted(wanted - ACOUSTICS.keys()):
            known = ", ".join(ACOUSTICS)
            raise AcousticsError(f"There is no feature {name!r}: choose from {known}.")
        self.names = tuple(name for name in ACOUSTICS if name in wanted)
        self.rate = rate
        self.identity()  # says early what is not installed

    def identity(self) -> list[Any]:
        """Return all that the numbers hang on, for JSON."""
        libraries = {
            name: library()
            for name in self.names
            if (library := ACOUSTICS[name].library)
        }
        return [self.name, VERSION, self.rate, list(self.names), libraries]

    def __call__(self, batch: Batch) -> list[dict[str, Tensor]]:
        """Return the features of every clip, by name, `(width,)` float32 on the CPU."""
        waveforms = batch.waveforms.cpu()
        clips = [
            waveform[:length]
            for waveform, length in zip(waveforms, batch.lengths.tolist(), strict=True)
        ]
        return [
            {name: ACOUSTICS[name].compute(clip, self.rate) for name in self.names}
            for clip in clips
        ]
