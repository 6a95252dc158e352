"""The acoustic features by name."""

from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import version
from types import MappingProxyType
from typing import NamedTuple

from torch import Tensor

from crossemo.acoustics.egemaps import AcousticsError, egemaps, opensmile_version
from crossemo.acoustics.level import level
from crossemo.acoustics.pitch import pitch_contour
from crossemo.acoustics.spectrum import log_mel
from crossemo.acoustics.timing import timing


class Feature(NamedTuple):
    """What is known of an acoustic feature.

    Args:
        compute: From a waveform, `(samples,)`, and its rate in Hz to `(width,)`.
        width: How many numbers it has.
        library: The version of the library that computes it, if it is not our own;
            raises `AcousticsError` where there is none.
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
