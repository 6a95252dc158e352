"""What to decode of a file, by its container, once that is seen to be whole."""

import re
from typing import BinaryIO, Literal, cast

from crossemo.audio.base import (
    RefusedError,
    Stream,
    View,
    bytes_at,
    id3_length,
    patched,
)
from crossemo.audio.chunks import LAYOUTS, read_chunks
from crossemo.audio.mpeg import read_frames
from crossemo.audio.ogg import read_links

_AU_WIDTHS = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}  # by encoding, bytes


def streams_of(file: BinaryIO, size: int) -> list[Stream]:
    """Return what to decode, one after another.

    Args:
        file: A file.
        size: Its bytes.

    Raises:
        RefusedError: It is empty or cut short, or its header contradicts it.
    """
    if not size:
        raise RefusedError("is empty (0 bytes).")
    start = id3_length(bytes_at(file, 0, 10))
    sound = cast(BinaryIO, View(file, [(start, size)])) if 0 < start < size else file
    length = size - start
    magic = bytes_at(sound, 0, 4)
    if magic == b"OggS":
        return [Stream(link) for link in read_links(sound, length)]
    if magic == b"fLaC":
        return [_flac(sound, length)]
    if magic in LAYOUTS:
        return [Stream(read_chunks(sound, length, LAYOUTS[magic]))]
    if magic in (b".snd", b"dns."):
        return [Stream(_au(sound, length))]
    if magic == b"NIST":
        return [_nist(sound, length)]
    return [read_frames(file, size, start) or Stream(View(file, [(0, size)]))]


def _flac(file: BinaryIO, size: int) -> Stream:
    """Return a FLAC file without its length, which would end the decoding early."""
    head = bytes_at(file, 0, 26)
    if len(head) < 26 or head[4] & 0x7F:  # the first block must say what the stream is
        return Stream(View(file, [(0, size)]))
    promised = int.from_bytes(head[21:26]) & (1 << 36) - 1
    unknown = bytes((head[21] & 0xF0, 0, 0, 0, 0))
    return Stream(patched(file, size, 21, unknown), promised or None)


def _au(file: BinaryIO, size: int) -> View:
    """Compare the length that an AU header promises with the file.

    Raises:
        RefusedError: The file ends early, or goes on.
    """
    head = bytes_at(file, 0, 24)
    order: Literal["big", "little"] = "big" if head.startswith(b".snd") else "little"
    begin, promised, coding, _, channels = (
        int.from_bytes(head[place : place + 4], order) for place in range(4, 24, 4)
    )
    present = max(0, size - begin)
    if not promised or promised == 0xFFFFFFFF:
        return patched(file, size, 8, b"\xff" * 4)  # unknown, to libsndfile too
    width = max(1, channels * _AU_WIDTHS.get(coding, 1))
    if promised // width != present // width:
        state = "is cut short" if promised > present else "goes on beyond its end"
        raise RefusedError(
            f"{state}: its header promises {promised} bytes of samples and {present} "
            "are there."
        )
    return View(file, [(0, size)])


def _nist(file: BinaryIO, size: int) -> Stream:
    count = re.search(rb"sample_count -i (\d+)", bytes_at(file, 0, 1024))
    return Stream(View(file, [(0, size)]), int(count[1]) if count else None)
