import logging
import shutil
from collections import Counter
from pathlib import Path

import pytest

from crossemo.corpora.base import Clip, CorpusNotFoundError, Scale
from crossemo.corpora.soundtracks import Soundtracks
from crossemo.data.units import tied
from crossemo.tasks.classes import Classes
from tests.corpora.trees.base import touch, write_table
from tests.corpora.trees.soundtracks import (
    HEADER_1,
    HEADER_2,
    SET_1,
    SET_2,
    write,
    write_set_1,
    write_set_2,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path)
    return tmp_path


def units(*corpora: Soundtracks) -> dict[str, str]:
    clips = [clip for corpus in corpora for clip in corpus.clips()]
    names = tied(clip.groups for clip in clips)
    return {clip.id: names[clip.groups[0]] for clip in clips}


def by_number(corpus: Soundtracks) -> dict[str, Clip]:
    return {clip.id.rpartition("/")[2]: clip for clip in corpus.clips()}


def test_values_are_read_and_energy_is_arousal(root: Path) -> None:
    for number, songs in ((1, SET_1), (2, SET_2)):
        corpus = Soundtracks(root, set=number)  # type: ignore[arg-type]
        clips = by_number(corpus)
        assert list(clips) == [f"{song[0]:03}" for song in songs]
        for song in songs:
            clip = clips[f"{song[0]:03}"]
            assert (clip.valence, clip.arousal, clip.label) == song[1:4]
            assert f"soundtracks-{number}/" in clip.id
        assert corpus.problems() == []
    assert dict(clips["002"].about)["tension"] == "5.5"
    assert dict(clips["002"].about)["album"] == "Pride & Prejudice"


def test_each_set_is_on_its_own_scale(root: Path) -> None:
    assert Soundtracks(root).scale == Scale(1, 7, 4)
    assert Soundtracks(root, set=2).scale == Scale(1, 9, 5)
    # 4.83 and 6.5 are high on 1 to 7, and 4.54 would be low on 1 to 9.
    quadrants = Classes("quadrants")
    first = Soundtracks(root)
    assert [quadrants.target(clip, first) for clip in first.clips()[:5]] == [
        *(0, 3, 1, 1, 3),
    ]
    second = Soundtracks(root, set=2)
    targets = [quadrants.target(clip, second) for clip in second.clips()[:3]]
    assert targets == [1, 3, 1]


def test_targets_that_are_emotions_are_classes(root: Path) -> None:
    classes = {
        "HAPPY": "happy",
        "SAD": "sad",
        "FEAR": "fearful",
        "ANGER": "angry",
        "TENDER": "calm",
    }
    task = Classes("speech8")
    for corpus in (Soundtracks(root), Soundtracks(root, set=2)):
        for clip in corpus.clips():
            target = task.target(clip, corpus)
            name = classes.get(str(clip.label).partition("_")[0])
            assert (name and task.outputs.index(name)) == target, clip.label


def test_the_sets_are_joined_by_link_and_album(root: Path) -> None:
    of = units(Soundtracks(root), Soundtracks(root, set=2))
    clips = by_number(Soundtracks(root, set=2))
    assert clips["001"].groups == (
        "soundtracks/004",
        "soundtracks/album/the fifth planet",
    )
    first = by_number(Soundtracks(root))
    assert first["004"].groups == clips["001"].groups
    assert first["005"].groups == clips["002"].groups  # Pride & and Pride and
    assert first["006"].groups == clips["096"].groups  # Grizzle Man and Grizzly Man
    assert first["009"].groups[1:] == first["007"].groups[1:]
    assert len(set(of.values())) == 9
    assert clips["010"].groups == clips["095"].groups


def test_017_is_no_copy_of_018(root: Path) -> None:
    clips = by_number(Soundtracks(root, set=2))
    planet = "soundtracks/album/the fifth planet"
    assert clips["018"].groups == ("soundtracks/008", planet)
    assert clips["017"].groups == ("soundtracks/2/017", planet)
    apart = units(Soundtracks(root, set=2))
    tie = units(Soundtracks(root, set=2, clip_017="tie"))
    assert apart["soundtracks-2/017"] != apart["soundtracks-2/009"]
    assert tie["soundtracks-2/017"] == tie["soundtracks-2/009"]
    assert len(set(apart.values())) == len(set(tie.values())) + 1
    drop = Soundtracks(root, set=2, clip_017="drop")
    assert list(by_number(drop)) == [name for name in clips if name != "017"]
    assert drop.problems() == []


