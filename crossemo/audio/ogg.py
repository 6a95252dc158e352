"""Ogg: whether every page of a file is there, and where one stream follows another.

A stream is a row of numbered pages with one serial number and a checksum each; its
first and its last page are marked (RFC 3533). Files may be chained: libsndfile reads
the first link only.
"""

import zlib
from typing import BinaryIO

from crossemo.audio.base import RefusedError, View, bytes_at

_HEAD = 27  # bytes before the lengths of a page's segments
_FIRST, _LAST = 2, 4  # marks of a page
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def read_links(file: BinaryIO, size: int) -> list[View]:
    """Return each link of the chain.

    Raises:
        RefusedError: Pages are missing or damaged.
    """
    links: list[int] = []
    following: dict[int, int] = {}  # by serial number, the number of the next page
    position = 0
    while (page := _page(file, position)).startswith(b"OggS"):
        marks = page[5]
        serial, number = (
            int.from_bytes(page[at : at + 4], "little") for at in (14, 18)
        )
        if marks & _FIRST:
            if not following:
                links.append(position)
            following[serial] = number
        if following.get(serial) != number or not _is_right(page):
            raise RefusedError(
                f"is damaged: the Ogg page at byte {position} is not the one that "
                "should be there."
            )
        following[serial] = number + 1
        if marks & _LAST:
            del following[serial]
        position += len(page)
    if following or not links:
        raise RefusedError("is cut short: its last Ogg page is missing or not whole.")
    ends = [*links[1:], position]
    return [View(file, [link]) for link in zip(links, ends, strict=True)]


def _page(file: BinaryIO, position: int) -> bytes:
    """Return the page at a place; nothing if it isn't whole."""
    head = bytes_at(file, position, _HEAD)
    if len(head) < _HEAD:
        return b""
    head += file.read(head[26])
    length = sum(head[_HEAD:])
    body = file.read(length)
    return head + body if len(body) == length else b""


def _is_right(page: bytes) -> bool:
    # Ogg's checksum is that of zlib with the bits of bytes and sums in reverse order.
    blank = page[:22] + bytes(4) + page[26:]
    reverse = zlib.crc32(blank.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{reverse:032b}"[::-1], 2) == int.from_bytes(page[22:26], "little")
