import logging
from collections import Counter
from pathlib import Path

import pytest

from crossemo.corpora.base import Clip, CorpusError
from crossemo.corpora.deam import DEAM
from crossemo.corpora.emomusic import EmoMusic
from crossemo.corpora.pmemo import PMEmo
from crossemo.data.units import tied
from tests.corpora.trees import deam, emomusic, pmemo
from tests.corpora.trees.base import write_table
from tests.corpora.whole import quadrants, write_empty

# Songs by valence and arousal as rated, so that quadrants are as many as documented:
# 744 up to song 1000, of which 191 change between Q2 and Q4 where they are exchanged,
# and 1058 above, with 108 on a midline.
FIRST = {(6.0, 6.5): 265, (4.0, 6.0): 72, (3.0, 4.0): 288, (6.0, 4.0): 119}
OTHERS = {
    **{(6.0, 6.5): 329, (4.0, 6.0): 90, (3.0, 4.0): 398, (6.0, 4.0): 133},
    **{(5.0, 6.0): 28, (6.0, 5.0): 24, (5.0, 5.0): 1, (4.0, 5.0): 20, (5.0, 4.0): 35},
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    deam.write(tmp_path)
    return tmp_path


def values(corpus: DEAM) -> dict[str, tuple[float | None, float | None]]:
    return {clip.id: (clip.valence, clip.arousal) for clip in corpus.clips()}


def write_whole(root: Path) -> None:
    """Write a copy with the documented numbers of songs and quadrants."""
    numbers = [*range(2, 746), *range(1001, 2001), *range(2001, 2059)]
    first, others = Counter(FIRST).elements(), Counter(OTHERS).elements()
    released = [*((arousal, valence) for valence, arousal in first), *others]
    rows = [f"{i},{a},1,{b},1" for i, (a, b) in zip(numbers, released, strict=True)]
    header = "song_id, valence_mean, valence_std, arousal_mean, arousal_std"
    folder = root / deam.LEVEL
    name = "static_annotations_averaged_songs_{}.csv"
    write_table(folder / name.format("1_2000"), header, *rows[:1744])
    write_table(folder / name.format("2000_2058"), header, *rows[1744:])
    # 948 artists: one of 23 songs, 832 others of two and 115 of one.
    artists = [0] * 23 + [1 + place % 947 for place in range(1779)]
    for year, block in ((2013, slice(744)), (2014, slice(744, None))):
        write_table(
            root / "metadata" / f"metadata_{year}.csv",
            "song_id,title,artist",
            *(
                f"{number},Title,Artist {artist}"
                for number, artist in list(zip(numbers, artists, strict=True))[block]
            ),
        )
    write_empty(root / "MEMD_audio", numbers)


def test_songs_up_to_1000_are_exchanged_back(root: Path) -> None:
    rated = {f"deam/{i}": (valence, arousal) for i, *_, valence, arousal in deam.SONGS}
    assert values(DEAM(root)) == rated
    assert values(DEAM(root, exchange_first_block=False)) == {
        name: pair[::-1] if int(name.removeprefix("deam/")) <= 1000 else pair
        for name, pair in rated.items()
    }


@pytest.mark.parametrize("exchange", [True, False])
def test_what_was_done_to_the_values_is_said(
    root: Path, caplog: pytest.LogCaptureFixture, exchange: bool
) -> None:
    corpus = DEAM(root, exchange_first_block=exchange)
    corpus.clips()
    (sentence,) = caplog.messages
    assert sentence == corpus.note
    assert ("exchanged back" in sentence) == exchange


def test_songs_and_artists_are_emomusic_s_too(root: Path) -> None:
    groups = {clip.id: clip.groups for clip in DEAM(root).clips()}
    assert groups["deam/3"] == ("mediaeval/3", "mediaeval/artist/kevin macleod")
    assert groups["deam/3"][1] == groups["deam/1001"][1]
    assert groups["deam/10"][1] == groups["deam/1198"][1]  # one song twice
    emomusic.write(root)
    both = [*DEAM(root).clips(), *EmoMusic(root).clips()]
    units = tied(clip.groups for clip in both)
    for clip in both:
        if clip.id.startswith("emomusic/") and f"deam/{clip.id[9:]}" in groups:
            assert units[clip.groups[0]] == units[groups[f"deam/{clip.id[9:]}"][0]]
    # Of DEAM's 12 songs, two artists have two each; six songs of emoMusic's are not
    # among these, by four more artists.
    assert len(set(units.values())) == 12 - 2 + 4


def test_artists_are_read_from_the_columns_of_every_year(root: Path) -> None:
    facts = {clip.id: dict(clip.about) for clip in DEAM(root).clips()}
    assert {name: about["artist"] for name, about in facts.items()} == {
        f"deam/{number}": artist for number, _, artist, *_ in deam.SONGS
    }
    assert facts["deam/2"]["title"] == "Tonight A Lonely Century"
    assert facts["deam/2"]["genre"] == "Blues"
    edited = root / "DEAM" / "metadata" / "metadata_2013.csv"
    rows = (
        f'{number},"\t{number}.mp3","{artist}\t","\t{title}\t","\tBlues\t"'
        for number, title, artist, *_ in deam.SONGS
    )
    write_table(edited, "song_id,album,artist,title,Genre", *rows)
    assert facts == {clip.id: dict(clip.about) for clip in DEAM(root).clips()}


@pytest.mark.parametrize(("years", "unknown"), [((2014,), 4), ((2013, 2014, 2015), 12)])
def test_without_metadata_songs_are_by_themselves_and_that_is_said(
    root: Path, caplog: pytest.LogCaptureFixture, years: tuple[int, ...], unknown: int
) -> None:
    for year in years:
        (root / "DEAM" / "metadata" / f"metadata_{year}.csv").unlink()
    clips = DEAM(root).clips()
    assert sum(len(clip.groups) == 1 for clip in clips) == unknown
    assert [clip.groups[0] for clip in clips] == [
        f"mediaeval/{number}" for number, *_ in deam.SONGS
    ]
    sentence = f"The artists of {unknown} of deam's 12 songs are not known"
    assert sentence in caplog.messages[-1]
    assert len(caplog.messages) == 2


def test_folders_may_have_underscores_and_the_second_table_may_be_missing(
    root: Path,
) -> None:
    clips = DEAM(root).clips()
    folder = root / "DEAM" / deam.LEVEL
    renamed = folder.parent.rename(
        folder.parent.with_name(folder.parent.name.replace(" ", "_"))
    )
    assert DEAM(root).clips() == clips
    table = renamed / "song_level" / "static_annotations_averaged_songs_2000_2058.csv"
    table.unlink()
    corpus = DEAM(root)
    assert corpus.clips() == clips[:-2]
    assert [one.kind for one in corpus.problems()] == ["audio, not annotated"]


def test_a_song_without_a_number_is_named(root: Path) -> None:
    path = root / "DEAM" / deam.TABLE
    path.write_text(path.read_text().replace("1009,", "x,"))
    with pytest.raises(CorpusError, match='row 10, column song_id: "x" is no number'):
        DEAM(root).clips()


def test_numbered_audio_of_corpora_beside_is_not_confused(tmp_path: Path) -> None:
    audio = {one.__name__: one.write(tmp_path) for one in (emomusic, pmemo, deam)}
    clips: dict[str, list[Clip]] = {
        deam.__name__: DEAM(tmp_path).clips(),
        emomusic.__name__: EmoMusic(tmp_path).clips(),
        pmemo.__name__: PMEmo(tmp_path).clips(),
    }
    for name, paths in audio.items():
        assert [clip.path for clip in clips[name]] == list(paths.values())
    assert DEAM(tmp_path).problems() == PMEmo(tmp_path).problems() == []


def test_a_whole_copy_has_the_published_numbers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    write_whole(tmp_path)
    corpus = DEAM(tmp_path)
    assert len(corpus.clips()) == 1802
    assert corpus.problems() == []
    assert quadrants(corpus) == {"Q1": 647, "Q2": 182, "Q3": 686, "Q4": 287}
    low = {"Q1": 594, "Q2": 190, "Q3": 742, "Q4": 276}
    assert quadrants(corpus, midline="low") == low
    assert sum(quadrants(corpus, midline="drop").values()) == 1802 - 108
    released = DEAM(tmp_path, exchange_first_block=False)
    assert quadrants(released) == {"Q1": 647, "Q2": 229, "Q3": 686, "Q4": 240}
    units = tied(clip.groups for clip in corpus.clips())
    sizes = Counter(units[clip.groups[0]] for clip in corpus.clips())
    assert (len(sizes), max(sizes.values())) == (948, 23)