def test_sets_with_the_same_names_are_not_confused(root: Path) -> None:
    paths = {
        1: Soundtracks(root).clips()[0].path,
        2: Soundtracks(root, set=2).clips()[0].path,
    }
    assert paths == {
        1: root / "Set1" / "Set1" / "001.mp3",
        2: root / "mp3" / "Soundtrack110_mp3" / "001.mp3",
    }
    shutil.rmtree(root / "mp3")
    with pytest.raises(CorpusNotFoundError, match="the audio in folders Set1 and Set2"):
        Soundtracks(root, set=2).clips()
    assert len(Soundtracks(root).clips()) == len(SET_1)


@pytest.mark.parametrize("writing", [write_set_1, write_set_2])
def test_audio_in_a_folder_of_any_name_serves_where_one_set_is_there(
    writing: object, tmp_path: Path
) -> None:
    number = 1 if writing is write_set_1 else 2
    audio = writing(tmp_path)  # type: ignore[operator]
    folder = next(iter(audio.values())).parent.rename(tmp_path / "sounds")
    corpus = Soundtracks(tmp_path, set=number)  # type: ignore[arg-type]
    assert [clip.path.parent for clip in corpus.clips()] == [folder] * len(audio)
    table = {1: HEADER_2, 2: HEADER_1}[number]
    write_table(tmp_path / f"mean_ratings_set{3 - number}.csv", table)
    with pytest.raises(CorpusNotFoundError):
        Soundtracks(tmp_path, set=number).clips()  # type: ignore[arg-type]


def test_without_a_track_list_a_warning_says_what_may_leak(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (root / "set1_tracklist.csv").unlink()
    with caplog.at_level(logging.WARNING):
        clips = Soundtracks(root).clips()
    assert all(len(clip.groups) == 1 for clip in clips)
    assert "excerpts of one album may be on both sides" in caplog.text
    caplog.clear()
    (root / "mean_ratings_set1.csv").unlink()
    with pytest.raises(CorpusNotFoundError):
        Soundtracks(root).clips()
    assert caplog.text == ""  # of a corpus that isn't there, there is nothing to say


def test_full_sets_have_the_published_numbers(tmp_path: Path) -> None:
    corpora = (Soundtracks(tmp_path), Soundtracks(tmp_path, set=2))
    targets = [
        [
            name
            for name, n in corpus.expected.items()
            if name != "clips"
            for _ in range(n)
        ]
        for corpus in corpora
    ]
    assert [len(names) for names in targets] == [360, 110]
    assert [len(set(names)) for names in targets] == [12, 22]
    albums = {number: f"Album {number % 45}" for number in range(1, 361)}
    rows = [f"{n},4,4,4,1,1,1,1,1,{t}" for n, t in enumerate(targets[0], 1)]
    write_table(tmp_path / "mean_ratings_set1.csv", HEADER_1, *rows)
    rows = [f"{n:03},{album}" for n, album in albums.items()]
    write_table(tmp_path / "set1_tracklist.csv", "Nro,Album name", *rows)
    rows = [
        f"{n},5,5,5,1,1,1,1,1,5,5,{target},{albums[3 * n]},{3 * n}"
        for n, target in enumerate(targets[1], 1)
    ]
    write_table(tmp_path / "mean_ratings_set2.csv", HEADER_2, *rows)
    touch(*(tmp_path / "Set1" / f"{n:03}.mp3" for n in range(1, 361)))
    touch(*(tmp_path / "Set2" / f"{n:03}.mp3" for n in range(1, 111)))
    for corpus, number in zip(corpora, (150, 50), strict=True):
        classes = Counter(Classes("speech8").target(c, corpus) for c in corpus.clips())
        assert sum(classes.values()) - classes[None] == number
        assert corpus.problems() == []
    assert len(set(units(*corpora).values())) == 45
