import logging
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Literal, cast

import pytest

from crossemo.corpora.base import Clip, CorpusError, CorpusNotFoundError, Problem
from crossemo.corpora.copies import without_copies
from crossemo.corpora.facts import file_facts
from crossemo.corpora.ravdess import RAVDESS, Channel
from tests.corpora.ravdess_tree import (
    COUNTS,
    DUPLICATE,
    samples,
    write_ravdess,
    write_wav,
)


def write_small(root: Path, actors: tuple[int, ...] = (1, 2)) -> dict[str, Path]:
    return write_ravdess(root, actors, statements=(1,), seconds=0.02)


def usable(corpus: RAVDESS) -> tuple[list[Clip], list[Problem]]:
    clips = corpus.clips()
    facts = file_facts([clip.path for clip in clips], corpus.root)
    return without_copies(clips, facts)


def stems(corpus: RAVDESS) -> list[str]:
    return [clip.path.stem for clip in usable(corpus)[0]]


@pytest.mark.parametrize(("channel", "counts"), COUNTS)
def test_four_actors_have_the_official_counts(
    tree: Path, channel: Channel, counts: dict[str, int]
) -> None:
    clips = RAVDESS(tree, channel).clips()
    assert Counter(clip.label for clip in clips) == counts
    groups = Counter(clip.groups[0] for clip in clips)
    assert groups == dict.fromkeys(
        ("ravdess/01", "ravdess/02", "ravdess/05", "ravdess/20"),
        sum(counts.values()) / 4,
    )


def test_all_actors_have_the_official_counts(tmp_path: Path) -> None:
    written = write_ravdess(tmp_path, range(1, 25), seconds=0.005)
    assert len(written) == 1440 + 1012
    speech, song = RAVDESS(tmp_path).clips(), RAVDESS(tmp_path, "song").clips()
    assert len(speech) == 1440
    assert len(usable(RAVDESS(tmp_path))[0]) == 1440 - 1  # the duplicate of actor 7
    assert len(song) == 1012
    assert {clip.groups[0] for clip in speech} == set.union(*map(set, RAVDESS.folds))
    assert {clip.groups[0] for clip in speech} - {clip.groups[0] for clip in song} == {
        "ravdess/18"
    }


def test_a_clip_is_what_its_name_says(tree: Path) -> None:
    found = {clip.id: clip for clip in RAVDESS(tree).clips()}
    clip = found["ravdess/03-01-05-01-02-01-20"]
    assert clip.label == "angry"
    assert clip.groups == ("ravdess/20",)
    assert clip.path == (
        tree / "Audio_Speech_Actors_01-24/Actor_20/03-01-05-01-02-01-20.wav"
    )


def test_names_and_domains(tree: Path) -> None:
    speech, song = RAVDESS(tree), RAVDESS(str(tree), "song")
    assert (speech.name, speech.domain) == ("ravdess-speech", "speech")
    assert (song.name, song.domain) == ("ravdess-song", "music")


def test_song_is_shown_with_a_note_on_its_melodies() -> None:
    assert RAVDESS("data").note == ""
    note = RAVDESS("data", "song").note
    shared = note.index("calm and happy"), note.index("sad, angry and fearful")
    assert shared == tuple(sorted(shared))
    assert note.endswith("part of a score on song is melody.")


def test_clips_come_in_order_and_can_be_changed_by_their_user(tree: Path) -> None:
    corpus = RAVDESS(tree, "song")
    ids = [clip.id for clip in corpus.clips()]
    assert ids == sorted(ids)
    corpus.clips().clear()
    assert len(corpus.clips()) == 176


@pytest.mark.parametrize("layout", ["apart", "together", "kaggle"])
def test_channel_and_count_do_not_depend_on_the_layout(
    tmp_path: Path, layout: Literal["apart", "together", "kaggle"]
) -> None:
    written = write_ravdess(
        tmp_path, (1, 18), statements=(1,), seconds=0.02, layout=layout
    )
    corpora = RAVDESS(tmp_path), RAVDESS(tmp_path, "song")
    speech, song = (usable(corpus)[0] for corpus in corpora)
    assert len(speech) == 60
    assert len(song) == 22
    assert sorted(clip.path.stem for clip in speech + song) == list(written)
    assert {clip.path for clip in speech + song} == set(written.values())


def test_channel_actor_and_emotion_come_from_the_name_not_the_folder(
    tmp_path: Path,
) -> None:
    wrong = tmp_path / "Audio_Speech_Actors_01-24" / "Actor_07" / "happy"
    wrong.mkdir(parents=True)
    write_wav(wrong / "03-02-04-01-01-01-02.WAV", samples("03-02-04-01-01-01-02"), 8000)
    (clip,) = RAVDESS(tmp_path, "song").clips()
    assert (clip.groups[0], clip.label) == ("ravdess/02", "sad")


def test_the_root_may_be_one_archive_or_hold_links_even_in_a_circle(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_small(tmp_path / "disk", (1,))
    song = tmp_path / "disk" / "Audio_Song_Actors_01-24"
    assert len(RAVDESS(song, "song").clips()) == 22
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "song").symlink_to(song, target_is_directory=True)
    (song / "up").symlink_to(tmp_path / "disk", target_is_directory=True)
    assert len(RAVDESS(tmp_path / "data", "song").clips()) == 22
    assert not caplog.records


