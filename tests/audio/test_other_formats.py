import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import NoReturn

import datasets
import numpy as np
import pytest
import torch

from crossemo.audio import decode
from tests.sounds import refused, sine

# What datasets and torchcodec do is played by these stand-ins, as torchcodec is
# optional and needs ffmpeg.


class StandIn:
    def __init__(self, source: str, **options: object) -> None:
        assert options["num_channels"] is None
        self.source = source
        self.metadata = SimpleNamespace()

    def get_samples_played_in_range(
        self, start_seconds: float, stop_seconds: float
    ) -> SimpleNamespace:
        assert start_seconds == 0 < stop_seconds
        tone = torch.from_numpy(sine(440, 44_100))
        return SimpleNamespace(data=torch.stack([tone, tone]), sample_rate=44_100)


class Deaf(StandIn):
    def get_samples_played_in_range(self, *_: float) -> NoReturn:
        raise RuntimeError("Invalid data found\nwhen processing input")


@pytest.fixture
def with_torchcodec(monkeypatch: pytest.MonkeyPatch) -> Callable[[type], None]:
    def install(decoder: type) -> None:
        for name in ("torchcodec", "torchcodec.decoders"):
            monkeypatch.setitem(sys.modules, name, ModuleType(name))
        bridge = ModuleType("datasets.features._torchcodec")
        monkeypatch.setattr(bridge, "AudioDecoder", decoder, raising=False)
        monkeypatch.setitem(sys.modules, bridge.__name__, bridge)
        monkeypatch.setattr(datasets.config, "TORCHCODEC_AVAILABLE", True)

    return install


@pytest.fixture
def unknown(tmp_path: Path) -> Path:
    path = tmp_path / "clip.m4a"
    path.write_bytes(b"\0\0\0\x20ftypM4A " + bytes(500))
    return path


def test_a_format_beyond_libsndfile_goes_through_torchcodec(
    unknown: Path, with_torchcodec: Callable[[type], None]
) -> None:
    with_torchcodec(StandIn)
    waveform = decode(unknown, 16_000)
    assert waveform.dtype == np.float32
    inner = slice(1000, -1000)
    np.testing.assert_allclose(waveform[inner], sine(440, 16_000)[inner], atol=1e-5)


class Promising(StandIn):
    def __init__(self, source: str, **options: object) -> None:
        super().__init__(source, **options)
        self.metadata = SimpleNamespace(duration_seconds_from_header=20.0)


def test_what_ends_long_before_its_header_says_is_cut_short(
    unknown: Path, with_torchcodec: Callable[[type], None]
) -> None:
    with_torchcodec(Promising)
    refused(unknown, "cut short: its header promises 20 s and 0.5 s are there")


def test_of_aac_in_no_container_the_length_is_a_guess(
    tmp_path: Path, with_torchcodec: Callable[[type], None]
) -> None:
    with_torchcodec(Promising)
    path = tmp_path / "clip.aac"
    path.write_bytes(b"\xff\xf1\x50\x80" + bytes(500))
    assert len(decode(path, 16_000)) == 8_000


@pytest.mark.parametrize("name", ["song.raw", "notes.wav", "noise.mp3"])
def test_what_no_decoder_reads_is_not_audio(
    tmp_path: Path, name: str, with_torchcodec: Callable[[type], None]
) -> None:
    with_torchcodec(Deaf)
    (tmp_path / name).write_text("These are words. " * 99)
    refused(tmp_path / name, r"is not audio: neither libsndfile \(.*\) nor ffmpeg")


class Broken:
    def __init__(self, error: Exception) -> None:
        self.error = error

    def find_spec(self, name: str, *_: object) -> None:
        if name.startswith("torchcodec"):
            raise self.error


@pytest.mark.parametrize(
    "error",
    [
        ModuleNotFoundError("No module named 'torchcodec'"),
        OSError("Could not load this library: libtorchcodec_image.so"),
        RuntimeError("Could not load libtorchcodec.\nLikely causes: no FFmpeg"),
    ],
    ids=["absent", "wrong build", "no ffmpeg"],
)
def test_without_torchcodec_the_answer_says_what_to_install(
    unknown: Path, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("torchcodec", "torchcodec.decoders"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken(error), *sys.meta_path])
    refused(unknown, r"Format not recognised.*install ffmpeg and crossemo\[formats\]")
