import errno
import multiprocessing
import pickle
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from crossemo import audio
from crossemo.corpora.base import Clip
from crossemo.data import waveforms
from crossemo.data.waveforms import WaveformError, WaveformStore, default_cache_dir
from tests.data.tones import (
    RATE,
    prepare_and_be_killed,
    prepare_when_both_are_ready,
    tone,
    tone_clip,
    write_tone,
)

LENGTHS = (700, 1200, 300, 1000)


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    paths = [tmp_path / "corpus" / f"speech-0-happy-{n}.wav" for n in range(4)]
    for seed, (path, length) in enumerate(zip(paths, LENGTHS, strict=True)):
        write_tone(path, tone(length, seed))
    return [tone_clip(path) for path in paths]


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def break_clip(clip: Clip) -> Clip:
    clip.path.write_bytes(b"not audio at all")
    return tone_clip(clip.path)


def left_in(cache: Path) -> list[str]:
    return sorted(path.name for path in (cache / "waveforms").glob("*"))


def refuse_to_decode(path: Path, rate: int) -> NDArray[np.float32]:
    raise AssertionError(f"{path} was decoded again")


def test_a_store_returns_the_samples_that_were_written(
    clips: list[Clip], cache: Path
) -> None:
    store = WaveformStore.prepare(clips, RATE, cache)
    for seed, (clip, length) in enumerate(zip(clips, LENGTHS, strict=True)):
        assert store.lengths[clip.id] == length
        assert store[clip.id].dtype == np.float32
        np.testing.assert_array_equal(store[clip.id], tone(length, seed))
    assert store.rate == RATE
    assert not store.failures
    assert left_in(cache) == [store.folder.name]


