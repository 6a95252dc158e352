import errno
import multiprocessing
import signal
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from crossemo import audio
from crossemo.cache import UNFINISHED
from crossemo.data.examples import Example
from crossemo.data.waveforms import WaveformError, WaveformStore
from tests.data.tones import (
    LENGTHS,
    RATE,
    assert_tone,
    left_in,
    prepare_and_be_killed,
    prepare_when_both_are_ready,
    tone,
)
from tests.limits import files_no_larger_than


def test_a_file_in_the_way_is_one_sentence(clips: list[Example], cache: Path) -> None:
    cache.write_text("not a folder")
    with pytest.raises(WaveformError, match=r"data\.cache_dir.*CROSSEMO_CACHE") as info:
        WaveformStore.prepare(clips, RATE, cache)
    assert str(cache) in str(info.value)


def test_a_write_that_fails_halfway_leaves_nothing(
    clips: list[Example], cache: Path
) -> None:
    match = "can't be written.*File too large.*CROSSEMO_CACHE"
    with files_no_larger_than(5000), pytest.raises(WaveformError, match=match):
        WaveformStore.prepare(clips, RATE, cache)
    assert left_in(cache) == []


def test_a_full_disk_leaves_nothing(
    clips: list[Example], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, *args: object, **kwargs: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(WaveformError, match=r"No space left on device.*make room"):
        WaveformStore.prepare(clips, RATE, cache)
    assert left_in(cache) == []


def test_an_interrupted_run_leaves_nothing(
    clips: list[Example], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = audio.decode

    def interrupted(path: Path, rate: int, *stretch: Any) -> NDArray[np.float32]:
        if path == clips[2].clip.path:
            raise KeyboardInterrupt
        return decode(path, rate, *stretch)

    with monkeypatch.context() as patch:
        patch.setattr(audio, "decode", interrupted)
        with pytest.raises(KeyboardInterrupt):
            WaveformStore.prepare(clips, RATE, cache)
    assert left_in(cache) == []


def test_a_killed_run_is_not_taken_for_whole(clips: list[Example], cache: Path) -> None:
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=prepare_and_be_killed, args=(clips, cache))
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    (left,) = left_in(cache)
    assert left.startswith(UNFINISHED)
    with pytest.raises(WaveformError, match=r"call prepare_data\(\)"):
        WaveformStore.open(clips, RATE, cache)
    store = WaveformStore.prepare(clips, RATE, cache)
    assert_tone(store[clips[3].key], tone(1000, 3))


def cut_samples(folder: Path) -> None:
    samples = folder / "waveforms.npy"
    samples.write_bytes(samples.read_bytes()[:-40])


def empty_samples(folder: Path) -> None:
    (folder / "waveforms.npy").write_bytes(b"")


def shorter_samples(folder: Path) -> None:
    np.save(folder / "waveforms.npy", tone(100))


def flip_a_bit(folder: Path) -> None:
    samples = folder / "waveforms.npy"
    content = bytearray(samples.read_bytes())
    content[-100] ^= 1
    samples.write_bytes(content)


def cut_index(folder: Path) -> None:
    index = folder / "index.json"
    index.write_text(index.read_text()[:-20])


def lose_index(folder: Path) -> None:
    (folder / "index.json").unlink()


@pytest.mark.parametrize(
    "damage",
    [cut_samples, empty_samples, shorter_samples, flip_a_bit, cut_index, lose_index],
)
def test_a_damaged_store_is_made_anew(
    clips: list[Example],
    cache: Path,
    damage: Callable[[Path], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    damage(WaveformStore.prepare(clips, RATE, cache).packs[0].folder)
    with pytest.raises(WaveformError, match="not in the cache"):
        WaveformStore.open(clips, RATE, cache)
    (line,) = caplog.messages
    assert "made again" in line
    store = WaveformStore.prepare(clips, RATE, cache)
    assert_tone(store[clips[3].key], tone(1000, 3))
    assert left_in(cache) == [store.packs[0].folder.name]


def test_the_loser_of_a_race_uses_the_winners_store(
    clips: list[Example], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = audio.decode
    winners: list[int] = []

    def overtaken(path: Path, rate: int, *stretch: Any) -> NDArray[np.float32]:
        if not winners:
            winners.append(0)
            folder = WaveformStore.prepare(clips, RATE, cache).packs[0].folder
            winners[0] = (folder / "waveforms.npy").stat().st_ino
        return decode(path, rate, *stretch)

    # As where a file system has no locks.
    monkeypatch.setattr("crossemo.data.waveforms._alone", lambda *_: nullcontext())
    # One thread, so that the other run is over before this one goes on.
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    monkeypatch.setattr(audio, "decode", overtaken)
    store = WaveformStore.prepare(clips, RATE, cache)
    assert (store.packs[0].folder / "waveforms.npy").stat().st_ino == winners[0]
    assert left_in(cache) == [store.packs[0].folder.name]


def test_what_two_runs_lack_at_once_is_decoded_once(
    clips: list[Example], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode, paths = audio.decode, []
    second: list[Future[WaveformStore]] = []

    def watched(path: Path, rate: int, *stretch: Any) -> NDArray[np.float32]:
        paths.append(path)
        if not second:  # which lists the clips in another order, as another fold may
            prepare = WaveformStore.prepare
            second.append(pool.submit(prepare, clips[::-1], RATE, cache))
            time.sleep(0.2)
        return decode(path, rate, *stretch)

    monkeypatch.setattr("os.cpu_count", lambda: 1)
    monkeypatch.setattr(audio, "decode", watched)
    with ThreadPoolExecutor(1) as pool:
        first = WaveformStore.prepare(clips, RATE, cache)
        other = second[0].result(60)
    assert sorted(paths) == sorted(one.clip.path for one in clips)
    assert left_in(cache) == [first.packs[0].folder.name]
    assert other.packs[0].folder == first.packs[0].folder


def test_two_processes_at_once_both_end_right(
    clips: list[Example], cache: Path
) -> None:
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
