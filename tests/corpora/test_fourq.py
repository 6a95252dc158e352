from collections import Counter
from pathlib import Path

import pytest

from crossemo.corpora.base import CorpusError
from crossemo.corpora.fourq import FourQ
from crossemo.tasks.classes import Classes
from tests.corpora.trees.base import touch, write_table
from tests.corpora.trees.fourq import SONGS, write


@pytest.fixture
def corpus(tmp_path: Path) -> FourQ:
    write(tmp_path)
    return FourQ(tmp_path)


def test_labels_are_quadrants_and_these_are_classes(corpus: FourQ) -> None:
    clips = corpus.clips()
    assert [(clip.id, clip.label) for clip in clips] == [
        (f"4q/{song}", quadrant) for song, _, _, quadrant in SONGS
    ]
    four, quadrants = Classes("four"), Classes("quadrants")
    names = ["sad", "angry", "happy", "happy", "neutral/calm"]
    targets = [four.target(clip, corpus) for clip in clips[:5]]
    assert targets == [four.outputs.index(name) for name in names]
    assert [quadrants.target(clip, corpus) for clip in clips[:3]] == [2, 1, 0]


def test_songs_of_one_artist_are_one_and_named_as_allmusic_does(corpus: FourQ) -> None:
    groups = {clip.id: clip.groups for clip in corpus.clips()}
    for number in ("303", "404", "606"):
        assert groups[f"4q/MT0000000{number}"] == (
            f"allmusic/MT0000000{number}",
            "allmusic/artist/los verdes",
        )
    assert len({names[-1] for names in groups.values()}) == len(groups) - 2


def test_metadata_are_read_as_latin_1(corpus: FourQ) -> None:
    about = {clip.id: dict(clip.about) for clip in corpus.clips()}
    umlauts = {"artist": "Zerfallende Häuser", "title": "Schwüle"}
    assert about["4q/MT0000000202"] == umlauts
    assert about["4q/MT0000000505"]["artist"] == 'The "7" Kings'
    assert corpus.problems() == []


def test_a_quadrant_that_is_none_is_named(corpus: FourQ) -> None:
    path = next(corpus.root.rglob("*_annotations.csv"))
    path.write_text(path.read_text().replace("202,Q2", "202,Q5"))
    sentence = 'annotations.csv, row 3, column Quadrant: "Q5" is none of Q1, Q2, Q3, Q4'
    with pytest.raises(CorpusError, match=sentence):
        corpus.clips()


def test_a_full_copy_has_the_published_numbers(tmp_path: Path) -> None:
    songs = [(f"MT{number:010}", f"Q{number % 4 + 1}") for number in range(900)]
    table = [f"{song},{quadrant}" for song, quadrant in songs]
    artists = [f'"{s}","{number % 662}"' for number, (s, _) in enumerate(songs)]
    write_table(
        tmp_path / "panda_dataset_taffc_annotations.csv", "Song,Quadrant", *table
    )
    write_table(
        tmp_path / "panda_dataset_taffc_metadata.csv", '"Song","Artist"', *artists
    )
    touch(*(tmp_path / quadrant / f"{song}.mp3" for song, quadrant in songs))
    corpus = FourQ(tmp_path)
    clips = corpus.clips()
    assert Counter(clip.label for clip in clips) == dict.fromkeys(
        ("Q1", "Q2", "Q3", "Q4"), 225
    )
    assert len({clip.groups[1] for clip in clips}) == 662
    assert corpus.problems() == []
    (tmp_path / "Q1" / f"{songs[0][0]}.mp3").unlink()
    sentences = [problem.what for problem in FourQ(tmp_path).problems()]
    assert "899 clips for 900, 224 Q1 for 225" in "".join(sentences)
