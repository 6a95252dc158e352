from collections import Counter
from pathlib import Path

import pytest

from crossemo.corpora.base import CorpusError, CorpusNotFoundError
from crossemo.corpora.jamendo import Jamendo
from crossemo.data.units import tied
from crossemo.tasks.classes import Classes
from tests.corpora.trees.base import touch, write_sound
from tests.corpora.trees.jamendo import (
    TRACKS,
    row,
    write,
    write_audio,
    write_rows,
    write_tables,
)

SIZES = {"train": 9949, "validation": 3802, "test": 4231}  # of split 0
# As counted in the published tables: tracks whose tags name these classes.
NAMED = {
    ("happy",): 1575,
    ("sad",): 1016,
    ("calm",): 1567,
    ("happy", "sad"): 16,
    ("happy", "calm"): 66,
    ("sad", "calm"): 71,
}


@pytest.fixture
def corpus(tmp_path: Path) -> Jamendo:
    write(tmp_path)
    return Jamendo(tmp_path)


def test_labels_are_all_tags_and_their_one_emotion_the_class(corpus: Jamendo) -> None:
    clips = {clip.id: clip for clip in corpus.clips()}
    assert {name: clip.label for name, clip in clips.items()} == {
        f"jamendo/{track}": ";".join(tags) for track, _, _, tags, *_ in TRACKS
    }
    task = Classes({"happy": ["happy"], "sad": ["sad"], "calm": ["calm"]})
    classes = {name: task.target(clip, corpus) for name, clip in clips.items()}
    assert classes["jamendo/948"] is None
    assert classes["jamendo/949"] == 0
    assert classes["jamendo/1120"] == 1
    assert classes["jamendo/10345"] == 2
    assert classes["jamendo/10346"] is None  # happy and relaxing


def test_tracks_of_an_artist_are_one_unit_and_parts_those_of_the_split(
    corpus: Jamendo,
) -> None:
    clips = corpus.clips()
    groups = ("jamendo/1120", "jamendo/artist_000087", "jamendo/album_000150")
    assert clips[2].groups == groups
    assert len(set(tied(clip.groups for clip in clips).values())) == 4
    names = {"train": "train", "validation": "val", "test": "test"}
    for split in (0, 1):
        parts = {clip.id: clip.part for clip in Jamendo(corpus.root, split).clips()}
        places = {f"jamendo/{track[0]}": str(track[4 + split]) for track in TRACKS}
        assert parts == {name: names[place] for name, place in places.items()}


def test_splits_that_are_not_there_are_named(corpus: Jamendo) -> None:
    with pytest.raises(CorpusError, match="has no split '5': choose 0, 1, 2, 3 or 4"):
        Jamendo(corpus.root, split=5)
    with pytest.raises(CorpusNotFoundError, match=r"split-3/autotagging_moodtheme-tr"):
        Jamendo(corpus.root, split=3).clips()


def test_audio_may_lie_elsewhere(tmp_path: Path) -> None:
    write_tables(tmp_path / "clone")
    audio = write_audio(tmp_path / "disk")
    corpus = Jamendo(tmp_path / "clone", audio=tmp_path / "disk")
    assert [clip.path for clip in corpus.clips()] == list(audio.values())
    assert corpus.problems() == []
    with pytest.raises(CorpusNotFoundError, match=r"audio under .*clone: give the clo"):
        Jamendo(tmp_path / "clone").clips()


def test_full_quality_is_used_where_a_track_is_there_twice(corpus: Jamendo) -> None:
    low = next(clip.path for clip in corpus.clips() if clip.id == "jamendo/949")
    full = write_sound(low.with_name("949.mp3"))
    paths = {clip.id: clip.path for clip in Jamendo(corpus.root).clips()}
    assert paths["jamendo/949"] == full
    assert paths["jamendo/948"].name == "948.low.mp3"


def test_numbered_audio_of_another_corpus_is_none_of_its_tracks(
    corpus: Jamendo,
) -> None:
    before = corpus.clips()
    write_sound(corpus.root / "DEAM" / "MEMD_audio" / "949.mp3")
    assert Jamendo(corpus.root).clips() == before
    before[1].path.unlink()
    after = Jamendo(corpus.root)
    assert "jamendo/949" not in [clip.id for clip in after.clips()]
    assert [one.where for one in after.problems()] == [("jamendo/949",)]


def test_a_full_copy_has_the_published_numbers(tmp_path: Path) -> None:
    total = sum(SIZES.values())
    tags = [
        tuple("melancholic" if name == "sad" and n % 2 else name for name in names)
        for names, number in NAMED.items()
        for n in range(number)
    ]
    tags += [("film", "epic", "dark")] * (total - len(tags))
    rows = [row(n, n * 1508 // total, n * 9000 // total, t) for n, t in enumerate(tags)]
    start = 0
    for part, size in SIZES.items():
        table = tmp_path / "data/splits/split-0" / f"autotagging_moodtheme-{part}.tsv"
        write_rows(table, *rows[start : start + size])
        start += size
    touch(*(tmp_path / f"{n % 100:02}" / f"{n}.mp3" for n in range(total + 504)))
    corpus = Jamendo(tmp_path)
    clips = corpus.clips()
    assert Counter(clip.part for clip in clips) == {
        "train": 9949,
        "val": 3802,
        "test": 4231,
    }
    task = Classes({"happy": ["happy"], "sad": ["sad"], "calm": ["calm"]})
    targets = Counter(task.target(clip, corpus) for clip in clips)
    assert [targets[place] for place in range(3)] == [1575, 1016, 1567]
    assert corpus.problems() == []
