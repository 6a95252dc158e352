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