def test_the_official_duplicate_counts_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_ravdess(tmp_path, (7,), ("speech",), seconds=0.02)
    found = stems(RAVDESS(tmp_path))
    assert len(found) == 59
    assert DUPLICATE[0] in found
    assert DUPLICATE[1] not in found
    assert "1 of 60 files are left out" in caplog.text


def test_one_recording_under_two_emotions_is_left_out_and_named(tmp_path: Path) -> None:
    written = write_small(tmp_path, (1,))
    happy, sad = written["03-01-03-01-01-01-01"], written["03-01-04-01-01-01-01"]
    shutil.copyfile(happy, sad)
    clips, (problem,) = usable(RAVDESS(tmp_path))
    assert len(clips) == 30 - 2
    assert not {happy, sad} & {clip.path for clip in clips}
    assert problem.kind == "same bytes, other label"
    assert problem.where == tuple(f"ravdess/{path.stem}" for path in (happy, sad))
    assert re.search(r"-01-03-.*happy.*-01-04-.*sad.*same bytes", problem.what)


def test_one_name_with_two_contents_is_refused(tmp_path: Path) -> None:
    write_small(tmp_path / "48k", (1,))
    write_ravdess(tmp_path / "16k", (1,), statements=(1,), seconds=0.02, rate=16_000)
    with pytest.raises(CorpusError, match=r"16k.*48k.*differ in content"):
        usable(RAVDESS(tmp_path))


def test_hidden_files_other_modalities_and_formats_are_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    written = write_small(tmp_path, (1,))
    folder = written["03-01-01-01-01-01-01"].parent
    (folder / "._03-01-01-01-01-01-01.wav").write_bytes(b"Mac OS X")
    (folder / "02-01-01-01-01-01-01.wav").write_bytes(b"sound track")
    (folder / "01-01-01-01-01-01-01.mp4").write_bytes(b"video")
    (tmp_path / ".trash").mkdir()
    (tmp_path / ".trash" / "03-01-01-01-01-02-09.wav").write_bytes(b"thrown away")
    assert len(RAVDESS(tmp_path).clips()) == 30
    assert not caplog.records


def test_a_stray_file_is_left_out_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_small(tmp_path, (1,))
    for name in ("03-01-09-01-01-01-01", "03-01-01-01-01-01-25", "notes"):
        (tmp_path / f"{name}.wav").write_bytes(name.encode())
    with caplog.at_level(logging.WARNING):
        assert len(RAVDESS(tmp_path).clips()) == 30
    (record,) = caplog.records
    assert "3 of 55 .wav files" in record.getMessage()
    assert "03-01-01-01-01-01-25.wav" in record.getMessage()


def test_nothing_but_strays_is_refused_with_the_expected_form(tmp_path: Path) -> None:
    (tmp_path / "happy.wav").touch()
    with pytest.raises(
        CorpusNotFoundError,
        match=r"such as 03-01-06-01-02-01-12\.wav.*1 oth.*happy\.wav",
    ):
        RAVDESS(tmp_path).clips()


def test_a_missing_root_is_refused_with_the_way_to_fetch(tmp_path: Path) -> None:
    root = tmp_path / "nowhere"
    with pytest.raises(CorpusNotFoundError, match=r"nowhere does not exist: give") as e:
        RAVDESS(root).clips()
    assert f"crossemo download ravdess {root}`" in str(e.value)


def test_a_root_that_is_a_file_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "Audio_Speech_Actors_01-24.zip"
    root.touch()
    with pytest.raises(CorpusNotFoundError, match=r"\.zip is not a folder: give") as e:
        RAVDESS(root).clips()
    assert f"crossemo download ravdess {tmp_path}`" in str(e.value)


def test_an_empty_root_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusNotFoundError, match="No RAVDESS song clip"):
        RAVDESS(tmp_path, "song").clips()


def test_the_wrong_channel_is_refused_naming_the_one_that_is_there(
    tmp_path: Path,
) -> None:
    write_ravdess(tmp_path, (18,), statements=(1,), seconds=0.02)
    with pytest.raises(
        CorpusNotFoundError, match=r"holds RAVDESS speech \(30 files\) but no song"
    ):
        RAVDESS(tmp_path, "song").clips()


def test_a_file_that_cannot_be_read_is_a_clip_all_the_same(tmp_path: Path) -> None:
    written = write_small(tmp_path, (1,))
    clips = usable(RAVDESS(tmp_path))
    written["03-01-01-01-01-01-01"].unlink()
    written["03-01-01-01-01-01-01"].symlink_to("gone.wav")
    assert usable(RAVDESS(tmp_path)) == clips  # who decodes it says what is wrong


def test_a_root_that_no_disk_can_hold_is_one_sentence() -> None:
    # Python 3.14 takes it for a folder that is missing.
    with pytest.raises(CorpusError, match=r"xxx (can't be read: File|does not exist)"):
        RAVDESS("x" * 300).clips()


def test_an_unknown_channel_is_refused() -> None:
    with pytest.raises(CorpusError, match="'video': choose speech or song"):
        RAVDESS("data", cast(Channel, "video"))
