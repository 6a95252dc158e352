import struct
from pathlib import Path

import pytest

from crossemo.audio.mpeg import parse
from tests.sounds import encoded, refused, seconds_of


@pytest.fixture(params=["CONSTANT", "VARIABLE"])
def content(request: pytest.FixtureRequest) -> bytes:
    return encoded("MP3", bitrate_mode=request.param, compression_level=0.5)


def tag(content: bytes) -> int:
    """Return where LAME's count of frames stands."""
    return max(content.find(b"Xing"), content.find(b"Info")) + 8


def count(content: bytes) -> int:
    (number,) = struct.unpack_from(">I", content, tag(content))
    return int(number)


def frames(content: bytes) -> list[bytes]:
    """Return the frames, the tag's own first."""
    parts = []
    while frame := parse(content):
        parts.append(content[: frame.length])
        content = content[frame.length :]
    return parts


def test_the_frames_are_those_that_the_encoder_counts(content: bytes) -> None:
    parts = frames(content)
    assert b"".join(parts) == content
    assert len(parts) - 1 == count(content)


# ISO/IEC 11172-3, 2.4.3.1: 144 times the bit rate by the rate, and one when padded.
@pytest.mark.parametrize(
    ("head", "length", "samples"),
    [
        (b"\xff\xfb\x90\x00", 417, 1152),  # MPEG 1, III, 128 kbit/s, 44.1 kHz
        (b"\xff\xfb\x92\x00", 418, 1152),
        (b"\xff\xfd\x94\x00", 480, 1152),  # II, 160 kbit/s, 48 kHz
        (b"\xff\xff\x18\x00", 48, 384),  # I, 32 kbit/s, 32 kHz: 12 times, in fours
        (b"\xff\xf3\x88\x00", 288, 576),  # MPEG 2, III, 64 kbit/s, 16 kHz: 72 times
    ],
)
def test_the_length_of_a_frame_is_that_of_the_standard(
    head: bytes, length: int, samples: int
) -> None:
    frame = parse(head)
    assert frame is not None
    assert (frame.length, frame.samples) == (length, samples)


@pytest.mark.parametrize("head", ["fffb00", "fffbf0", "fffb9c", "ffeb90", "fff990", ""])
def test_what_the_standard_has_no_meaning_for_is_no_frame(head: str) -> None:
    assert parse(bytes.fromhex(head + "00")) is None


def test_a_file_that_ends_early_is_refused(content: bytes, tmp_path: Path) -> None:
    assert seconds_of(content, tmp_path) == 1
    path = tmp_path / "clip"
    refused(path, r"lacks \d+ of \d+ bytes", content[: len(content) // 2])
    half = b"".join(frames(content)[:10])
    refused(path, f"promises {count(content)} frames and 9 are", half)


@pytest.mark.parametrize("lie", ["half", "none", "one more", "no tag"])
def test_all_frames_are_decoded_whatever_the_first_says(
    content: bytes, lie: str, tmp_path: Path
) -> None:
    number = count(content)
    lies = {"half": number // 2, "none": 0, "one more": number + 1}
    other = bytearray(content)
    struct.pack_into(">I", other, tag(content), lies.get(lie, number))
    bare = b"".join(frames(content)[1:])
    seconds = seconds_of(bare if lie == "no tag" else bytes(other), tmp_path)
    # Without the tag there is no telling what the encoder put before and behind.
    assert 1 <= seconds <= number * 576 / 16_000


def test_a_count_that_no_file_holds_is_refused(content: bytes, tmp_path: Path) -> None:
    other = bytearray(content)
    other[tag(content)] |= 0x80
    refused(tmp_path / "clip", r"promises 21474\d+ frames", bytes(other))


def test_files_one_after_another_are_decoded_to_the_end(
    content: bytes, tmp_path: Path
) -> None:
    assert seconds_of(content + content, tmp_path) > 2
    id3 = b"ID3\3\0\0\0\0\1\0" + bytes(128)
    tags = b"TAG" + bytes(125) + id3
    assert seconds_of(id3 + content + tags + content + tags[:128], tmp_path) > 2


def test_other_frames_within_a_file_are_refused(tmp_path: Path, content: bytes) -> None:
    other = encoded("MP3")  # at another rate
    slow = bytes(other).replace(other[:3], b"\xff\xf3\x84")
    parts = frames(content)
    gap = b"".join(parts[:9]) + b"no frame" + b"".join(parts[9:])
    refused(tmp_path / "clip", "an MP3 frame is missing at byte", gap)
    assert slow != other
    refused(tmp_path / "clip", "an MP3 frame is missing at byte", content + slow)


def test_a_first_frame_that_is_damaged_is_refused(
    content: bytes, tmp_path: Path
) -> None:
    parts = frames(content)
    other = b"".join([parts[0][:-20], *parts[1:]])
    refused(tmp_path / "clip", "its first MP3 frame isn't whole", other)
    assert seconds_of(bytes(3000) + content, tmp_path) == 1  # before it may be anything
