"""MP3: how many frames a file has, as nothing but its frames says for certain.

A first frame without sound may say how many follow (Xing, or Info where all have one
bit rate). Where it is missing or wrong, libsndfile would go by the bit rate of the
first frame, so that such a file gets a frame of ours in front. Bit rates and lengths
are those of ISO/IEC 11172-3 and 13818-3; the tag is that of Xing's and LAME's encoders.
"""

import re
from dataclasses import dataclass
from typing import BinaryIO

from crossemo.audio.base import RefusedError, Stream, View, bytes_at, id3_length

# kbit/s by index from 1: MPEG 1 in layers I, II and III, MPEG 2 in I, and in II and III
_BIT_RATES = {
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MPEG1 = 3
_RATES = {  # Hz, by the code of the version
    _MPEG1: (44_100, 48_000, 32_000),
    2: (22_050, 24_000, 16_000),
    0: (11_025, 12_000, 8_000),  # "MPEG 2.5"
}
_BEGINNING = re.compile(rb"\xff(?=[\xe2-\xff][\x10-\xef])", re.DOTALL)
_LEADER = 1 << 16  # bytes within which the first frame must begin
_SURE = 3  # frames in a row that are no accident
_ROOMY = 9  # index of a bit rate whose frames have room for the tag
_MONO = 3


@dataclass(frozen=True)
class Frame:
    """A frame, as its header describes it.

    Args:
        kind: What the frames of a file share: version, layer, index of the rate.
        length: Bytes.
        samples: Samples of a channel.
    """

    kind: tuple[int, int, int]
    length: int
    samples: int


def read_frames(file: BinaryIO, size: int, start: int) -> Stream | None:
    """Count the frames of an MP3 file.

    Args:
        file: The file.
        size: Its bytes.
        start: Where to look for the first frame.

    Returns:
        What to decode; None if it isn't MP3.

    Raises:
        RefusedError: Frames are missing or damaged.
    """
    position = _find(file, start, min(size, start + _LEADER), size)
    if position is None:
        return None
    leader = bytes_at(file, start, position - start)
    if parse(leader) or b"Xing" in leader or b"Info" in leader:
        raise RefusedError("is damaged: its first MP3 frame isn't whole.")
    frame = parse(bytes_at(file, position, 4))
    assert frame
    head = bytes_at(file, position, frame.length)
    tagged, promised = _promise(head)
    begin = position + frame.length if tagged else position
    count = _count(file, size, begin, frame.kind)
    if promised is not None and count + 1 < promised:  # some count the tag's own frame
        raise RefusedError(
            f"is cut short: its header promises {promised} frames and {count} are "
            "there."
        )
    if count == promised and b"VBRI" not in head:
        return Stream(View(file, [(position, size)]))
    # Decoders leave out half a frame at the beginning, which is a filter's delay.
    least = (count - 1) * frame.samples
    front = [_front(head, count)] if frame.kind[1] == 3 else []
    return Stream(View(file, [*front, (begin, size)]), least)


def parse(head: bytes) -> Frame | None:
    """Return what the first bytes of a frame say; None if they begin none."""
    if len(head) < 4 or head[0] != 0xFF or head[1] < 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    bits, rate, padding = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if version == 1 or layer == 4 or bits in (0, 15) or rate == 3:
        return None
    first = version == _MPEG1
    kbits = _BIT_RATES[first, layer if first else min(layer, 2)][bits - 1]
    hertz = _RATES[version][rate]
    if layer == 1:
        length, samples = (12_000 * kbits // hertz + padding) * 4, 384
    else:
        samples = 576 if layer == 3 and not first else 1152
        length = samples * 125 * kbits // hertz + padding
    return Frame((version, layer, rate), length, samples)


def _find(file: BinaryIO, start: int, stop: int, size: int) -> int | None:
    """Return where frames begin between two places."""
    for base in range(start, stop, _LEADER):
        block = bytes_at(file, base, min(_LEADER, stop - base) + 2)
        for match in _BEGINNING.finditer(block):
            if _is_frame(file, base + match.start(), size):
                return base + match.start()
    return None


def _is_frame(file: BinaryIO, position: int, size: int) -> bool:
    """Return whether frames of one kind follow each other from here on."""
    kinds: set[tuple[int, int, int]] = set()
    for _ in range(_SURE):
        frame = parse(bytes_at(file, position, 4))
        if not frame or position + frame.length > size:
            return bool(kinds) and (position == size or _tag(file, position) > 0)
        kinds.add(frame.kind)
        position += frame.length
    return len(kinds) == 1


def _count(file: BinaryIO, size: int, position: int, kind: tuple[int, int, int]) -> int:
    """Return how many frames of one kind there are from a place on.

    Raises:
        RefusedError: The last one isn't whole, or others or none lie between them.
    """
    count = 0
    while position < size:
        frame = parse(bytes_at(file, position, 4))
        if frame and frame.kind == kind:
            count += 1
            position += frame.length
            if position > size:
                raise RefusedError(
                    f"is cut short: its last frame lacks {position - size} of "
                    f"{frame.length} bytes."
                )
        elif tag := _tag(file, position):
            position += tag
        elif _find(file, position, size, size) is not None:
            raise RefusedError(
                f"is damaged: an MP3 frame is missing at byte {position}."
            )
        else:
            break
    return count


def _tag(file: BinaryIO, position: int) -> int:
    """Return the length of a tag that isn't sound; 0 if none is here."""
    head = bytes_at(file, position, 16)
    if head.startswith(b"TAG"):
        return 128
    if head.startswith(b"APETAGEX") and len(head) == 16:
        return 32 + int.from_bytes(head[12:], "little")
    return id3_length(head)


def _promise(head: bytes) -> tuple[bool, int | None]:
    """Return whether a first frame is a tag, and how many frames it promises."""
    for name in (b"Xing", b"Info"):
        place = head.find(name, 4, 64)
        if place >= 0:
            counted = len(head) > place + 12 and head[place + 7] & 1
            number = int.from_bytes(head[place + 8 : place + 12], "big")
            return True, number if counted else None
    if head[36:40] == b"VBRI":
        return True, int.from_bytes(head[50:54], "big")
    return False, None


def _front(head: bytes, count: int) -> bytes:
    """Return a frame without sound that says how many frames follow it.

    Args:
        head: A frame of the file.
        count: How many follow.
    """
    start = bytes((0xFF, head[1] | 1, _ROOMY << 4 | head[2] & 0x0C, head[3]))
    frame = parse(start)
    assert frame
    mono = head[3] >> 6 == _MONO
    side = (17 if mono else 32) if frame.kind[0] == _MPEG1 else (9 if mono else 17)
    content = start + bytes(side) + b"Info" + (1).to_bytes(4) + count.to_bytes(4)
    return content.ljust(frame.length, b"\0")
