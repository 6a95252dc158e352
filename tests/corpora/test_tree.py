import os
from pathlib import Path

import pytest

from crossemo.corpora.base import CorpusNotFoundError
from crossemo.corpora.tree import Tree, pointers


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("b/one.wav", "a/one.mp3", "a/Labels.CSV", "a/.two.wav", "x/three.wav"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return tmp_path


def test_audio_is_known_by_its_stem_wherever_it_lies(root: Path) -> None:
    audio = Tree(root, "give one").audio
    assert audio == {"one": root / "a" / "one.mp3", "three": root / "x" / "three.wav"}
    assert list(Tree(root, "give one", passed_over=("x",)).audio) == ["one"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_one_name_may_be_spelt_in_two_ways(tmp_path: Path) -> None:
    (tmp_path / "fro\u0308h.wav").touch()
    assert list(Tree(tmp_path, "give one").audio) == ["fr\xf6h"]


def test_tables_are_known_by_name_whatever_the_case(root: Path) -> None:
    tree = Tree(root, "give the folder Moods")
    assert tree.table("missing.csv", "labels.csv") == root / "a" / "Labels.CSV"
    assert tree.tables("missing.csv") == []
    sentence = r"No one\.csv or two\.csv lies under .*: give the folder Moods\."
    with pytest.raises(CorpusNotFoundError, match=sentence):
        tree.table("one.csv", "two.csv")


def test_numbered_audio_is_that_of_folders_of_a_name(tmp_path: Path) -> None:
    for name in ("x/Clips/disc/1.mp3", "x/Clips/2.mp3", "y/1.mp3", "y/2.mp3"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    clips = tmp_path / "x" / "Clips"
    audio = {"1": clips / "disc" / "1.mp3", "2": clips / "2.mp3"}
    assert Tree(tmp_path, "give one").audio_in("clips") == audio
    assert Tree(tmp_path, "give one").audio_in("others") == {}
    assert list(Tree(tmp_path / "y", "give one").audio_in("others")) == ["1", "2"]


def test_a_table_is_told_from_namesakes_by_its_columns(tmp_path: Path) -> None:
    for name, columns in (("a", "id,mood"), ("b", '\ufeff"id" , valence,arousal')):
        (tmp_path / name).mkdir()
        (tmp_path / name / "labels.csv").write_text(columns, encoding="utf-8")
    tree = Tree(tmp_path, "give one")
    first, second = tree.tables("labels.csv")
    assert tree.table("labels.csv", columns=("id", "valence")) == second
    assert tree.table("labels.csv", columns=("id",)) == first
    assert tree.table("labels.csv", columns=("dominance",)) == first


def test_tables_may_be_told_apart_by_their_folder(root: Path) -> None:
    (root / "x" / "labels.csv").touch()
    tree = Tree(root, "give the folder Moods")
    assert tree.tables("labels.csv") == [root / "a/Labels.CSV", root / "x/labels.csv"]
    assert tree.tables("X/labels.csv") == [root / "x" / "labels.csv"]
    assert tree.tables("y/labels.csv") == tree.tables("c/x/labels.csv") == []


def test_audio_may_be_taken_below_a_folder(root: Path) -> None:
    tree = Tree(root, "give one")
    assert tree.audio_below(root / "b") == {"one": root / "b" / "one.wav"}
    assert tree.audio_below(root) == tree.audio


def test_pointers_are_what_begins_like_one(root: Path) -> None:
    real, pointer = root / "b" / "one.wav", root / "x" / "three.wav"
    real.write_bytes(b"RIFF")
    pointer.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    assert pointers([real, pointer, root / "gone.wav"]) == {pointer}


def test_columns_tell_tables_of_one_name_whatever_their_case(tmp_path: Path) -> None:
    for folder, header in (("a", "name,class"), ("b", " id,4q,Annotator")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "label.csv").write_text(f"{header}\n")
    tree = Tree(tmp_path, "give one")
    assert tree.table("label.csv", columns=("ID", "4Q")).parent.name == "b"
