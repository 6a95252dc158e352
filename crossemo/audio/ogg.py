"""Ogg: whether every stream in a file ends, and where one follows another.

RFC 3533: a stream is a row of numbered pages with one serial number, the first and the
last of which are marked. Files may be chained: libsndfile reads the first link only.
"""

from typing import BinaryIO

from crossemo.audio.base import RefusedError, View, bytes_at

_HEAD = 27  # bytes before the lengths of a page's segments
_FIRST, _LAST = 2, 4  # marks of a page


def read_links(file: BinaryIO, size: int) -> list[View]:
    """Return each link of the chain.

    Raises:
        RefusedError: Pages are missing.
    """
    links: list[int] = []
    following: dict[int, int] = {}  # by serial number, the number of the next page
    position = 0
    while (page := bytes_at(file, position, _HEAD)).startswith(b"OggS"):
        if len(page) < _HEAD:
            break
        marks, serial = page[5], int.from_bytes(page[14:18], "little")
        number = int.from_bytes(page[18:22], "little")
        if marks & _FIRST:
            if not following:
                links.append(position)
            following[serial] = number
        if following.get(serial) != number:
            raise RefusedError(
                f"is damaged: an Ogg page is missing before byte {position}."
            )
        following[serial] = number + 1
        if marks & _LAST:
            del following[serial]
        segments = bytes_at(file, position + _HEAD, page[26])
        position += _HEAD + page[26] + sum(segments)
        if position > size:
            break
    if position > size or following or not links:
        raise RefusedError("is cut short: its last Ogg page is missing or not whole.")
    ends = [*links[1:], position]
    return [View(file, [link]) for link in zip(links, ends, strict=True)]
