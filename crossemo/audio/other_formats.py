"""Formats that libsndfile doesn't read, by torchcodec and ffmpeg where they are."""

import os
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossemo.audio.base import RefusedError

# Seconds that ffmpeg may leave out of what a header promises: encoders put up to a
# few thousand samples before and behind the sound.
_TRIMMED = 0.5


def read_with_torchcodec(
    path: Path, reason: str, until: float
) -> tuple[int, NDArray[np.float32]]:
    """Return the sampling rate in Hz and `(samples, channels)`.

    Args:
        path: The file.
        reason: Why libsndfile doesn't read it.
        until: How far it is wanted, in seconds.

    Raises:
        RefusedError: It can't be read or ends early.
    """
    try:
        import torchcodec.decoders  # noqa: F401 (heavy, and optional)
        from datasets import Audio
    except (ImportError, OSError, RuntimeError) as error:
        # OSError: a CUDA build beside a CPU torch. RuntimeError: no ffmpeg.
        raise RefusedError(
            f"is not audio that libsndfile can read ({reason}); if it is audio "
            "of another format, install ffmpeg and crossemo[formats]."
        ) from error
    try:
        # All channels: torchcodec's own downmix of stereo is 1.414 times the mean.
        # Whole paths, as datasets takes `http:` and the like for addresses.
        name = os.path.abspath(path)
        decoder = Audio().decode_example({"path": name, "bytes": None})
        decoded = decoder.get_samples_played_in_range(0.0, until)
    except (OSError, RuntimeError, ValueError) as error:
        raise RefusedError(
            f"is not audio: neither libsndfile ({reason}) nor ffmpeg reads it."
        ) from error
    promised = None
    if not _is_bare_aac(path):  # of which ffmpeg guesses the length
        promised = getattr(decoder.metadata, "duration_seconds_from_header", None)
    seconds = decoded.data.shape[1] / decoded.sample_rate
    if promised and seconds + _TRIMMED < min(promised, until):
        raise RefusedError(
            f"is cut short: its header promises {promised:g} s and {seconds:g} s are "
            "there."
        )
    return decoded.sample_rate, decoded.data.numpy().T.astype(np.float32, copy=False)


def _is_bare_aac(path: Path) -> bool:
    """Return whether a file begins with a frame of AAC that no container holds."""
    with path.open("rb") as file:
        sync, *_ = struct.unpack(">H", file.read(2).ljust(2, b"\0"))
    return bool(sync & 0xFFF6 == 0xFFF0)
