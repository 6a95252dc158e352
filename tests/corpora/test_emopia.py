import os
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import cycle
from pathlib import Path

import pytest

from crossemo.corpora.base import CorpusError, CorpusNotFoundError
from crossemo.corpora.emopia import EMOPIA
from tests.corpora.trees.base import write_table
from tests.corpora.trees.emopia import (
    CLIPS,
    GONE,
    write,
    write_release_split,
    write_split,
)
from tests.corpora.whole import write_empty

QUADRANTS = ("Q1", "Q2", "Q3", "Q4")
# Songs and clips of each quadrant in EMOPIA_cls's parts, and in none.
PARTS = {
    "train": (290, (169, 187, 171, 240)),
    "val": (63, (46, 55, 53, 44)),
    "test": (32, (24, 19, 20, 23)),
    "none": (2, (11, 4, 9, 3)),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path)
    return tmp_path


def parts(corpus: EMOPIA) -> dict[str, str | None]:
    return {clip.id.removeprefix("emopia/"): clip.part for clip in corpus.clips()}


def real_clips() -> Path:
    """Return the folder of real notes, rendered, or skip the test that asks."""
    beside = Path(__file__).parents[3] / "shared" / "data" / "emopia_rendered"
    folder = Path(os.environ.get("CROSSEMO_EMOPIA", beside))
    if not folder.is_dir():
        pytest.skip("no rendered clips of EMOPIA: set CROSSEMO_EMOPIA to their folder")
    return folder


def test_labels_are_the_table_s_and_songs_the_videos(root: Path) -> None:
    clips = EMOPIA(root).clips()
    assert [clip.label for clip in clips] == [stem[:2] for stem, *_ in CLIPS]
    songs = {clip.id.removeprefix("emopia/"): clip.groups for clip in clips}
    assert songs["Q1__kJtgm1OUNA_0"] == ("emopia/_kJtgm1OUNA",)
    assert songs["Q2_--2B4d4lQhs_0"] == ("emopia/--2B4d4lQhs",)
    assert songs["Q4_xgtwQGeB6_0_0"] == ("emopia/xgtwQGeB6_0",)
    assert songs["Q2_-jJVb0xvbdg_12"] == ("emopia/-jJVb0xvbdg",)
    assert songs["Q1_0vLPYiPN7qY_0"] == songs["Q3_0vLPYiPN7qY_1"]


def test_clips_without_audio_are_one_problem_with_the_coverage(root: Path) -> None:
    (problem,) = EMOPIA(root).problems()
    assert problem.where == (f"emopia/{GONE}",)
    assert "audio of 14 of 15 clips is there" in problem.what


def test_clips_may_lie_anywhere_and_whole_songs_are_none(root: Path) -> None:
    audio = root / "EMOPIA_1.0" / "audios"
    expected = [clip.id for clip in EMOPIA(root).clips()]
    (audio / "seg").rename(root / "cut")
    corpus = EMOPIA(root)
    assert [clip.id for clip in corpus.clips()] == expected
    assert len(corpus.problems()) == 1


def test_either_split_is_read_from_the_tree(root: Path) -> None:
    assert parts(EMOPIA(root)) == {stem: cls for stem, cls, _ in CLIPS}
    assert parts(EMOPIA(root, split="release")) == {
        stem: part for stem, _, part in CLIPS
    }


def test_a_split_may_lie_elsewhere(root: Path, tmp_path: Path) -> None:
    release = root / "EMOPIA_1.0"
    expected = parts(EMOPIA(root))
    other = root / "EMOPIA_cls"
    assert parts(EMOPIA(release, split_file=other)) == expected
    assert parts(EMOPIA(release, split_file=other / "dataset" / "split")) == expected
    table = tmp_path / "mine.csv"
    words = {"train": "Train", "val": "validation", "test": "test"}
    rows = (f"{stem},{words[cls]}" for stem, cls, _ in CLIPS if cls)
    write_table(table, "ID,split", *rows)
    assert parts(EMOPIA(release, split_file=table)) == expected
    rows = (f"train,audios/seg/{stem}.mp3" for stem, *_ in CLIPS)
    write_table(table, "set,file", *rows)
    assert set(parts(EMOPIA(release, split_file=table)).values()) == {"train"}


