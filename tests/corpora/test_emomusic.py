import shutil
from collections import Counter
from pathlib import Path

import pytest

from crossemo.corpora.base import CorpusError
from crossemo.corpora.emomusic import EmoMusic, validates
from crossemo.data.units import tied
from tests.corpora.trees.base import write_table
from tests.corpora.trees.emomusic import SONGS, TREE, write
from tests.corpora.whole import quadrants, write_empty

# The last decimal digit of `printf %s NAME | sha1sum`, calculated by bc.
DIGITS = {
    "Kevin MacLeod": 9,
    "The New Mystikal Troubadours": 9,
    "My Bubba & Mi": 0,
    "Big Bill Broonzy": 8,
    "Jason Shaw": 7,
    "Vieux Farka Touré": 3,
    "Mr. &  Mrs. Smith": 9,
    "Silver Process": 5,
    "Jamie Evans": 0,
    "The Agrarians": 6,
}


# Songs by arousal and valence, so that quadrants are as many as documented.
RATINGS = {
    **{(6, 6): 251, (6, 4): 67, (4, 4): 287, (4, 6): 105},
    **{(6, 5): 6, (5, 6): 8, (5, 4): 5, (4, 5): 15},
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path)
    return tmp_path


def parts(corpus: EmoMusic) -> dict[str | None, set[str]]:
    by_part: dict[str | None, set[str]] = {}
    for clip in corpus.clips():
        by_part.setdefault(clip.part, set()).add(clip.id.removeprefix("emomusic/"))
    return by_part


def test_values_are_read_from_their_columns_arousal_first(root: Path) -> None:
    clips = EmoMusic(root).clips()
    assert {clip.id: (clip.arousal, clip.valence) for clip in clips} == {
        f"emomusic/{i}": (arousal, valence) for i, *_, arousal, valence in SONGS
    }


def test_facts_have_no_tabs(root: Path) -> None:
    about = {clip.id: dict(clip.about) for clip in EmoMusic(root).clips()}
    assert about["emomusic/174"] == {
        "title": "War, And Peace",
        "artist": "Jamie Evans",
        "genre": "Classical",
    }


@pytest.mark.parametrize(("artist", "digit"), DIGITS.items())
def test_validation_is_of_artists_by_the_digest_of_their_letters(
    artist: str, digit: int
) -> None:
    assert validates(artist) == (digit >= 8)


def test_the_official_split_with_and_without_validation(root: Path) -> None:
    evaluation = {"10", "159", "174"}
    development = {str(song[0]) for song in SONGS} - evaluation
    assert parts(EmoMusic(root)) == {
        "train": development - {"2", "3"},
        "val": {"2", "3"},
        "test": evaluation,
    }
    assert parts(EmoMusic(root, validation=False)) == {
        "train": development,
        "test": evaluation,
    }


def test_artists_are_groups_whichever_part_they_are_in(root: Path) -> None:
    groups = {clip.id: clip.groups for clip in EmoMusic(root).clips()}
    assert groups["emomusic/138"] == (
        "mediaeval/138",
        "mediaeval/artist/silver process",
    )
    assert groups["emomusic/138"][1] == groups["emomusic/159"][1]


def test_clips_and_tables_may_lie_at_the_top(root: Path) -> None:
    expected = [clip.id for clip in EmoMusic(root).clips()]
    folder = root / "emoMusic"
    for path in [*(folder / "annotations").iterdir()]:
        path.rename(folder / path.name)
    (folder / "clips_45sec" / "clips_45seconds").rename(folder / "clips_45seconds")
    assert [clip.id for clip in EmoMusic(folder).clips()] == expected
    (folder / "clips_45seconds").rename(folder / "excerpts")
    assert [clip.id for clip in EmoMusic(folder).clips()] == expected
    shutil.copytree(folder / "excerpts", folder / "others")
    with pytest.raises(CorpusError, match="has audio under"):
        EmoMusic(folder).clips()


def test_another_set_is_named(root: Path) -> None:
    assert TREE.table is not None
    path = (root / TREE.table).with_name("songs_info.csv")
    path.write_text(path.read_text().replace("evaluation", "testing", 1))
    with pytest.raises(CorpusError, match=r'row 6.*there is no part "testing"'):
        EmoMusic(root).clips()


def test_a_whole_copy_has_the_published_numbers(tmp_path: Path) -> None:
    numbers = range(2, 746)
    ratings = list(Counter(RATINGS).elements())
    write_table(
        tmp_path / "static_annotations.csv",
        "song_id,mean_arousal,std_arousal,mean_valence,std_valence",
        *(f"{i},{a},1,{v},1" for i, (a, v) in zip(numbers, ratings, strict=True)),
    )
    # 504 and 115 songs to develop on, 65 of the 125 others by artists of the former.
    artists = ["Silver Process"] * 504 + ["Kevin MacLeod"] * 115
    artists += ["Jamie Evans"] * 60 + ["Silver Process"] * 40 + ["Kevin MacLeod"] * 25
    sets = ["development"] * 619 + ["evaluation"] * 125
    write_table(
        tmp_path / "songs_info.csv",
        "song_id,Artist,Song title,Genre,Mediaeval 2013 set",
        *(
            f'{i},"{artist}\t","\tTitle\t","\tBlues\t",{name}'
            for i, artist, name in zip(numbers, artists, sets, strict=True)
        ),
    )
    write_empty(tmp_path / "clips_45seconds", numbers)
    corpus = EmoMusic(tmp_path)
    assert corpus.problems() == []
    assert quadrants(corpus) == {"Q1": 265, "Q2": 72, "Q3": 287, "Q4": 120}
    low = {"Q1": 251, "Q2": 73, "Q3": 307, "Q4": 113}
    assert quadrants(corpus, midline="low") == low
    sizes = {part: len(names) for part, names in parts(corpus).items()}
    assert sizes == {"train": 504, "val": 115, "test": 125}
    official = parts(EmoMusic(tmp_path, validation=False))
    assert {part: len(names) for part, names in official.items()} == {
        "train": 619,
        "test": 125,
    }
    assert len(set(tied(clip.groups for clip in corpus.clips()).values())) == 3
