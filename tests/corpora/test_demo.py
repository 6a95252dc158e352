import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

import crossemo
from crossemo.cache import cache_dir
from crossemo.corpora.base import CorpusError, CorpusNotFoundError
from crossemo.corpora.demo import Channel, Demo
from crossemo.corpora.facts import content_digest
from crossemo.data.folds import make_split
from crossemo.data.splits import Scheme
from tests.limits import files_no_larger_than

CHANNELS: tuple[Channel, Channel] = ("speech", "song")
EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful")


def digests(root: Path, **arguments: int) -> dict[str, str]:
    corpus = Demo("speech", root, **{"speakers": 1, "takes": 1, **arguments})
    corpus.prepare()
    return {clip.id: content_digest(clip.path) for clip in corpus.clips()}


def run_python(script: str, root: Path) -> subprocess.CompletedProcess[bytes]:
    home = Path(crossemo.__file__).parents[1]
    return subprocess.run([sys.executable, "-c", script, str(root)], cwd=home)


def test_every_speaker_performs_every_emotion(whole: dict[str, Demo]) -> None:
    for channel, domain in zip(CHANNELS, ("speech", "music"), strict=True):
        corpus = whole[channel]
        clips = corpus.clips()
        assert (corpus.name, corpus.domain) == (f"demo-{channel}", domain)
        assert len(clips) == 9 * 6 * 4
        assert len({clip.id for clip in clips}) == len(clips)
        assert len({content_digest(clip.path) for clip in clips}) == len(clips)
        counts = Counter((clip.groups[0], clip.label) for clip in clips)
        groups = [f"demo/{number:02d}" for number in range(1, 10)]
        assert counts == {(g, e): 4 for g in groups for e in EMOTIONS}
        assert clips[0].id == f"demo/{channel}-01-neutral-01"
        assert clips == corpus.clips()


def test_ids_are_unique_over_both_channels(whole: dict[str, Demo]) -> None:
    speech, song = ({clip.id for clip in whole[c].clips()} for c in CHANNELS)
    assert not speech & song


def test_clips_are_short_wavs_that_do_not_clip(whole: dict[str, Demo]) -> None:
    for corpus in whole.values():
        for clip in corpus.clips():
            info = soundfile.info(clip.path)
            assert (info.samplerate, info.channels) == (16_000, 1)
            assert (info.format, info.subtype) == ("WAV", "PCM_16")
            assert 0.89 < info.duration < 1.61
            samples, _ = soundfile.read(clip.path, dtype="int16")
            assert 500 < np.abs(samples.astype(int)).max() < 2**15 - 1


def test_the_seed_decides_every_byte(tmp_path: Path) -> None:
    first = digests(tmp_path / "a")
    assert first == digests(tmp_path / "b")
    other = digests(tmp_path / "a", seed=1)
    assert first.keys() == other.keys()
    assert not set(first.values()) & set(other.values())


def test_more_speakers_and_takes_leave_the_others_as_they_are(tmp_path: Path) -> None:
    few, more = digests(tmp_path), digests(tmp_path, speakers=2, takes=2)
    assert len(few) == 6
    assert len(more) == 24
    assert few.items() <= more.items()


def test_speech_and_song_of_a_speaker_are_not_the_same_noise(tmp_path: Path) -> None:
    corpora = [Demo(channel, tmp_path, speakers=1, takes=1) for channel in CHANNELS]
    edges = []
    for corpus in corpora:
        corpus.prepare()
        samples, _ = soundfile.read(corpus.clips()[0].path)
        edges.append(samples[:700])  # before the voice sets in
    assert abs(np.corrcoef(edges)[0, 1]) < 0.2


def test_preparing_again_does_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = Demo("song", tmp_path, speakers=1, takes=1)
    corpus.prepare()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    monkeypatch.setattr(soundfile, "write", None)
    Demo("song", tmp_path, speakers=1, takes=1).prepare()
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_killed_halfway_leaves_nothing_taken_for_whole(tmp_path: Path) -> None:
    script = """
import os, sys, soundfile
from crossemo.corpora.demo import Demo
write, written = soundfile.write, []
def write_three(file, *arguments, **options):
    if len(written) == 3:
        os._exit(9)
    write(file, *arguments, **options)
    written.append(file)
soundfile.write = write_three
Demo("speech", sys.argv[1], speakers=1, takes=1).prepare()
"""
    killed = run_python(script, tmp_path)
    assert killed.returncode == 9
    assert len(list(tmp_path.rglob("*.wav"))) == 3
    corpus = Demo("speech", tmp_path, speakers=1, takes=1)
    with pytest.raises(CorpusNotFoundError):
        corpus.clips()
    corpus.prepare()
    assert len(corpus.clips()) == 6


