from pathlib import Path

import pytest

from crossemo.corpora.base import CorpusError
from crossemo.corpora.folders import Folders
from crossemo.corpora.joint import Joint, as_one
from crossemo.corpora.ravdess import RAVDESS


@pytest.fixture
def moods(tmp_path: Path) -> Folders:
    (tmp_path / "moods" / "sad").mkdir(parents=True)
    (tmp_path / "moods" / "sad" / "one.wav").touch()
    return Folders(tmp_path / "moods", domain="music")


def test_corpora_are_listed_one_after_the_other(moods: Folders, tree: Path) -> None:
    song = RAVDESS(tree, "song")
    joint = Joint([song, moods])
    assert joint.clips() == [*song.clips(), *moods.clips()]
    assert (joint.name, joint.domain) == ("ravdess-song+moods", "music")
    assert joint.note == song.note
    assert joint.melodies == song.melodies
    assert joint.members == (song, moods)


def test_one_corpus_stays_itself_and_joints_are_flat(moods: Folders) -> None:
    others = [Folders("a", "music"), Folders("b", "music")]
    assert as_one(moods) is moods
    assert as_one([moods]) is moods
    assert as_one([moods, Joint(others)]).members == (moods, *others)


def test_corpora_that_do_not_belong_together_are_refused(moods: Folders) -> None:
    with pytest.raises(CorpusError, match="moods would be there twice"):
        Joint([moods, moods])
    with pytest.raises(CorpusError, match="a is speech and moods is music"):
        Joint([moods, Folders("a")])
    with pytest.raises(CorpusError, match="list of corpora is empty"):
        as_one([])
