import os
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import resample_poly

from crossemo.audio import RESAMPLER, AudioError, decode, header
from crossemo.audio.base import View
from tests.corpora.ravdess_tree import write_wav
from tests.sounds import refused, sine


def noise(*shape: int) -> NDArray[np.float32]:
    random = np.random.default_rng(0)
    return random.uniform(-0.5, 0.5, shape).astype(np.float32)


def write(path: Path, samples: NDArray[np.generic], rate: int = 48_000) -> Path:
    soundfile.write(path, samples, rate, subtype="FLOAT")
    return path


@pytest.mark.parametrize(
    ("native", "rate"),
    [(48_000, 16_000), (44_100, 16_000), (16_000, 24_000), (8_000, 16_000)],
)
def test_a_resampled_sine_is_the_sine_sampled_at_the_new_rate(
    tmp_path: Path, native: int, rate: int
) -> None:
    waveform = decode(write(tmp_path / "sine.wav", sine(1000, native), native), rate)
    assert waveform.dtype == np.float32
    assert waveform.shape == (rate // 2,)
    inner = slice(rate // 10, -rate // 10)  # the filter rings at both ends
    np.testing.assert_allclose(waveform[inner], sine(1000, rate)[inner], atol=1e-5)


def test_in_band_content_agrees_with_another_resampler(tmp_path: Path) -> None:
    chord = sum((sine(f, 48_000, level=0.1) for f in (150, 1234, 5000)), np.zeros(1))
    waveform = decode(write(tmp_path / "chord.wav", chord), 16_000)
    expected = resample_poly(chord, 1, 3, window=("kaiser", 12.0))
    inner = slice(500, -500)
    np.testing.assert_allclose(waveform[inner], expected[inner], atol=1e-3)


def test_content_above_the_new_nyquist_frequency_does_not_fold_back(
    tmp_path: Path,
) -> None:
    waveform = decode(write(tmp_path / "high.wav", sine(10_000, 48_000)), 16_000)
    assert np.abs(waveform[1000:-1000]).max() < 0.5e-5  # -100 dB


@settings(max_examples=50)
@given(
    native=st.sampled_from((8_000, 11_025, 16_000, 22_050, 44_100, 48_000)),
    rate=st.sampled_from((16_000, 24_000)),
    length=st.integers(100, 5000),
)
def test_duration_is_kept_to_a_sample(
    tmp_path_factory: pytest.TempPathFactory, native: int, rate: int, length: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "clip.wav"
    waveform = decode(write(path, noise(length), native), rate)
    assert abs(len(waveform) - length * rate / native) < 1


def test_samples_at_the_wanted_rate_are_left_alone(tmp_path: Path) -> None:
    samples = noise(1000)
    waveform = decode(write(tmp_path / "clip.wav", samples, 16_000), 16_000)
    assert np.array_equal(waveform, samples)


def test_equal_channels_give_the_level_of_either(tmp_path: Path) -> None:
    mono = noise(4800)
    path = write(tmp_path / "stereo.wav", np.stack([mono, mono], axis=1))
    assert np.array_equal(decode(path, 48_000), mono)


def test_channels_are_averaged_before_resampling(tmp_path: Path) -> None:
    channels = noise(4800, 3)
    path = write(tmp_path / "surround.wav", channels)
    mean = write(tmp_path / "mean.wav", channels.mean(axis=1))
    assert np.array_equal(decode(path, 16_000), decode(mean, 16_000))


def test_chunks_around_the_samples_are_not_audio(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).integers(-(2**15), 2**15, (999, 1), np.int16)
    write_wav(tmp_path / "filler.wav", samples, 48_000)
    waveform = decode(tmp_path / "filler.wav", 48_000)
    assert np.array_equal(waveform, samples[:, 0] / np.float32(32768))


def test_a_loud_file_may_go_beyond_full_scale(tmp_path: Path) -> None:
    square = np.where(sine(500, 48_000) >= 0, 1.0, -1.0)
    soundfile.write(tmp_path / "loud.wav", square, 48_000, subtype="PCM_16")
    waveform = decode(tmp_path / "loud.wav", 16_000)
    assert 1.02 < np.abs(waveform).max() < 1.3


@pytest.mark.parametrize("extension", ["flac", "ogg", "mp3", "aiff"])
def test_other_formats_that_libsndfile_reads(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"clip.{extension}"
    soundfile.write(path, sine(440, 44_100), 44_100)
    waveform = decode(path, 16_000)
    assert waveform.shape == (8_000,)
    np.testing.assert_allclose(
        waveform[2000:-2000], sine(440, 16_000)[2000:-2000], atol=0.02
    )


def test_the_resampler_is_named_with_its_version() -> None:
    assert f"soxr-hq-{soxr.__version__}" == RESAMPLER


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (noise(0), "holds no samples"),
        (np.zeros(1000), "is silent"),
        (np.full(1000, 0.25), "is silent"),
        (0.25 + 1.9e-4 * noise(1000), "is silent: nothing in it is louder than -80"),
        (np.stack([noise(1000), -noise(1000)], axis=1), "they cancel each other"),
        (np.stack([noise(1000), -0.985 * noise(1000)], axis=1), "they cancel each"),
        (99 + noise(1000) * 4, "holds samples of up to 100.*scale them"),
        (np.append(noise(1000), np.nan), "not finite"),
        (np.append(noise(1000), -np.inf), "not finite"),
    ],
    ids=[
        "zero-length",
        "zeros",
        "constant",
        "faint",
        "cancelling",
        "nearly",
        "loud",
        "nan",
        "infinite",
    ],
)
def test_samples_without_a_signal_are_refused(
    tmp_path: Path, samples: NDArray[np.generic], reason: str
) -> None:
    refused(write(tmp_path / "clip.wav", samples), reason)


def test_what_is_faint_or_offset_or_on_one_channel_is_sound(tmp_path: Path) -> None:
    path = tmp_path / "clip.wav"
    for level in (2.1e-4, 1.0):  # noise(1000) reaches 0.5 to either side
        samples = (0.25 + level * noise(1000)).astype(np.float32)
        assert np.array_equal(decode(write(path, samples), 48_000), samples)
    lone = np.zeros((1000, 64), np.float32)
    lone[:, 3] = noise(1000)
    assert np.ptp(decode(write(path, lone), 48_000)) == pytest.approx(1 / 64, 0.01)
    nearly = np.stack([noise(1000), -0.975 * noise(1000)], axis=1)
    assert np.ptp(decode(write(path, nearly), 48_000)) == pytest.approx(0.0125, 0.01)


@pytest.mark.parametrize(
    ("rate", "channels", "reason"),
    [
        (1, 1, "1 Hz by its header: from 2000 to 768000"),
        (1999, 1, "1999 Hz"),
        (768_001, 1, "768001 Hz"),
        (48_000, 65, "65 channels by its header: 64 at most"),
    ],
)
def test_rates_and_channels_that_nothing_has_are_refused(
    tmp_path: Path, rate: int, channels: int, reason: str
) -> None:
    refused(write(tmp_path / "clip.wav", noise(100, channels), rate), reason)


def test_an_hour_is_the_most_that_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "long.wav", noise(9000), 4000)
    monkeypatch.setattr("crossemo.audio.decoding.LONGEST", 2)
    refused(path, "longer than 2 s, the most that is decoded at once: split it")
    for stretch in ((0.2, 2.2), (0.25, None)):
        assert len(decode(path, 4000, *stretch)) == 8000


@pytest.mark.parametrize("extension", ["wav", "flac", "ogg", "mp3"])
def test_blocks_are_joined_without_a_seam(
    tmp_path: Path, extension: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"clip.{extension}"
    soundfile.write(path, noise(30_000, 2), 44_100)
    whole, stretch = decode(path, 16_000), decode(path, 16_000, 0.1, 0.45)
    monkeypatch.setattr("crossemo.audio.reading.BLOCK", 4001)
    assert np.array_equal(decode(path, 16_000), whole)
    assert np.array_equal(decode(path, 16_000, 0.1, 0.45), stretch)
    expected = soxr.resample(soundfile.read(path)[0].mean(axis=1), 44_100, 16_000)
    np.testing.assert_allclose(whole, expected, atol=1e-5)


def test_two_samples_are_too_short(tmp_path: Path) -> None:
    path = write(tmp_path / "clip.wav", noise(2), 96_000)
    refused(path, "too short to give one sample at 16000 Hz")


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    refused(tmp_path / "empty.wav", r"is empty \(0 bytes\)")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / "gone.wav", "can't be read: No such file")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
def test_what_might_never_end_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    refused(tmp_path / "pipe.wav", "can't be read: it is no regular file")
    (tmp_path / "zero.wav").symlink_to("/dev/zero")
    refused(tmp_path / "zero.wav", "can't be read: it is no regular file")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_a_name_of_any_bytes_is_read_and_shown(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/gr\xfc\xdfe\n.wav"))
    soundfile.write(os.fsencode(path), noise(700), 16_000, format="WAV")
    assert decode(path, 16_000).shape == (700,)
    assert header(path) == (700, 16_000, 1)
    path.write_bytes(b"")
    with pytest.raises(AudioError, match=r"/gr\\xfc\\xdfe\\n\.wav is empty"):
        decode(path, 16_000)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MemoryError(), "doesn't fit into the memory"),
        (RuntimeError("std::bad_alloc\n"), "decoded: RuntimeError: std::bad_alloc"),
        (OSError(5, "Input/output error"), "can't be read: Input/output error"),
    ],
)
def test_whatever_a_decoder_raises_is_a_sentence(
    tmp_path: Path, error: Exception, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **__: object) -> NoReturn:
        raise error

    monkeypatch.setattr(soundfile.SoundFile, "read", failing)
    refused(write(tmp_path / "clip.wav", noise(100)), reason)


