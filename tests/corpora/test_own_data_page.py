"""The examples of docs/own-data.md, run on data like theirs."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

import crossemo.corpora
from crossemo.corpora.base import Corpus
from crossemo.corpora.manifest import Manifest
from tests.corpora.trees.base import write_sound, write_table

PAGE = (Path(__file__).parents[2] / "docs" / "own-data.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def data(here: Path) -> Path:
    """A table with values, nEMO in both forms, and folders."""
    write_table(
        here / "mine" / "labels.csv",
        "file;emotion;valence",
        "0.wav;anger;2",
        "1.wav;sadness;3",
        "2.wav;other;5",
    )
    for number in range(3):
        write_sound(here / "mine" / f"{number}.wav")
    row = "MK0_anger_8.wav\tanger\t        MK0"
    write_table(here / "nemo" / "data.tsv", "file_id\temotion\tspeaker_id", row)
    header = "file_name,emotion,speaker"
    row = "samples/MK0_anger_8.wav,anger,MK0"
    write_table(here / "nemo" / "metadata.csv", header, row)
    write_sound(here / "nemo" / "samples" / "MK0_anger_8.wav")
    for name in ("anger/ann_1", "joy/ann_2", "Q4/bob_1", "other/bob_2"):
        write_sound(here / "clips" / f"{name}.wav")
    return here


def corpora() -> list[Corpus]:
    examples = [yaml.safe_load(block) for block in blocks("yaml")]
    return [
        getattr(crossemo.corpora, one["class_path"])(**one["init_args"])
        for one in examples
    ]


def test_the_corpora_of_the_page_are_read(data: Path) -> None:
    table, nemo, folders, hugging = corpora()
    words = {
        clip.id: one.word(str(clip.label))
        for one in (table, nemo, folders)
        for clip in one.clips()
    }
    assert words == {
        "mine/0.wav": "angry",
        "mine/1.wav": "sad",
        "mine/2.wav": None,
        "nemo/samples/MK0_anger_8.wav": "angry",
        "clips/Q4/bob_1.wav": "Q4",
        "clips/anger/ann_1.wav": "angry",
        "clips/joy/ann_2.wav": "happy",
        "clips/other/bob_2.wav": None,
    }
    assert [clip.groups for clip in folders.clips()] == [
        ("bob",),
        ("ann",),
        ("ann",),
        ("bob",),
    ]
    hugging.prepare()
    assert [c.groups for c in hugging.clips()] == [("nemo/speaker/MK0",)]
    assert [c.path.resolve() for c in hugging.clips()] == [
        c.path.resolve() for c in nemo.clips()
    ]
    assert [c.id for c in hugging.clips()] == [c.id for c in nemo.clips()]


def test_tables_are_written_as_the_page_says(data: Path) -> None:
    track = SimpleNamespace(audio_path="mine/0.wav", artist="A", quadrant="Q2")
    dataset = SimpleNamespace(load_tracks=lambda: {"T1": track})
    mirdata, ours = blocks("python")
    exec(mirdata, {"dataset": dataset})
    (clip,) = Manifest("labels.csv", "music", name="x").clips()
    assert (clip.id, clip.label, clip.groups) == ("x/T1", "Q2", ("x/artist/A",))
    corpus = corpora()[0]
    exec(ours, {"corpus": corpus})
    options = yaml.safe_load((data / "deam.yaml").read_text())["init_args"]
    again = Manifest(**options)
    assert [clip.id for clip in again.clips()] == [clip.id for clip in corpus.clips()]
    assert again.scale == corpus.scale