def test_samples_beyond_full_scale_are_kept(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "speech-0-angry-0.wav"
    loud = 2.1 * tone(500)
    write_tone(path, loud)
    store = WaveformStore.prepare([tone_clip(path)], RATE, cache)
    assert np.abs(loud).max() > 1
    np.testing.assert_array_equal(store["tones/speech-0-angry-0"], loud)


def test_waveforms_are_a_plain_npy_file(clips: list[Clip], cache: Path) -> None:
    store = WaveformStore.prepare(clips, RATE, cache)
    flat = np.load(store.folder / "waveforms.npy")
    written = [tone(length, seed) for seed, length in enumerate(LENGTHS)]
    np.testing.assert_array_equal(flat, np.concatenate(written))


def test_views_can_not_be_written(clips: list[Clip], cache: Path) -> None:
    store = WaveformStore.prepare(clips, RATE, cache)
    with pytest.raises(ValueError, match="read-only"):
        store[clips[0].id][0] = 0


def test_a_second_time_nothing_is_decoded(
    clips: list[Clip], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = WaveformStore.prepare(clips, RATE, cache)
    monkeypatch.setattr(audio, "decode", refuse_to_decode)
    for again in (
        WaveformStore.prepare(clips, RATE, cache),
        WaveformStore.open(clips, RATE, cache),
    ):
        assert again.folder == first.folder
        np.testing.assert_array_equal(again[clips[1].id], tone(1200, 1))


def test_a_changed_file_is_noticed(clips: list[Clip], cache: Path) -> None:
    before = WaveformStore.prepare(clips, RATE, cache)
    write_tone(clips[0].path, tone(700, seed=99))
    clips[0] = tone_clip(clips[0].path)
    with pytest.raises(WaveformError, match="not in the cache"):
        WaveformStore.open(clips, RATE, cache)
    after = WaveformStore.prepare(clips, RATE, cache)
    np.testing.assert_array_equal(after[clips[0].id], tone(700, seed=99))
    np.testing.assert_array_equal(before[clips[0].id], tone(700, seed=0))


def test_rate_and_resampler_have_stores_of_their_own(
    clips: list[Clip], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_16 = WaveformStore.prepare(clips, RATE, cache)
    at_24 = WaveformStore.prepare(clips, 24_000, cache)
    assert at_24.rate == 24_000
    assert at_24.lengths[clips[1].id] == pytest.approx(1800, abs=1)
    monkeypatch.setattr(audio, "RESAMPLER", "another-1.0")
    other = WaveformStore.prepare(clips, RATE, cache)
    assert len({at_16.folder, at_24.folder, other.folder}) == 3


def test_what_can_not_be_used_is_named(clips: list[Clip], cache: Path) -> None:
    clips[1] = break_clip(clips[1])
    store = WaveformStore.prepare(clips, RATE, cache)
    assert WaveformStore.open(clips, RATE, cache).failures == store.failures
    usable, skipped = store.select(clips, min_samples=400)
    assert usable == [clips[0], clips[3]]
    assert list(skipped) == [clips[1].id, clips[2].id]
    assert str(clips[1].path) in skipped[clips[1].id]
    assert "300 samples at 16000 Hz, fewer than the 400 needed" in skipped[clips[2].id]
    np.testing.assert_array_equal(store[clips[3].id], tone(1000, 3))


def test_the_shortest_allowed_clip_is_used(clips: list[Clip], cache: Path) -> None:
    store = WaveformStore.prepare(clips, RATE, cache)
    assert store.select(clips, min_samples=300) == (clips, {})
    assert clips[2] not in store.select(clips, min_samples=301)[0]


def test_strict_refuses_what_would_be_skipped(clips: list[Clip], cache: Path) -> None:
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


def test_nothing_usable_is_refused(clips: list[Clip], cache: Path) -> None:
    store = WaveformStore.prepare(clips, RATE, cache)
    with pytest.raises(WaveformError, match=r"4 of 4 clips can.t be used.*and 1 more"):
        store.select(clips, min_samples=5000)
    broken = [break_clip(clip) for clip in clips]
    with pytest.raises(WaveformError, match="4 of 4 clips can't be used"):
        WaveformStore.prepare(broken, RATE, cache)
    assert left_in(cache) == [store.folder.name]


def test_clips_that_share_an_id_are_refused(clips: list[Clip], cache: Path) -> None:
    with pytest.raises(WaveformError, match=f"{clips[0].id} stands for two clips"):
        WaveformStore.prepare([*clips, clips[0]], RATE, cache)


def test_failed_clips_are_tried_again(
    clips: list[Clip], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = audio.decode

    def without_codec(path: Path, rate: int) -> NDArray[np.float32]:
        if path == clips[1].path:
            raise audio.AudioError(f"{path} needs another decoder.")
        return decode(path, rate)

    with monkeypatch.context() as patch:
        patch.setattr(audio, "decode", without_codec)
        lacking = WaveformStore.prepare(clips, RATE, cache)
        assert list(lacking.failures) == [clips[1].id]
        assert WaveformStore.prepare(clips, RATE, cache).failures
    whole = WaveformStore.prepare(clips, RATE, cache)
    assert not whole.failures
    np.testing.assert_array_equal(whole[clips[1].id], tone(1200, 1))
    np.testing.assert_array_equal(lacking[clips[3].id], tone(1000, 3))


def test_a_file_in_the_way_is_one_sentence(clips: list[Clip], cache: Path) -> None:
    cache.write_text("not a folder")
    with pytest.raises(WaveformError, match=r"data\.cache_dir.*CROSSEMO_CACHE") as info:
        WaveformStore.prepare(clips, RATE, cache)
    assert str(cache) in str(info.value)


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_write_that_fails_halfway_leaves_nothing(
    clips: list[Clip], cache: Path
) -> None:
    match = "can't be written.*File too large.*CROSSEMO_CACHE"
    with files_no_larger_than(5000), pytest.raises(WaveformError, match=match):
        WaveformStore.prepare(clips, RATE, cache)
    assert left_in(cache) == []


def test_a_full_disk_leaves_nothing(
    clips: list[Clip], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, *args: object, **kwargs: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(WaveformError, match=r"No space left on device.*make room"):
        WaveformStore.prepare(clips, RATE, cache)
    assert left_in(cache) == []


def test_an_interrupted_run_leaves_nothing(
    clips: list[Clip], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = audio.decode

    def interrupted(path: Path, rate: int) -> NDArray[np.float32]:
        if path == clips[2].path:
            raise KeyboardInterrupt
        return decode(path, rate)

    with monkeypatch.context() as patch:
        patch.setattr(audio, "decode", interrupted)
        with pytest.raises(KeyboardInterrupt):
            WaveformStore.prepare(clips, RATE, cache)
    assert left_in(cache) == []


def test_a_killed_run_is_not_taken_for_whole(clips: list[Clip], cache: Path) -> None:
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=prepare_and_be_killed, args=(clips, cache))
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    (left,) = left_in(cache)
    assert left.startswith(".unfinished-")
    with pytest.raises(WaveformError, match=r"call prepare_data\(\)"):
        WaveformStore.open(clips, RATE, cache)
    store = WaveformStore.prepare(clips, RATE, cache)
    np.testing.assert_array_equal(store[clips[3].id], tone(1000, 3))


def cut_samples(folder: Path) -> None:
    samples = folder / "waveforms.npy"
    samples.write_bytes(samples.read_bytes()[:-40])


def empty_samples(folder: Path) -> None:
    (folder / "waveforms.npy").write_bytes(b"")


def shorter_samples(folder: Path) -> None:
    np.save(folder / "waveforms.npy", tone(100))


def cut_index(folder: Path) -> None:
    index = folder / "index.json"
    index.write_text(index.read_text()[:-20])


def lose_index(folder: Path) -> None:
    (folder / "index.json").unlink()


@pytest.mark.parametrize(
    "damage", [cut_samples, empty_samples, shorter_samples, cut_index, lose_index]
)
def test_a_damaged_store_is_made_anew(
    clips: list[Clip], cache: Path, damage: Callable[[Path], None]
) -> None:
    damage(WaveformStore.prepare(clips, RATE, cache).folder)
    with pytest.raises(WaveformError, match="not in the cache"):
        WaveformStore.open(clips, RATE, cache)
    store = WaveformStore.prepare(clips, RATE, cache)
    np.testing.assert_array_equal(store[clips[3].id], tone(1000, 3))
    assert left_in(cache) == [store.folder.name]


def test_the_loser_of_a_race_uses_the_winners_store(
    clips: list[Clip], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = audio.decode
    winners: list[int] = []

    def overtaken(path: Path, rate: int) -> NDArray[np.float32]:
        if not winners:
            winners.append(0)
            folder = WaveformStore.prepare(clips, RATE, cache).folder
            winners[0] = (folder / "waveforms.npy").stat().st_ino
        return decode(path, rate)

    # One thread, so that the other run is over before this one goes on.
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    monkeypatch.setattr(audio, "decode", overtaken)
    store = WaveformStore.prepare(clips, RATE, cache)
    assert (store.folder / "waveforms.npy").stat().st_ino == winners[0]
    assert left_in(cache) == [store.folder.name]


def test_two_processes_at_once_both_end_right(clips: list[Clip], cache: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(2), context.Queue()
    processes = [
        context.Process(
            target=prepare_when_both_are_ready, args=(barrier, clips, cache, results)
        )
        for _ in range(2)
    ]
    for process in processes:
        process.start()
    sums = [results.get(timeout=120) for _ in processes]
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    expected = sum(tone(length, seed).sum() for seed, length in enumerate(LENGTHS))
    assert sums == [pytest.approx(expected, rel=1e-5)] * 2
    assert len(left_in(cache)) == 1


def test_a_pickled_store_carries_no_samples(clips: list[Clip], cache: Path) -> None:
    store = WaveformStore.prepare(clips, RATE, cache)
    pickled = pickle.dumps(store)
    assert len(pickled) < 500 < store[clips[0].id].nbytes
    again = pickle.loads(pickled)
    np.testing.assert_array_equal(again[clips[3].id], store[clips[3].id])


def test_the_cache_lies_where_the_environment_says(
    clips: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CROSSEMO_CACHE", str(tmp_path / "chosen"))
    assert default_cache_dir() == tmp_path / "chosen"
    store = WaveformStore.prepare(clips, RATE)
    assert store.folder.parent == tmp_path / "chosen" / "waveforms"
    monkeypatch.delenv("CROSSEMO_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_cache_dir() == tmp_path / "xdg" / "crossemo"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert default_cache_dir() == tmp_path / "home" / ".cache" / "crossemo"


def test_decoding_is_quiet_where_nobody_watches(
    clips: list[Clip], cache: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    WaveformStore.prepare(clips, RATE, cache, progress=True)
    assert capfd.readouterr() == ("", "")
