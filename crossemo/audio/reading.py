"""What decoders give of a file, in blocks, as far as the container promises."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from crossemo.audio.base import RefusedError, Stream, View
from crossemo.audio.other_formats import read_with_torchcodec
from crossemo.audio.streams import streams_of

# Hz; nothing that was recorded has others, but headers that lie have.
LOWEST_RATE, HIGHEST_RATE = 2_000, 768_000
MOST_CHANNELS = 64
BLOCK = 1 << 20  # samples of all channels that are decoded at once

# Containers of which crossemo can tell whether they are whole.
_CONTAINERS = (
    *("WAV", "WAVEX", "RF64", "W64", "AIFF", "CAF", "AU", "NIST"),
    *("FLAC", "OGG", "MP3"),
)
_UNKNOWN = 1 << 60  # libsndfile gives more for a length that it doesn't know

# What libsndfile says of formats that ffmpeg may know.
_OTHER = re.compile("not recognised|unimplemented")

Block = NDArray[np.float32]  # (samples, channels)


@dataclass(frozen=True)
class Sound:
    """What is decoded of a file.

    Args:
        rate: Sampling rate in Hz.
        blocks: `(samples, channels)` float32, one after another.
    """

    rate: int
    blocks: Iterator[Block]


class _Decoder(soundfile.SoundFile):  # type: ignore[misc]
    # Otherwise soundfile goes to where it is after each block, which libsndfile can't
    # do at the end of a file of unknown length.
    def seekable(self) -> bool:
        return False


def read_sound(file: BinaryIO, path: Path, until: float) -> Sound:
    """Return what an open file holds.

    Args:
        file: The file.
        path: Its path, for decoders that take no open file.
        until: How far it is wanted, in seconds.

    Raises:
        RefusedError: It isn't audio, or not whole, or its header says what can't be.
    """
    streams = streams_of(file, os.fstat(file.fileno()).st_size)
    try:
        decoder = _open(streams[0])
    except soundfile.LibsndfileError as error:
        if not _OTHER.search(error.error_string):
            raise RefusedError(f"is damaged: {_reason(error)}.") from error
        rate, block = read_with_torchcodec(path, _reason(error), until)
        return Sound(_plausible(rate, block.shape[1]), iter([block]))
    return Sound(decoder.samplerate, _blocks(decoder, streams))


def read_header(file: BinaryIO) -> tuple[int | None, int, int]:
    """Return samples of a channel, sampling rate in Hz and channels, by the header.

    The samples are None where it doesn't count them.

    Raises:
        Exception: Whatever libsndfile has against the file.
    """
    size = os.fstat(file.fileno()).st_size
    with _Decoder(View(file, [(0, size)]).source(), closefd=False) as decoder:
        samples = decoder.frames if decoder.frames < _UNKNOWN else None
        return samples, decoder.samplerate, decoder.channels


def _open(stream: Stream) -> _Decoder:
    decoder = _Decoder(stream.view.source(), closefd=False)
    if decoder.format not in _CONTAINERS:
        raise RefusedError(
            f"is a file of the format {decoder.format_info}, of which it can't be told "
            "whether it is whole: convert it to WAV or FLAC."
        )
    _plausible(decoder.samplerate, decoder.channels)
    return decoder


def _reason(error: soundfile.LibsndfileError) -> str:
    reason: str = error.error_string.strip().rstrip(".").removeprefix("Error : ")
    if not reason or reason.startswith("File does not exist"):  # of a few bytes
        return "the decoder can't go on"
    return reason


def _plausible(rate: int, channels: int) -> int:
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise RefusedError(
            f"has a sampling rate of {rate} Hz by its header: from {LOWEST_RATE} to "
            f"{HIGHEST_RATE} Hz are taken."
        )
    if channels > MOST_CHANNELS:
        raise RefusedError(
            f"has {channels} channels by its header: {MOST_CHANNELS} at most are taken."
        )
    return rate


def _blocks(first: _Decoder, streams: Sequence[Stream]) -> Iterator[Block]:
    yield from _stream_blocks(first, streams[0])
    for stream in streams[1:]:
        decoder = _open(stream)
        if decoder.samplerate != first.samplerate:
            raise RefusedError(
                f"changes its sampling rate from {first.samplerate} to "
                f"{decoder.samplerate} Hz: split it where it does."
            )
        yield from _stream_blocks(decoder, stream)


def _stream_blocks(decoder: _Decoder, stream: Stream) -> Iterator[Block]:
    """Yield blocks until the decoder gives no more.

    Raises:
        RefusedError: The decoder meets damage, or gives less than was promised.
    """
    promised = stream.samples or decoder.frames
    promised = promised if promised < _UNKNOWN else 0
    most = BLOCK // decoder.channels
    total = 0
    with decoder:
        while total < decoder.frames:
            left = (promised if total < promised else decoder.frames) - total
            try:
                block = decoder.read(min(most, left), dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                if stream.view.failure:
                    raise stream.view.failure from error
                if total >= promised > 0:
                    break  # what stands behind the samples is no sound
                reason = _reason(error)
                raise RefusedError(f"is damaged or cut short: {reason}.") from error
            if stream.view.failure:
                raise stream.view.failure
            if not len(block):
                break
            total += len(block)
            yield block
    if total < promised:
        raise RefusedError(
            f"is damaged or cut short: {promised} samples are promised and {total} "
            "are there."
        )
