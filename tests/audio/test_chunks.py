import struct
from pathlib import Path

import numpy as np
import pytest

from crossemo.audio import decode
from tests.corpora.ravdess_tree import write_wav
from tests.sounds import encoded, refused, seconds_of

# Where each container says how many bytes of samples follow, and how it says it.
CONTAINERS = {
    "WAV": (b"data", 4, "<I"),
    "WAVEX": (b"data", 4, "<I"),
    "RF64": (b"ds64", 16, "<Q"),
    "W64": (b"data", 16, "<Q"),
    "AIFF": (b"SSND", 4, ">I"),
    "CAF": (b"data", 4, ">Q"),
    "AU": (b".snd", 8, ">I"),
}


def with_size(form: str, size: int) -> bytes:
    name, offset, packed = CONTAINERS[form]
    content = bytearray(encoded(form, "PCM_16"))
    struct.pack_into(packed, content, content.index(name) + offset, size)
    return bytes(content)


def said_size(form: str) -> int:
    name, offset, packed = CONTAINERS[form]
    content = encoded(form, "PCM_16")
    (size,) = struct.unpack_from(packed, content, content.index(name) + offset)
    return int(size)


@pytest.mark.parametrize("form", CONTAINERS)
def test_a_file_that_ends_early_is_refused(form: str, tmp_path: Path) -> None:
    content = encoded(form, "PCM_16")
    assert seconds_of(content, tmp_path) == 1
    for end in (len(content) // 2, len(content) - 2):
        refused(tmp_path / "clip", "is cut short: its header", content[:end])


def test_big_endian_wav_that_ends_early_is_refused(tmp_path: Path) -> None:
    content = encoded("WAV", "PCM_16", endian="BIG")
    assert seconds_of(content, tmp_path) == 1
    refused(tmp_path / "clip", "is cut short", content[:-20])


@pytest.mark.parametrize("form", CONTAINERS)
@pytest.mark.parametrize("size", ["none", "empty", "most"])
def test_sizes_that_were_never_filled_in_are_those_of_the_file(
    form: str, size: str, tmp_path: Path
) -> None:
    most = 256 ** struct.calcsize(CONTAINERS[form][2]) - 1
    empty = said_size(form) - 32_000
    content = with_size(form, {"none": 0, "empty": empty, "most": most}[size])
    assert seconds_of(content, tmp_path) == 1


@pytest.mark.parametrize("form", CONTAINERS)
def test_a_size_that_leaves_samples_out_is_refused(form: str, tmp_path: Path) -> None:
    content = with_size(form, said_size(form) - 16_000)
    reason = "contradicts the file|goes on beyond its end|promises 32008 .* 16008 are"
    refused(tmp_path / "clip", reason, content)


def test_the_size_of_the_whole_need_not_be_right(tmp_path: Path) -> None:
    content = encoded("WAV", "PCM_16")
    for size in (0, 36, 2**32 - 1):
        other = content[:4] + struct.pack("<I", size) + content[8:]
        assert seconds_of(other, tmp_path) == 1
    assert seconds_of(content + b"no part of it" * 99, tmp_path) == 1


def test_chunks_and_padding_may_follow_the_samples(tmp_path: Path) -> None:
    content = encoded("WAV", "PCM_16")
    for more in (b"cue \4\0\0\0\0\0\0\0", b"LIST\3\0\0\0abc\0", bytes(500)):
        size = struct.pack("<I", len(content) + len(more) - 8)
        assert seconds_of(content[:4] + size + content[8:] + more, tmp_path) == 1


@pytest.mark.parametrize(
    ("place", "packed", "number"),
    [(22, "<H", 2), (24, "<I", 48_000), (28, "<I", 1), (32, "<H", 4), (34, "<H", 24)],
    ids=["channels", "rate", "bytes a second", "bytes of all channels", "bits"],
)
def test_a_header_that_contradicts_itself_is_refused(
    place: int, packed: str, number: int, tmp_path: Path
) -> None:
    content = bytearray(encoded("WAV", "PCM_16"))
    struct.pack_into(packed, content, place, number)
    refused(tmp_path / "clip", "a header that contradicts itself", bytes(content))


def test_aiff_with_more_samples_in_its_header_is_refused(tmp_path: Path) -> None:
    content = bytearray(encoded("AIFF", "PCM_16"))
    place = content.index(b"COMM") + 8
    struct.pack_into(">H", content, place, 2)  # channels
    refused(tmp_path / "clip", "promises 64008 bytes .* 32008 are", bytes(content))


def test_a_million_empty_chunks_are_not_walked_through(tmp_path: Path) -> None:
    refused(tmp_path / "clip", "damaged", b"RIFF\0\0\0\0WAVE" + bytes(8 << 20))


def filler_wav(tmp_path: Path) -> bytes:
    path = tmp_path / "whole.wav"
    samples = np.random.default_rng(0).integers(-9000, 9000, (4800, 1), np.int16)
    write_wav(path, samples, 48_000)
    return path.read_bytes()


def test_a_wav_cut_within_its_samples_is_refused(tmp_path: Path) -> None:
    reason = "cut short: its header promises 9600 bytes of samples and 5000 are"
    refused(tmp_path / "cut.wav", reason, filler_wav(tmp_path)[: 4096 + 5000])


def test_a_wav_cut_behind_its_samples_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "cut.wav"
    path.write_bytes(filler_wav(tmp_path)[: 4096 + 9600 + 20])
    assert decode(path, 48_000).shape == (4800,)


@pytest.mark.parametrize("promised", [0xFFFFFFFF, 0x7FFFF000 + 24])
def test_a_wav_that_was_piped_has_no_true_length(tmp_path: Path, promised: int) -> None:
    content = bytearray(filler_wav(tmp_path)[: 4096 + 9600])
    content[4092:4096] = struct.pack("<I", promised)
    path = tmp_path / "piped.wav"
    path.write_bytes(content)
    assert decode(path, 48_000).shape == (4800,)
