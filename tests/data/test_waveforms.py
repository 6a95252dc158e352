import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from crossemo import audio
from crossemo.cache import cache_dir
from crossemo.corpora.base import Clip
from crossemo.data import waveforms
from crossemo.data.examples import Example
from crossemo.data.waveforms import WaveformError, WaveformStore
from tests.data.tones import LENGTHS, RATE, left_in, tone, tone_example, write_tone


def break_clip(one: Example) -> Example:
    number = one.clip.id[-1].encode()  # files of one content would be one clip
    one.clip.path.write_bytes(b"not audio at all " + number)
    return tone_example(one.clip.path)


def refuse_to_decode(path: Path, rate: int, *stretch: Any) -> NDArray[np.float32]:
    raise AssertionError(f"{path} was decoded again")


def test_a_store_returns_the_samples_that_were_written(
    clips: list[Example], cache: Path
) -> None:
    store = WaveformStore.prepare(clips, RATE, cache)
    for seed, (clip, length) in enumerate(zip(clips, LENGTHS, strict=True)):
        assert store.lengths[clip.key] == length
        assert store[clip.key].dtype == np.float32
        np.testing.assert_array_equal(store[clip.key], tone(length, seed))
    assert store.rate == RATE
    assert not store.failures
    assert left_in(cache) == [store.folder.name]


def test_samples_beyond_full_scale_are_kept(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "speech-0-angry-0.wav"
    loud = 2.1 * tone(500)
    write_tone(path, loud)
    store = WaveformStore.prepare([tone_example(path)], RATE, cache)
    assert np.abs(loud).max() > 1
    (key,) = store.lengths
    np.testing.assert_array_equal(store[key], loud)


def test_waveforms_are_a_plain_npy_file(clips: list[Example], cache: Path) -> None:
    store = WaveformStore.prepare(clips, RATE, cache)
    flat = np.load(store.folder / "waveforms.npy")
    written = [tone(length, seed) for seed, length in enumerate(LENGTHS)]
    np.testing.assert_array_equal(flat, np.concatenate(written))


def test_views_can_not_be_written(clips: list[Example], cache: Path) -> None:
    store = WaveformStore.prepare(clips, RATE, cache)
    with pytest.raises(ValueError, match="read-only"):
        store[clips[0].key][0] = 0


def test_a_second_time_nothing_is_decoded(
    clips: list[Example], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = WaveformStore.prepare(clips, RATE, cache)
    monkeypatch.setattr(audio, "decode", refuse_to_decode)
    for again in (
        WaveformStore.prepare(clips, RATE, cache),
        WaveformStore.open(clips, RATE, cache),
    ):
        assert again.folder == first.folder
        np.testing.assert_array_equal(again[clips[1].key], tone(1200, 1))


def test_a_changed_file_is_noticed(clips: list[Example], cache: Path) -> None:
    before, key = WaveformStore.prepare(clips, RATE, cache), clips[0].key
    write_tone(clips[0].clip.path, tone(700, seed=99))
    clips[0] = tone_example(clips[0].clip.path)
    with pytest.raises(WaveformError, match="not in the cache"):
        WaveformStore.open(clips, RATE, cache)
    after = WaveformStore.prepare(clips, RATE, cache)
    np.testing.assert_array_equal(after[clips[0].key], tone(700, seed=99))
    np.testing.assert_array_equal(before[key], tone(700, seed=0))


def test_rate_and_resampler_have_stores_of_their_own(
    clips: list[Example], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_16 = WaveformStore.prepare(clips, RATE, cache)
    at_24 = WaveformStore.prepare(clips, 24_000, cache)
    assert at_24.rate == 24_000
    assert at_24.lengths[clips[1].key] == pytest.approx(1800, abs=1)
    monkeypatch.setattr(audio, "RESAMPLER", "another-1.0")
    other = WaveformStore.prepare(clips, RATE, cache)
    assert len({at_16.folder, at_24.folder, other.folder}) == 3


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
    np.testing.assert_array_equal(store[clips[3].key], tone(1000, 3))


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
    assert left_in(cache) == [store.folder.name]


def test_clips_that_share_an_id_are_refused(clips: list[Example], cache: Path) -> None:
    with pytest.raises(WaveformError, match=f"{clips[0].clip.id} stands for two clips"):
        WaveformStore.prepare([*clips, clips[0]], RATE, cache)


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
    np.testing.assert_array_equal(whole[clips[1].key], tone(1200, 1))
    np.testing.assert_array_equal(lacking[clips[3].key], tone(1000, 3))


def test_a_pickled_store_carries_no_samples(clips: list[Example], cache: Path) -> None:
    store = WaveformStore.prepare(clips, RATE, cache)
    pickled = pickle.dumps(store)
    assert len(pickled) < 500 < store[clips[0].key].nbytes
    again = pickle.loads(pickled)
    np.testing.assert_array_equal(again[clips[3].key], store[clips[3].key])


def test_without_a_folder_the_users_cache_is_used(clips: list[Example]) -> None:
    store = WaveformStore.prepare(clips, RATE)
    assert store.folder.parent == cache_dir() / "waveforms"
    assert WaveformStore.open(clips, RATE).folder == store.folder


def test_decoding_is_quiet_where_nobody_watches(
    clips: list[Example], cache: Path, capfd: pytest.CaptureFixture[str]
) -> None:
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
        np.testing.assert_array_equal(store[one.key], expected)
    np.testing.assert_array_equal(store[whole.key], samples)
