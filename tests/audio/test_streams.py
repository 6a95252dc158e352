"""Ogg, FLAC and containers with a header of fixed length."""

from pathlib import Path

import pytest

from tests.sounds import encoded, refused, seconds_of

OGG = pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])


@OGG
def test_ogg_that_ends_early_is_refused(subtype: str, tmp_path: Path) -> None:
    content = encoded("OGG", subtype)
    path = tmp_path / "clip"
    last = content.rindex(b"OggS")
    for end in (len(content) // 2, last, len(content) - 1):
        refused(path, "its last Ogg page is missing or not whole", content[:end])


@OGG
def test_ogg_pages_have_the_sum_that_libogg_gives_them(
    subtype: str, tmp_path: Path
) -> None:
    content = bytearray(encoded("OGG", subtype))
    content[-1] ^= 1
    refused(tmp_path / "clip", "the Ogg page at byte", bytes(content))
    content[-1] ^= 1
    assert seconds_of(bytes(content), tmp_path) == pytest.approx(1, abs=1e-3)


@OGG
def test_chained_ogg_is_decoded_to_its_end(subtype: str, tmp_path: Path) -> None:
    content = encoded("OGG", subtype)
    assert seconds_of(content * 3, tmp_path) == pytest.approx(3, abs=3e-3)


def test_chained_ogg_of_two_rates_is_refused(tmp_path: Path) -> None:
    content = encoded("OGG", "VORBIS") + encoded("OGG", "VORBIS", 24_000)
    reason = "changes its sampling rate from 16000 to 24000 Hz"
    refused(tmp_path / "clip", reason, content)


def test_an_ogg_page_that_is_missing_is_noticed(tmp_path: Path) -> None:
    content = encoded("OGG", "VORBIS")
    pages = [b"OggS" + page for page in content.split(b"OggS")[1:]]
    assert len(pages) > 3
    refused(tmp_path / "clip", "the Ogg page at byte", b"".join(pages[:2] + pages[3:]))


def flac(samples: int) -> bytes:
    content = bytearray(encoded("FLAC"))
    content[21] &= 0xF0
    content[22:26] = samples.to_bytes(4)
    return bytes(content)


@pytest.mark.parametrize("samples", [0, 1, 8_000, 16_000])
def test_flac_is_decoded_to_its_end_whatever_its_header_says(
    samples: int, tmp_path: Path
) -> None:
    assert seconds_of(flac(samples), tmp_path) == 1
    id3 = b"ID3\3\0\0\0\0\0\12" + bytes(10)
    assert seconds_of(id3 + flac(samples), tmp_path) == 1


@pytest.mark.parametrize("samples", [16_001, 2**32 - 1])
def test_flac_that_holds_less_than_it_says_is_refused(
    samples: int, tmp_path: Path
) -> None:
    reason = f"cut short: {samples} samples are promised and 16000 are there"
    refused(tmp_path / "clip", reason, flac(samples))


def test_flac_that_ends_early_is_refused(tmp_path: Path) -> None:
    for content in (flac(16_000), flac(0)):
        cut = content[: len(content) * 3 // 4]
        refused(tmp_path / "clip", "damaged or cut short", cut)
    assert seconds_of(flac(16_000) + b"TAG" + bytes(125), tmp_path) == 1


def test_nist_is_compared_with_its_count(tmp_path: Path) -> None:
    content = encoded("NIST", "PCM_16")
    assert seconds_of(content, tmp_path) == 1
    reason = "16000 samples are promised and 15900 are there"
    refused(tmp_path / "clip", reason, content[:-200])


def test_a_format_that_cannot_be_checked_is_refused(tmp_path: Path) -> None:
    content = encoded("VOC", "PCM_16")
    refused(tmp_path / "clip", "VOC .*convert it to WAV or FLAC", content)
