"""Containers made of chunks: whether the samples that their sizes promise are there.

A size that says more than the file holds means that the file was cut short. One that
was never filled in (0, or the highest number), as when a program writes to a pipe, is
set right, since libsndfile would read nothing or refuse the file.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from crossemo.audio.base import RefusedError, View, bytes_at, patched

# ffmpeg and sox write sizes from here on when they can't seek back to fill them in.
_UNKNOWN = {4: 0x7FFFF000, 8: 1 << 62}
_MOST_CHUNKS = 10_000
_PADDING = 1 << 16  # bytes of nothing but zeros that may follow the samples
_UNCOMPRESSED = (1, 3, 0xFFFE)  # format tags of RIFF
_UNCOMPRESSED_AIFF = (b"NONE", b"sowt", b"twos", b"fl32", b"FL32", b"fl64", b"FL64")


@dataclass(frozen=True)
class Layout:
    """How a container lays out its chunks.

    Args:
        start: Where the first chunk begins.
        sizes: How a size is packed.
        samples: How the name of the chunk of samples begins.
        name: Bytes of a chunk's name.
        align: What chunks are padded to, in bytes.
        counted: Bytes that a chunk's size counts besides its content.
        total: Where the size of the whole stands, and the bytes that it leaves out;
            None where it stands nowhere.
        before: Bytes in the chunk of samples before the first of them.
    """

    start: int
    sizes: str
    samples: bytes
    name: int = 4
    align: int = 2
    counted: int = 0
    total: tuple[int, int] | None = (4, 8)
    before: int = 0

    @property
    def head(self) -> int:
        """Bytes before a chunk's content."""
        return self.name + struct.calcsize(self.sizes)


LAYOUTS = {
    b"RIFF": Layout(12, "<I", b"data"),
    b"RIFX": Layout(12, ">I", b"data"),
    b"RF64": Layout(12, "<I", b"data", total=None),
    b"FORM": Layout(12, ">I", b"SSND", before=8),
    # Sony's Wave64, whose names are GUIDs
    b"riff": Layout(40, "<Q", b"data", name=16, align=8, counted=24, total=(16, 0)),
    b"caff": Layout(8, ">Q", b"data", align=1, total=None, before=4),
}


@dataclass(frozen=True)
class Chunk:
    """A chunk, as its head describes it.

    Args:
        name: Its name.
        begin: Where its content begins.
        length: Bytes of its content.
        field: Where that number stands.
        sizes: How it is packed there.
    """

    name: bytes
    begin: int
    length: int
    field: int
    sizes: str


def read_chunks(file: BinaryIO, size: int, layout: Layout) -> View:
    """Compare what the sizes of chunks promise with the file.

    Returns:
        What to decode: the file, with the size of its samples where it was unknown.

    Raises:
        RefusedError: Samples are missing, or the header contradicts itself or the file.
    """
    width, least, long = 1, 0, None
    for chunk in _chunks(file, layout, layout.start, size):
        if chunk.name[:4] == b"fmt " and layout.samples == b"data":
            width = _width(bytes_at(file, chunk.begin, 16), layout.sizes[0])
        elif chunk.name == b"COMM":
            least = _bytes_of_aiff(bytes_at(file, chunk.begin, min(22, chunk.length)))
        elif chunk.name == b"ds64":
            long = chunk.begin + 8
        elif chunk.name.startswith(layout.samples):
            if long and chunk.length == 0xFFFFFFFF:
                (length,) = struct.unpack("<Q", _field(file, long, 8))
                chunk = Chunk(chunk.name, chunk.begin, length, long, "<Q")
            if least:  # behind 8 bytes, the first 4 of which are an offset
                least += 8 + int.from_bytes(_field(file, chunk.begin, 4))
            return _whole(file, size, layout, chunk, (width, least))
    return View(file, [(0, size)])


def _chunks(
    file: BinaryIO, layout: Layout, start: int, stop: int, most: int = _MOST_CHUNKS
) -> Iterator[Chunk]:
    """Yield the chunks between two places, the last perhaps reaching beyond."""
    for _ in range(most):
        if start + layout.head > stop:
            return
        head = bytes_at(file, start, layout.head)
        if len(head) < layout.head:
            return
        (length,) = struct.unpack(layout.sizes, head[layout.name :])
        begin, field = start + layout.head, start + layout.name
        length = max(0, length - layout.counted)
        yield Chunk(head[: layout.name], begin, length, field, layout.sizes)
        start = begin + length + -length % layout.align


