from collections import Counter
from pathlib import Path

import pytest

from crossemo.corpora.pmemo import PMEmo
from tests.corpora.trees.base import write_table
from tests.corpora.trees.pmemo import SONGS, write
from tests.corpora.whole import quadrants, write_empty

# Songs by arousal and valence, so that quadrants are as many as documented.
RATINGS = {
    **{(0.7, 0.6): 491, (0.6, 0.4): 71, (0.4, 0.3): 132, (0.4, 0.6): 53},
    **{(0.7, 0.5): 5, (0.5, 0.7): 9, (0.5, 0.3): 2, (0.3, 0.5): 4},
}


@pytest.fixture
def corpus(tmp_path: Path) -> PMEmo:
    write(tmp_path)
    return PMEmo(tmp_path)


def test_values_are_read_from_their_columns_arousal_first(corpus: PMEmo) -> None:
    values = {clip.id: (clip.arousal, clip.valence) for clip in corpus.clips()}
    assert values == {
        f"pmemo/{number}": (arousal, valence)
        for number, _, _, arousal, valence in SONGS
        if arousal is not None
    }
    assert values["pmemo/1"] == (0.4, 0.575)


def test_choruses_that_were_never_rated_are_no_problem(corpus: PMEmo) -> None:
    assert "pmemo/4" not in {clip.id for clip in corpus.clips()}
    assert corpus.problems() == []


def test_songs_of_one_artist_are_one_whatever_the_case(corpus: PMEmo) -> None:
    groups = {clip.id: clip.groups for clip in corpus.clips()}
    assert groups["pmemo/853"] == ("pmemo/853", "pmemo/artist/starley")
    assert groups["pmemo/854"] == ("pmemo/854", "pmemo/artist/starley")
    assert len({names[-1] for names in groups.values()}) == len(groups) - 1


def test_a_song_whose_artist_is_not_known_is_by_itself(tmp_path: Path) -> None:
    write(tmp_path)
    path = tmp_path / "PMEmo2019" / "metadata.csv"
    path.write_text(path.read_text().replace("Calvin Harris", ""))
    groups = {clip.id: clip.groups for clip in PMEmo(tmp_path).clips()}
    assert groups["pmemo/5"] == ("pmemo/5",)


def test_titles_may_hold_commas(corpus: PMEmo) -> None:
    about = {clip.id: dict(clip.about) for clip in corpus.clips()}
    assert about["pmemo/7"] == {"title": "Stay, With Me", "artist": "Sam Smith"}


def test_a_whole_copy_has_the_published_numbers(tmp_path: Path) -> None:
    ratings = list(Counter(RATINGS).elements())
    write_table(
        tmp_path / "annotations" / "static_annotations.csv",
        "musicId,Arousal(mean),Valence(mean)",
        *(f"{i},{a},{v}" for i, (a, v) in enumerate(ratings, 1)),
    )
    songs = [f"{number},Title,Artist {number}" for number in range(1, 795)]
    write_table(tmp_path / "metadata.csv", "musicId,title,artist", *songs)
    write_empty(tmp_path / "chorus", range(1, 795))
    corpus = PMEmo(tmp_path)
    assert len(corpus.clips()) == 767
    assert corpus.problems() == []
    expected = {
        "high": {"Q1": 505, "Q2": 73, "Q3": 132, "Q4": 57},
        "low": {"Q1": 491, "Q2": 76, "Q3": 138, "Q4": 62},
        "drop": {"Q1": 491, "Q2": 71, "Q3": 132, "Q4": 53},
    }
    for midline, numbers in expected.items():
        assert quadrants(corpus, midline) == numbers
