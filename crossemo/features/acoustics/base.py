"""What an acoustic feature is."""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from crossemo.errors import CrossEmoError


class AcousticsError(CrossEmoError):
    """A feature that isn't there or can't be computed here."""


class Feature(NamedTuple):
    """An acoustic feature of a clip.

    Args:
        name: Its name in tables and settings, such as `log-mel`.
        compute: From a waveform, `(samples,)`, and its rate in Hz to `(width,)`.
        width: How many numbers it has.
        library: The version of the library that computes it, if it is not our own;
            raises `AcousticsError` where there is none.
    """

    name: str
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