def test_a_disk_that_fails_halfway_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "clip.flac"
    soundfile.write(path, noise(48_000), 48_000)
    copy = View._copy

    def failing(view: View, where: int, offset: int, into: memoryview) -> int:
        if offset > 50_000:
            view.failure = OSError(5, "Input/output error")
            return 0
        return copy(view, where, offset, into)

    monkeypatch.setattr(View, "_copy", failing)
    refused(path, "can't be read: Input/output error")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, "can't be read: Is a directory")


def test_a_stretch_is_that_of_the_whole(tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, 8000).astype(np.float32)
    soundfile.write(path, samples, 8000, "FLOAT")
    np.testing.assert_array_equal(decode(path, 8000, 0.25, 0.5), samples[2000:4000])
    np.testing.assert_array_equal(decode(path, 8000, 0.9), samples[7200:])
    np.testing.assert_array_equal(decode(path, 8000, end=0.1), samples[:800])
    np.testing.assert_array_equal(decode(path, 8000, 0.5, 9.0), samples[4000:])
    with pytest.raises(
        AudioError, match=r"song\.wav has 1 s and no sample from 1\.5 s"
    ):
        decode(path, 8000, 1.5, 2.0)


def test_a_header_without_a_count_says_no_length(tmp_path: Path) -> None:
    path = tmp_path / "clip.flac"
    soundfile.write(path, np.linspace(-0.5, 0.5, 700), 16_000)
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0  # the 36 bits of STREAMINFO that count samples
    content[22:26] = bytes(4)
    path.write_bytes(content)
    assert header(path) == (None, 16_000, 1)
    assert len(decode(path, 16_000)) == 700


def test_the_header_says_samples_rate_and_channels(tmp_path: Path) -> None:
    path = tmp_path / "song.flac"
    soundfile.write(path, np.zeros((700, 2)), 44_100)
    assert header(path) == (700, 44_100, 2)
    (tmp_path / "no.wav").write_bytes(b"no audio")
    assert header(tmp_path / "no.wav") is None
