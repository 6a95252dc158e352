from pathlib import Path

import pytest

from crossemo.corpora.pmemo import PMEmo
from tests.corpora.trees.pmemo import SONGS, write


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


def test_titles_may_hold_commas(corpus: PMEmo) -> None:
    about = {clip.id: dict(clip.about) for clip in corpus.clips()}
    assert about["pmemo/7"] == {"title": "Stay, With Me", "artist": "Sam Smith"}
