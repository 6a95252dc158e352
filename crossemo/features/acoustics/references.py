"""The acoustic features by name."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib.metadata import version
from types import MappingProxyType
from typing import Any, NamedTuple

from torch import Tensor

from crossemo.data.batch import Batch
from crossemo.features.acoustics.egemaps import (
    AcousticsError,
    egemaps,
    opensmile_version,
)
from crossemo.features.acoustics.level import level
from crossemo.features.acoustics.pitch import pitch_contour
from crossemo.features.acoustics.spectrum import log_mel
from crossemo.features.acoustics.timing import timing


class Feature(NamedTuple):
    """An acoustic feature and the function that computes it.

    Args:
        compute: From a waveform, `(samples,)`, and its rate in Hz to `(width,)`.
        width: Number of values.
        library: Gives the version of the library that computes it, None for our own
            code; raises `AcousticsError` where the library is not installed.
    """

    compute: Callable[[Tensor, int], Tensor]
    width: int
    library: Callable[[], str] | None = None

    @property
    def available(self) -> bool:
        """Whether it can be computed here."""
        try:
            return self.library is None or bool(self.library())
        except AcousticsError:
            return False


ACOUSTICS: Mapping[str, Feature] = MappingProxyType(
    {
        "level": Feature(level, 3),
        "timing": Feature(timing, 9),
        "pitch": Feature(pitch_contour, 14),
        "log-mel": Feature(log_mel, 128, partial(version, "torchaudio")),
        "eGeMAPS": Feature(egemaps, 88, opensmile_version),
    }
)
VERSION = 1  # raise it when a feature changes


class Acoustics:
    """Computes acoustic features, each clip for itself.

    Args:
        names: Of `ACOUSTICS`, in any order.
        rate: Sampling rate of the clips in Hz.

    Attributes:
        name: Name of the features in the cache.
        names: The features in the order of `ACOUSTICS`.
        rate: Sampling rate in Hz.

    Raises:
        AcousticsError: There is no such feature, or it needs what is not installed.
    """

    name = "acoustics"

    def __init__(self, names: Iterable[str], rate: int) -> None:
        features = set(names)
        for name in sorted(features - ACOUSTICS.keys()):
            choices = ", ".join(ACOUSTICS)
            raise AcousticsError(
                f"There is no feature {name!r}: choose from {choices}."
            )
        self.names = tuple(name for name in ACOUSTICS if name in features)
        self.rate = rate
        self.identity()  # says early what is not installed

    def identity(self) -> list[Any]:
        """Return all that the values depend on, for JSON."""
        libraries = {
            name: library()
            for name in self.names
            if (library := ACOUSTICS[name].library)
        }
        return [self.name, VERSION, self.rate, list(self.names), libraries]

    def __call__(self, batch: Batch) -> list[dict[str, Tensor]]:
        """Return the features of every clip, by name, `(width,)` float32 on the CPU."""
        waveforms = batch.inputs.cpu()
        clips = [
            waveform[:length]
            for waveform, length in zip(waveforms, batch.lengths.tolist(), strict=True)
        ]
        return [
            {name: ACOUSTICS[name].compute(clip, self.rate) for name in self.names}
            for clip in clips
        ]
