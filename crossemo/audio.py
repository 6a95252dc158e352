"""The only place that decodes: an audio file becomes a mono waveform at a rate."""

import os
import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from crossemo.errors import CrossEmoError

RESAMPLER = f"soxr-hq-{soxr.__version__}"

# ffmpeg and sox write sizes from here on when they can't seek back to fill them in.
_UNKNOWN_SIZE = 0x7FFFF000


class AudioError(CrossEmoError):
    """An audio file that can't be used; the message names it and says why."""


def decode(
    path: Path, rate: int, start: float = 0.0, end: float | None = None
) -> NDArray[np.float32]:
    """Return the waveform of a file or of a stretch of it, mono, at the wanted rate.

    Channels are averaged before they are resampled, by soxr in its HQ quality.

    Args:
        path: A file that libsndfile reads (WAV, FLAC, Ogg, MP3, AIFF, ...) or, with
            `crossemo[formats]` and ffmpeg, one that torchcodec reads.
        rate: Wanted sampling rate in Hz.
        start: Where the stretch begins, in seconds.
        end: Where it ends, in seconds; with the file if None or beyond its end.

    Returns:
        `(samples,)` float32. Full scale of the file is 1; resampling a loud file can
        go a little beyond.

    Raises:
        AudioError: The file can't be read, is not audio, is cut short, or holds no
            sample, only silence or values that are not finite.
    """
    channels, native = _read(path)
    if start or end is not None:
        seconds = len(channels) / native
        stop = None if end is None else round(end * native)
        channels = channels[round(start * native) : stop]
        if not len(channels):
            raise AudioError(
                f"{path} has {seconds:g} s and no sample from {start:g} s."
            )
    if not len(channels):
        raise AudioError(f"{path} holds no samples.")
    if not np.isfinite(channels).all():
        raise AudioError(f"{path} holds samples that are not finite (NaN or infinity).")
    mono = channels[:, 0] if channels.shape[1] == 1 else channels.mean(axis=1)
    if mono.min() == mono.max():
        raise AudioError(f"{path} is silent: all its samples are equal.")
    if native != rate:
        mono = soxr.resample(mono, native, rate, quality="HQ")
    if not len(mono):
        raise AudioError(f"{path} is too short to give one sample at {rate} Hz.")
    return np.ascontiguousarray(mono, dtype=np.float32)


def header(path: Path) -> tuple[int, int, int] | None:
    """Return samples of a channel, sampling rate in Hz and channels, by the header.

    Nothing is decoded. None where libsndfile can't read the header.
    """
    try:
        info = soundfile.info(str(path))
    except (soundfile.LibsndfileError, TypeError):
        return None
    return info.frames, info.samplerate, info.channels


def _read(path: Path) -> tuple[NDArray[np.float32], int]:
    """Return `(samples, channels)` and the sampling rate in Hz."""
    try:
        with path.open("rb") as file:
            _refuse_cut_short(file, path)
    except OSError as error:
        raise AudioError(f"{path} can't be read: {error.strerror}.") from error
    try:
        opened = soundfile.SoundFile(path)
    except soundfile.LibsndfileError as error:
        return _read_with_torchcodec(path, error.error_string.rstrip("."))
    except TypeError:  # soundfile takes *.raw for samples without a header
        return _read_with_torchcodec(path, "no header")
    with opened as file:
        try:
            samples = file.read(dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise AudioError(
                f"{path} is damaged or cut short: {error.error_string}"
            ) from error
        return samples, file.samplerate


def _refuse_cut_short(file: BinaryIO, path: Path) -> None:
    """Compare a WAV header with the file, as libsndfile reads what happens to be there.

    Raises:
        AudioError: The file is empty, or the `data` chunk ends beyond the file.
    """
    size = file.seek(0, os.SEEK_END)
    if not size:
        raise AudioError(f"{path} is empty (0 bytes).")
    file.seek(0)
    head = file.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        return
    while len(chunk := file.read(8)) == 8:
        kind, length = struct.unpack("<4sI", chunk)
        if kind == b"data":
            present = size - file.tell()
            if present < length < _UNKNOWN_SIZE:
                raise AudioError(
                    f"{path} is cut short: its header promises {length} bytes of "
                    f"samples and {present} are there."
                )
            return
        file.seek(length + length % 2, os.SEEK_CUR)


def _read_with_torchcodec(path: Path, reason: str) -> tuple[NDArray[np.float32], int]:
    try:
        import torchcodec.decoders  # noqa: F401 (heavy, and optional)
        from datasets import Audio
    except (ImportError, OSError, RuntimeError) as error:
        # OSError: a CUDA build beside a CPU torch. RuntimeError: no ffmpeg.
        raise AudioError(
            f"{path} is not audio that libsndfile can read ({reason}); if it is audio "
            "of another format, install ffmpeg and crossemo[formats]."
        ) from error
    try:
        # All channels: torchcodec's own downmix of stereo is 1.414 times the mean.
        decoder = Audio().decode_example({"path": str(path), "bytes": None})
        decoded = decoder.get_all_samples()
    except (OSError, RuntimeError, ValueError) as error:
        raise AudioError(
            f"{path} is not audio: neither libsndfile ({reason}) nor ffmpeg reads it."
        ) from error
    return decoded.data.numpy().T, decoded.sample_rate