def _whole(
    file: BinaryIO, size: int, layout: Layout, chunk: Chunk, limits: tuple[int, int]
) -> View:
    """Return the file, if it holds the samples of this chunk and nothing unexplained.

    Args:
        file: The file.
        size: Its bytes.
        layout: How it is laid out.
        chunk: The chunk of samples.
        limits: Bytes of all channels at one moment, 1 where they are compressed; and
            bytes that the chunk must have at least.

    Raises:
        RefusedError: It doesn't.
    """
    width, least = limits
    present = size - chunk.begin
    unknown = chunk.length >= _UNKNOWN[struct.calcsize(chunk.sizes)] - layout.counted
    empty = chunk.length <= layout.before
    explained = _explained(file, size, layout, chunk)
    if (unknown and chunk.length > present) or (empty and not explained):
        _compare(least, present)
        length = present + layout.counted
        new = struct.pack(
            chunk.sizes, min(length, 256 ** struct.calcsize(chunk.sizes) - 1)
        )
        return patched(file, size, chunk.field, new)
    _compare(chunk.length // width * width, present)
    _compare(least, chunk.length)
    if not explained:
        raise RefusedError(
            f"has a header that contradicts the file: it promises {chunk.length} bytes "
            f"of samples, and what follows them is neither samples nor a chunk."
        )
    return View(file, [(0, size)])


def _compare(promised: int, present: int) -> None:
    """Refuse a file with fewer bytes than were promised.

    Raises:
        RefusedError: It has.
    """
    if promised > present:
        raise RefusedError(
            f"is cut short: its header promises {promised} bytes of samples and "
            f"{present} are there."
        )


def _explained(file: BinaryIO, size: int, layout: Layout, samples: Chunk) -> bool:
    """Return whether chunks, or nothing but zeros, follow the samples to the end."""
    stop = size
    if layout.total and samples.length > layout.before:
        (total,) = struct.unpack(
            layout.sizes, _field(file, layout.total[0], struct.calcsize(layout.sizes))
        )
        total += layout.total[1]
        stop = total if total >= samples.begin else size
    end = samples.begin + samples.length
    rest = min(stop, size) - end
    if rest < layout.head:
        return True
    if rest <= _PADDING and not bytes_at(file, end, rest).strip(b"\0"):
        return True
    ways = {end, end + -samples.length % layout.align}  # some writers don't pad
    return any(_are_chunks(file, layout, way, stop, size) for way in ways)


def _are_chunks(
    file: BinaryIO, layout: Layout, start: int, stop: int, size: int
) -> bool:
    last = max(stop, size) + layout.align
    return all(
        all(32 <= letter < 127 for letter in chunk.name[:4])
        and chunk.begin + chunk.length <= last
        for chunk in islice(_chunks(file, layout, start, min(stop, size)), 100)
    )


def _width(content: bytes, order: str) -> int:
    """Return the bytes of all channels at one moment, by a chunk `fmt`.

    Raises:
        RefusedError: The numbers in it contradict each other.
    """
    if len(content) < 16:
        return 1
    tag, channels, rate, speed, width, bits = struct.unpack(f"{order}HHIIHH", content)
    if tag not in _UNCOMPRESSED or not channels or not width:
        return max(1, int(width))
    # 24 bits may lie in 32; some writers leave the bytes of a second out.
    right = width in (channels * -(-bits // 8), channels * 4 if bits == 24 else 0)
    if not right or speed not in (0, rate * width):
        raise RefusedError(
            f"has a header that contradicts itself: {channels} channels of {bits} bits "
            f"at {rate} Hz, and {width} bytes for all channels or {speed} a second."
        )
    return int(width)


def _bytes_of_aiff(content: bytes) -> int:
    """Return the bytes of all samples, by a chunk `COMM`; 0 where it doesn't say."""
    if len(content) < 18 or content[18:22] not in (b"", *_UNCOMPRESSED_AIFF):
        return 0
    channels, samples, bits = struct.unpack_from(">HIH", content)
    number: int = channels * samples * -(-bits // 8)
    return number


def _field(file: BinaryIO, position: int, number: int) -> bytes:
    """Return bytes of a header.

    Raises:
        RefusedError: The file ends before.
    """
    content = bytes_at(file, position, number)
    if len(content) < number:
        raise RefusedError("is cut short: it ends within its header.")
    return content