def test_without_a_split_there_is_a_sentence(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert set(parts(EMOPIA(root / "EMOPIA_1.0")).values()) == {None}
    (sentence,) = caplog.messages
    assert "No tables of emopia's split cls" in sentence


def test_a_split_that_can_t_be_read_is_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(CorpusNotFoundError, match="nowhere does not exist"):
        EMOPIA(root, split_file=tmp_path / "nowhere").clips()
    with pytest.raises(CorpusError, match="No split of EMOPIA lies under"):
        EMOPIA(root, split_file=root / "EMOPIA_1.0" / "audios").clips()
    table = tmp_path / "mine.csv"
    write_table(table, "ID,split", f"{CLIPS[0][0]},third")
    with pytest.raises(
        CorpusError, match='row 2, column split: there is no part "third"'
    ):
        EMOPIA(root, split_file=table).clips()
    write_table(table, "tune,split", f"{CLIPS[0][0]},test")
    with pytest.raises(CorpusError, match="has no column of clips"):
        EMOPIA(root, split_file=table).clips()
    write_table(table, "file,set", "one.mp3,test")
    with pytest.raises(CorpusError, match="names none of its clips, but one:"):
        EMOPIA(root, split_file=table).clips()
    write_split(root / "EMOPIA_cls" / "dataset" / "split" / "test.csv", [CLIPS[0][0]])
    with pytest.raises(CorpusError, match=f"puts {CLIPS[0][0]} in test"):
        EMOPIA(root).clips()


def test_channels_are_groups_by_choice(root: Path) -> None:
    groups = {
        clip.id.removeprefix("emopia/"): clip.groups
        for clip in EMOPIA(root, group="channel").clips()
    }
    assert groups["Q1_0vLPYiPN7qY_0"] == ("emopia/0vLPYiPN7qY", "emopia/channel/UC-one")
    assert groups["Q1__kJtgm1OUNA_0"][1] == "emopia/channel/UC-one"
    assert groups["Q4_1A9Hh2GrDTs_0"] == ("emopia/1A9Hh2GrDTs",)
    metadata = root / "EMOPIA_1.0" / "metadata" / "Qx_0vLPYiPN7qY.json"
    metadata.write_text("{")
    with pytest.raises(
        CorpusError, match=r"Qx_0vLPYiPN7qY\.json can't be read as JSON"
    ):
        EMOPIA(root, group="channel").clips()
    assert len(EMOPIA(root).clips()) == len(CLIPS)


def test_other_switches_are_refused(root: Path) -> None:
    with pytest.raises(CorpusError, match="choose cls or release"):
        EMOPIA(root, split="clips")  # type: ignore[arg-type]
    with pytest.raises(CorpusError, match="choose song or channel"):
        EMOPIA(root, group="artist")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [("Q5_x_0,4", "column ID"), ("Q1_x_0,5", "column 4Q"), ("Q1_x,1", "column ID")],
)
def test_other_labels_are_named(root: Path, cell: str, sentence: str) -> None:
    path = root / "EMOPIA_1.0" / "label.csv"
    path.write_text(path.read_text() + f"{cell},A\n")
    with pytest.raises(CorpusError, match=rf"label\.csv, row 17, {sentence}"):
        EMOPIA(root).clips()


def test_a_whole_copy_has_the_published_numbers(tmp_path: Path) -> None:
    stems = {part: list(_clips(part)) for part in PARTS}
    every = [stem for part in PARTS for stem in stems[part]]
    write_table(tmp_path / "label.csv", "ID,4Q,annotator", *_rows(every))
    write_empty(tmp_path / "audios" / "seg", every)
    ends = {"train": (0, 876), "val": (876, 990), "test": (990, 1078)}
    for part, (start, end) in ends.items():
        write_split(tmp_path / "cls" / f"{part}.csv", stems[part])
        write_release_split(tmp_path / "split" / f"{part}_clip.csv", every[start:end])
    corpus = EMOPIA(tmp_path)
    clips = corpus.clips()
    assert corpus.problems() == []
    labels = {"Q1": 250, "Q2": 265, "Q3": 253, "Q4": 310}
    assert Counter(clip.label for clip in clips) == labels
    assert len({clip.groups for clip in clips}) == 387
    sizes = {"train": 767, "val": 198, "test": 86, None: 27}
    assert Counter(clip.part for clip in clips) == sizes
    for part, (songs, _) in PARTS.items():
        those = [clip for clip in clips if (clip.part or "none") == part]
        assert len({clip.groups for clip in those}) == songs
    release = EMOPIA(tmp_path, split="release").clips()
    sizes = {"train": 876, "val": 114, "test": 88}
    assert Counter(clip.part for clip in release) == sizes


def _clips(part: str) -> Iterator[str]:
    songs, numbers = PARTS[part]
    labels = Counter(dict(zip(QUADRANTS, numbers, strict=True))).elements()
    for number, (label, song) in enumerate(zip(labels, cycle(range(songs)))):
        yield f"{label}_{part}-{song:_>5}_{number}"


def _rows(stems: Iterable[str]) -> list[str]:
    return [f"{stem},{stem[1]},A" for stem in stems]


def test_real_notes_are_read() -> None:
    clips = EMOPIA(real_clips()).clips()
    assert Counter(clip.label for clip in clips) == {
        "Q1": 12,
        "Q2": 14,
        "Q3": 12,
        "Q4": 11,
    }
    assert len({clip.groups for clip in clips}) == 21
    assert clips[0].path.name == "Q1_0vLPYiPN7qY_0.mp3"
