import logging
import pickle
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from crossemo import audio
from crossemo.cache import cache_dir, entries
from crossemo.corpora.base import Clip
from crossemo.data import waveforms
from crossemo.data.examples import Example
from crossemo.data.waveforms import WaveformError, WaveformStore
from tests.data.tones import (
    LENGTHS,
    RATE,
    assert_tone,
    left_in,
    tone,
    tone_example,
    write_tone,
)


def break_clip(one: Example) -> Example:
    number = one.clip.id[-1].encode()  # files of one content would be one clip
    one.clip.path.write_bytes(b"not audio at all " + number)
    return tone_example(one.clip.path)


def refuse_to_decode(path: Path, rate: int, *stretch: Any) -> NDArray[np.float32]:
    raise AssertionError(f"{path} was decoded again")


def watched(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Return a list that gets the path of whatever is decoded from now on."""
    decoded: list[Path] = []
    decode = audio.decode

    def watching(path: Path, rate: int, *stretch: Any) -> NDArray[np.float32]:
        decoded.append(path)
        return decode(path, rate, *stretch)

    monkeypatch.setattr(audio, "decode", watching)
    return decoded


def test_a_store_returns_the_samples_that_were_written(
    clips: list[Example], cache: Path
) -> None:
    store = WaveformStore.prepare(clips, RATE, cache)
    for seed, (clip, length) in enumerate(zip(clips, LENGTHS, strict=True)):
        assert store.lengths[clip.key] == length
        assert_tone(store[clip.key], tone(length, seed))
    assert store.rate == RATE
    assert not store.failures
    assert left_in(cache) == [pack.folder.name for pack in store.packs]


def test_32_bits_lose_nothing(clips: list[Example], cache: Path) -> None:
    store = WaveformStore.prepare(clips, RATE, cache, sample_format="float32")
    for seed, (clip, length) in enumerate(zip(clips, LENGTHS, strict=True)):
        assert_tone(store[clip.key], tone(length, seed))
    with pytest.raises(WaveformError, match="not in the cache"):
        WaveformStore.open(clips, RATE, cache)
    halves = WaveformStore.prepare(clips, RATE, cache)
    sizes = [entry.size for entry in entries(cache)]
    assert sizes[0] - sizes[1] == pytest.approx(2 * sum(LENGTHS), abs=100)
    assert len({*store.packs, *halves.packs}) == 2


@pytest.mark.parametrize("level", [1.0, 0.01])
def test_16_bits_are_kept_as_they_are(
    tmp_path: Path, cache: Path, level: float
) -> None:
    path = tmp_path / "speech-0-angry-0.wav"
    whole = np.rint(level * 32768 * np.sin(np.arange(500) / 7)).clip(-32768, 32767)
    write_tone(path, (whole / 32768).astype(np.float32))
    store = WaveformStore.prepare([tone_example(path)], RATE, cache)
    (key,) = store.lengths
    np.testing.assert_array_equal(store[key] * 32768, whole)


@pytest.mark.parametrize("loudest", [-2.0, 2.0, 2.1, 0.9999999])
def test_no_sample_turns_round(tmp_path: Path, cache: Path, loudest: float) -> None:
    path = tmp_path / "speech-0-angry-0.wav"
    loud = np.linspace(0.3, loudest, 500, dtype=np.float32)
    write_tone(path, loud)
    store = WaveformStore.prepare([tone_example(path)], RATE, cache)
    (key,) = store.lengths
    # A positive peak of a power of two loses a whole step.
    np.testing.assert_allclose(store[key], loud, rtol=0, atol=1.01 * 4 / 2**16)


@pytest.mark.parametrize("sample_format", ["int16", "float32"])
def test_a_stretch_of_a_waveform_is_read_alone(
    clips: list[Example], cache: Path, sample_format: Any
) -> None:
    store = WaveformStore.prepare(clips, RATE, cache, sample_format=sample_format)
    for one in clips:
        whole = store[one.key]
        for start, stop in ((0, 10), (50, 200), (290, 400), (650, None), (2000, 2100)):
            part = store.read(one.key, start, stop)
            assert part.dtype == np.float32
            np.testing.assert_array_equal(part, whole[start:stop])


def test_a_second_time_nothing_is_decoded(
    clips: list[Example], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = WaveformStore.prepare(clips, RATE, cache)
    monkeypatch.setattr(audio, "decode", refuse_to_decode)
    for again in (
        WaveformStore.prepare(clips, RATE, cache),
        WaveformStore.open(clips, RATE, cache),
    ):
        assert [p.folder for p in again.packs] == [p.folder for p in first.packs]
        assert_tone(again[clips[1].key], tone(1200, 1))


def test_a_changed_file_is_noticed(clips: list[Example], cache: Path) -> None:
    before, key = WaveformStore.prepare(clips, RATE, cache), clips[0].key
    write_tone(clips[0].clip.path, tone(700, seed=99))
    clips[0] = tone_example(clips[0].clip.path)
    with pytest.raises(WaveformError, match="not in the cache"):
        WaveformStore.open(clips, RATE, cache)
    after = WaveformStore.prepare(clips, RATE, cache)
    assert_tone(after[clips[0].key], tone(700, seed=99))
    assert_tone(before[key], tone(700, seed=0))


def test_rate_and_resampler_have_stores_of_their_own(
    clips: list[Example], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_16 = WaveformStore.prepare(clips, RATE, cache)
    at_24 = WaveformStore.prepare(clips, 24_000, cache)
    assert at_24.rate == 24_000
    assert at_24.lengths[clips[1].key] == pytest.approx(1800, abs=1)
    monkeypatch.setattr(audio, "RESAMPLER", "another-1.0")
    other = WaveformStore.prepare(clips, RATE, cache)
    folders = [store.packs[0].folder for store in (at_16, at_24, other)]
    assert len(set(folders)) == len(left_in(cache)) == 3


def test_what_vanishes_or_changes_after_the_listing_is_named(
    clips: list[Example], cache: Path
) -> None:
    write_tone(clips[0].clip.path, tone(700, seed=99))
    clips[1].clip.path.unlink()
    clips[2].clip.path.unlink()
    clips[2].clip.path.mkdir()
    store = WaveformStore.prepare(clips, RATE, cache)
    usable, skipped = store.select(clips)
    assert usable == clips[3:]
    for one, reason in zip(
        clips,
        ("has changed since it was listed", "No such file", "Is a directory"),
        strict=False,
    ):
        assert reason in skipped[one.clip.id]


def test_what_can_not_be_used_is_named(clips: list[Example], cache: Path) -> None:
    clips[1] = break_clip(clips[1])
    store = WaveformStore.prepare(clips, RATE, cache)
    assert WaveformStore.open(clips, RATE, cache).failures == store.failures
    usable, skipped = store.select(clips, min_samples=400)
    assert usable == [clips[0], clips[3]]
    assert list(skipped) == [clips[1].clip.id, clips[2].clip.id]
    assert str(clips[1].clip.path) in skipped[clips[1].clip.id]
    reason = skipped[clips[2].clip.id]
    assert "300 samples at 16000 Hz, fewer than the 400 needed" in reason
    assert_tone(store[clips[3].key], tone(1000, 3))


def test_the_shortest_allowed_clip_is_used(clips: list[Example], cache: Path) -> None:
    store = WaveformStore.prepare(clips, RATE, cache)
    assert store.select(clips, min_samples=300) == (clips, {})
    assert clips[2] not in store.select(clips, min_samples=301)[0]


def test_strict_refuses_what_would_be_skipped(
    clips: list[Example], cache: Path
) -> None:
    clips[1] = break_clip(clips[1])
    store = WaveformStore.prepare(clips, RATE, cache)
    with pytest.raises(WaveformError, match="1 of 4 clips can't be used: tones/speech"):
        store.select(clips, strict=True)
    assert store.select(clips[2:], strict=True) == (clips[2:], {})


def test_a_sentence_names_the_first_and_counts_the_rest() -> None:
    skipped = {f"clip{n}": f"why {n}." for n in range(5)}
    assert waveforms.skipped_sentence(skipped, 9) == (
        "5 of 9 clips can't be used: clip0 (why 0), clip1 (why 1), clip2 (why 2) "
        "and 2 more."
    )
    skipped = {"clip.wav": "A/clip.wav is silent."}  # whose name stands there already
    assert waveforms.skipped_sentence(skipped, 9) == (
        "1 of 9 clips can't be used: A/clip.wav is silent."
    )


def test_nothing_usable_is_refused(clips: list[Example], cache: Path) -> None:
    store = WaveformStore.prepare(clips, RATE, cache)
    with pytest.raises(WaveformError, match=r"4 of 4 clips can.t be used.*and 1 more"):
        store.select(clips, min_samples=5000)
    broken = [break_clip(clip) for clip in clips]
    with pytest.raises(WaveformError, match="4 of 4 clips can't be used"):
        WaveformStore.prepare(broken, RATE, cache)


def test_a_clip_that_is_named_twice_is_decoded_once(
    clips: list[Example], cache: Path
) -> None:
    store = WaveformStore.prepare([*clips, clips[0]], RATE, cache)
    (pack,) = store.packs
    assert list(pack.lengths) == [one.key for one in clips]


def test_one_clip_more_decodes_one_clip(
    clips: list[Example], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = watched(monkeypatch)
    WaveformStore.prepare(clips[:3], RATE, cache)
    assert sorted(decoded) == sorted(one.clip.path for one in clips[:3])
    decoded.clear()
    store = WaveformStore.prepare(clips, RATE, cache)
    assert decoded == [clips[3].clip.path]
    for seed, (one, length) in enumerate(zip(clips, LENGTHS, strict=True)):
        assert_tone(store[one.key], tone(length, seed))
    decoded.clear()
    for chosen in (clips, clips[2:], clips[1:2], clips[::-1]):
        WaveformStore.prepare(chosen, RATE, cache)
    assert decoded == []
    assert len(WaveformStore.open(clips[:1], RATE, cache).packs) == 1


def test_the_same_content_elsewhere_is_not_decoded(
    clips: list[Example], cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    WaveformStore.prepare(clips, RATE, cache)
    copy = tmp_path / "other" / "speech-3-sad-0.wav"
    copy.parent.mkdir()
    copy.write_bytes(clips[2].clip.path.read_bytes())
    decoded = watched(monkeypatch)
    store = WaveformStore.prepare([tone_example(copy)], RATE, cache)
    assert decoded == []
    assert_tone(store[tone_example(copy).key], tone(300, 2))


def test_many_clips_fill_several_packs(
    clips: list[Example], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waveforms, "PACK", 4000)  # bytes, 2000 samples
    measured = [
        replace(one, seconds=n / RATE) for one, n in zip(clips, LENGTHS, strict=True)
    ]
    store = WaveformStore.prepare(measured, RATE, cache)
    sizes = sorted(list(pack.lengths.values()) for pack in store.packs)
    assert sizes == [[300, 1000], [700, 1200]]


def test_a_disk_without_room_is_refused_beforehand(
    clips: list[Example], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = [replace(one, seconds=3600.0) for one in clips[1:]]
    free = 3 * 3600 * RATE * 2
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    monkeypatch.setattr(waveforms, "write_pack", None)
    first = clips[0]
    with pytest.raises(TypeError):  # it goes on to write
        WaveformStore.prepare([first, *long], RATE, cache)
    free -= 1
    with pytest.raises(WaveformError) as info:
        WaveformStore.prepare([first, *long], RATE, cache)
    assert str(info.value).startswith(
        "The waveforms of 4 clips take 345.6 MB without the 1 whose files don't tell "
        f"how long they are, and {cache / 'waveforms'} has 345.6 MB free: make room"
    )
    assert left_in(cache) == []


def test_failed_clips_are_tried_again(
    clips: list[Example], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = audio.decode

    def without_codec(path: Path, rate: int, *stretch: Any) -> NDArray[np.float32]:
        if path == clips[1].clip.path:
            raise audio.AudioError(f"{path} needs another decoder.")
        return decode(path, rate, *stretch)

    with monkeypatch.context() as patch:
        patch.setattr(audio, "decode", without_codec)
        lacking = WaveformStore.prepare(clips, RATE, cache)
        assert list(lacking.failures) == [clips[1].key]
        assert WaveformStore.prepare(clips, RATE, cache).failures
    whole = WaveformStore.prepare(clips, RATE, cache)
    assert not whole.failures
    assert_tone(whole[clips[1].key], tone(1200, 1))
    assert_tone(lacking[clips[3].key], tone(1000, 3))


def test_a_pickled_store_carries_no_samples(clips: list[Example], cache: Path) -> None:
    store = WaveformStore.prepare(clips, RATE, cache)
    pickled = pickle.dumps(store)
    assert len(pickled) < 500 < store.read(clips[0].key).nbytes
    again = pickle.loads(pickled)
    np.testing.assert_array_equal(again.read(clips[3].key), store.read(clips[3].key))


def test_without_a_folder_the_users_cache_is_used(clips: list[Example]) -> None:
    store = WaveformStore.prepare(clips, RATE)
    (pack,) = store.packs
    assert pack.folder.parent == cache_dir() / "waveforms"
    (again,) = WaveformStore.open(clips, RATE).packs
    assert again.folder == pack.folder


def test_decoding_is_quiet_where_nobody_watches(
    clips: list[Example],
    cache: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # What an earlier test's command speaks through.
    monkeypatch.setattr(logging.getLogger("crossemo"), "handlers", [])
    WaveformStore.prepare(clips, RATE, cache, progress=True)
    assert capfd.readouterr() == ("", "")


def test_stretches_of_a_file_are_clips_of_their_own(
    clips: list[Example], cache: Path
) -> None:
    whole = clips[1]
    digest, path = whole.key, whole.clip.path
    stretches = [
        Clip(f"song/{n}", path, ("song",), "sad", start=start, end=end)
        for n, (start, end) in enumerate([(0.0, 0.025), (0.025, 0.05), (0.05, None)])
    ]
    examples = [Example(one, one.key(digest), 0, "song") for one in stretches]
    store = WaveformStore.prepare([whole, *examples], RATE, cache)
    assert len({one.key for one in (whole, *examples)}) == 4
    samples = tone(1200, 1)
    for one, expected in zip(examples, np.split(samples, [400, 800]), strict=True):
        assert_tone(store[one.key], expected)
    assert_tone(store[whole.key], samples)
