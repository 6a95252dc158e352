from collections import Counter
from pathlib import Path

import pytest

from crossemo.corpora.base import CorpusError, CorpusNotFoundError
from crossemo.corpora.fourq import FourQ
from crossemo.corpora.merge import MERGE
from crossemo.data.units import tied
from crossemo.tasks.classes import Classes
from tests.corpora.trees.base import touch, write_table
from tests.corpora.trees.fourq import write as write_fourq
from tests.corpora.trees.merge import SONGS, write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path)
    return tmp_path


def parts(corpus: MERGE) -> dict[str, str | None]:
    return {clip.id.rpartition("/")[2]: clip.part for clip in corpus.clips()}


def test_values_are_read_from_their_columns_and_the_quadrant_is_the_label(
    root: Path,
) -> None:
    corpus = MERGE(root)
    clips = {clip.id.removeprefix("merge/"): clip for clip in corpus.clips()}
    for song, _, _, quadrant, arousal, valence, *_ in SONGS:
        clip = clips[song]
        assert (clip.label, clip.arousal, clip.valence) == (quadrant, arousal, valence)
    # Its quadrant is Q3 although arousal 0.5 and more would count as high.
    assert Classes("quadrants").target(clips["MT0000000101"], corpus) == 2
    assert corpus.problems() == []


def test_parts_are_of_the_split_that_was_chosen(root: Path) -> None:
    names = {"train": "train", "validate": "val", "test": "test"}
    assert parts(MERGE(root)) == {song[0]: names[song[-2]] for song in SONGS}
    other = MERGE(root, split="tvt_40_30_30")
    assert parts(other) == {song[0]: names[song[-1]] for song in SONGS}
    assert set(parts(MERGE(root, split=None)).values()) == {None}


def test_songs_are_known_by_their_numbers_in_allmusic(root: Path) -> None:
    groups = {clip.id: clip.groups for clip in MERGE(root).clips()}
    assert groups["merge/A001"] == (
        "allmusic/MT0000000303",
        "allmusic/artist/los verdes",
    )
    assert groups["merge/A061-66"] == ("merge/A061-66", "allmusic/artist/ann other")
    assert groups["merge/MT0000000909"] == ("allmusic/MT0000000909",)


def test_songs_of_4q_are_the_same_units(root: Path) -> None:
    write_fourq(root)
    clips = [*MERGE(root).clips(), *FourQ(root).clips()]
    units = tied(clip.groups for clip in clips)
    of = {clip.id: units[clip.groups[0]] for clip in clips}
    assert of["merge/MT0000000101"] == of["4q/MT0000000101"]
    assert of["merge/A001"] == of["4q/MT0000000303"] == of["4q/MT0000000606"]
    assert of["merge/A061-66"] not in {of[name] for name in of if name[0] == "4"}


def test_editions_beside_each_other_are_told_apart(root: Path) -> None:
    bimodal = MERGE(root, edition="bimodal_complete")
    assert parts(bimodal) == {"A001": "train", "MT0000000404": "train"}
    assert all("Bimodal" in str(clip.path) for clip in bimodal.clips())
    assert bimodal.problems() == []
    assert bimodal.name == "merge-bimodal"
    with pytest.raises(CorpusNotFoundError, match="No merge_audio_balanced_"):
        MERGE(root, edition="audio_balanced").clips()


def test_values_that_contradict_each_other_are_named(root: Path) -> None:
    path = next(root.rglob("merge_audio_complete_av_values.csv"))
    path.write_text(path.read_text() + "L200,0.5,0.3\nA001,0.7,0.8125\n")
    corpus = MERGE(root)
    assert {"A001", "L200"} & parts(corpus).keys() == {"A001"}
    assert [one.kind for one in corpus.problems()] == ["annotated twice, differently"]


def test_a_split_that_names_none_of_the_songs_is_refused(root: Path) -> None:
    for path in root.rglob("tvt_70_15_15_*_audio_complete.csv"):
        path.write_text("Song,Quadrant\nL001,Q1\n")
    sentence = "tvt_70_15_15 of merge names none of its songs, but L001: use its own"
    with pytest.raises(CorpusError, match=sentence):
        MERGE(root).clips()
    assert len(MERGE(root, split=None).clips()) == len(SONGS)


def test_switches_that_are_none_are_named(root: Path) -> None:
    with pytest.raises(CorpusError, match="MERGE has no edition 'lyrics': choose"):
        MERGE(root, edition="lyrics")  # type: ignore[arg-type]
    with pytest.raises(CorpusError, match="choose tvt_70_15_15 or tvt_40_30_30"):
        MERGE(root, split="tvt_60")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("edition", "counts"),
    [
        ("audio_complete", {"train": 2490, "validate": 532, "test": 532}),
        ("audio_balanced", {"train": 2264, "validate": 484, "test": 484}),
    ],
)
def test_a_full_copy_has_the_published_numbers(
    edition: str, counts: dict[str, int], tmp_path: Path
) -> None:
    number = sum(counts.values())
    rows = [f"MT{i:010},Q{i % 4 + 1}" for i in range(number)]
    table = tmp_path / f"merge_{edition}_metadata.csv"
    write_table(table, "Song,Quadrant,Artist", *(f"{row}," for row in rows))
    values = [f"{row.partition(',')[0]},0.5,0.5" for row in rows]
    table = tmp_path / f"merge_{edition}_av_values.csv"
    write_table(table, "Song,Arousal,Valence", *values)
    start = 0
    for part, size in counts.items():
        table = tmp_path / f"tvt_70_15_15_{part}_{edition}.csv"
        write_table(table, "Song,Quadrant", *rows[start : start + size])
        start += size
    songs = [row.split(",") for row in rows]
    touch(*(tmp_path / quadrant / f"{song}.mp3" for song, quadrant in songs))
    corpus = MERGE(tmp_path, edition=edition)  # type: ignore[arg-type]
    assert Counter(clip.part for clip in corpus.clips()) == {
        "train": counts["train"],
        "val": counts["validate"],
        "test": counts["test"],
    }
    assert len(corpus.clips()) == corpus.expected["clips"] == number
    assert corpus.problems() == []