def test_interrupted_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(soundfile, "write", interrupt)
    with pytest.raises(KeyboardInterrupt):
        Demo("speech", tmp_path, speakers=1, takes=1).prepare()
    assert list(tmp_path.iterdir()) == []


def test_two_at_once_end_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = digests(tmp_path / "alone")
    write = soundfile.write
    written: list[object] = []

    def write_meanwhile(file: object, *arguments: object, **options: object) -> None:
        written.append(file)
        if len(written) == 4:
            digests(tmp_path / "both")  # another process is quicker
        write(file, *arguments, **options)

    monkeypatch.setattr(soundfile, "write", write_meanwhile)
    assert digests(tmp_path / "both") == expected
    assert len(written) == 12
    assert len(list((tmp_path / "both").iterdir())) == 1


@pytest.mark.parametrize("terminal", [True, False])
def test_only_a_terminal_shows_a_progress_bar(
    terminal: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("TTY_COMPATIBLE", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1" if terminal else "")
    Demo("song", tmp_path, speakers=1, takes=1).prepare()
    captured = capfd.readouterr()
    assert captured.out == ""
    assert ("Making up 6 clips of song" in captured.err) == terminal
    assert bool(captured.err) == terminal


def test_reading_needs_no_torch(tmp_path: Path) -> None:
    script = """
import sys
from crossemo.corpora.demo import Demo
assert len(Demo("speech", sys.argv[1], speakers=1, takes=1).clips()) == 6
assert "torch" not in sys.modules
"""
    digests(tmp_path)
    run_python(script, tmp_path).check_returncode()


def test_clips_before_prepare(tmp_path: Path) -> None:
    with pytest.raises(CorpusNotFoundError, match=r"speech is not in .*prepare\(\)"):
        Demo("speech", tmp_path).clips()


@pytest.mark.parametrize("content", [b"", None])
def test_a_damaged_clip_is_made_again(
    tmp_path: Path, content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    corpus = Demo("speech", tmp_path, speakers=1, takes=1)
    corpus.prepare()
    before = {clip.path: clip.path.read_bytes() for clip in corpus.clips()}
    path = corpus.clips()[2].path
    path.write_bytes(before[path][:-3] + b"xyz" if content is None else content)
    corpus.prepare()
    assert {clip.path: clip.path.read_bytes() for clip in corpus.clips()} == before
    assert caplog.messages == [f"{path} is not as it was written: it is made again."]


def test_a_lost_clip_is_named(tmp_path: Path) -> None:
    corpus = Demo("speech", tmp_path, speakers=1, takes=1)
    corpus.prepare()
    corpus.clips()[2].path.unlink()
    with pytest.raises(
        CorpusError, match=r"speech-01-happy-01\.wav is gone: call prepare"
    ):
        corpus.clips()


def test_a_root_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CorpusError, match=r"can't be written.*CROSSEMO_CACHE"):
        Demo("speech", tmp_path / "file").prepare()


def test_a_disk_that_is_full_is_named_and_nothing_stays(tmp_path: Path) -> None:
    with (
        files_no_larger_than(5000),
        pytest.raises(CorpusError, match=r"can't be written.*File too large.*give ano"),
    ):
        Demo("speech", tmp_path, speakers=1, takes=1).prepare()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"channel": "dance"}, "'dance': choose speech or song"),
        ({"speakers": 0}, "speakers=0: choose from 1 to 24"),
        ({"speakers": 25}, "speakers=25"),
        ({"takes": 0}, "takes=0"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_arguments_out_of_range(arguments: dict[str, int], named: str) -> None:
    with pytest.raises(CorpusError, match=named):
        Demo(**arguments)  # type: ignore[arg-type]


def test_the_default_root_is_the_users_cache() -> None:
    assert Demo("song").root.parent == cache_dir() / "demo"


def test_other_arguments_lie_in_other_folders() -> None:
    corpora = [
        *(Demo(channel) for channel in CHANNELS),
        *(Demo(speakers=3), Demo(takes=3), Demo(seed=3)),
    ]
    assert len({corpus.root for corpus in corpora}) == len(corpora)


@pytest.mark.parametrize("fold", range(6))
def test_the_folds_serve_the_default_speakers(fold: int) -> None:
    groups = [f"demo/{number:02d}" for number in range(1, 10)]
    split = make_split(groups, Demo.folds, Scheme(fold=fold))
    assert sorted(split.train + split.val + split.test) == groups
    assert frozenset().union(*Demo.folds) == {f"demo/{n:02d}" for n in range(1, 25)}
    assert sum(map(len, Demo.folds)) == 24
