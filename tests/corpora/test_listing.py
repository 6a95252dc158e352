import os
from pathlib import Path

import pytest

from crossemo.corpora.base import CorpusError
from crossemo.corpora.listing import (
    check_folder,
    walk_files,
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    for name in ("sad/b.wav", "angry/a.wav", "angry/A.MP3", "angry/note.txt"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (root / "angry" / "._a.wav").touch()
    (root / ".trash").mkdir()
    (root / ".trash" / "c.wav").touch()
    return root


def walked(root: Path) -> list[str]:
    return [path.relative_to(root).as_posix() for path in walk_files(root)]


def test_files_come_in_order_without_hidden_ones(tree: Path) -> None:
    assert walked(tree) == ["angry/A.MP3", "angry/a.wav", "sad/b.wav"]
    assert [path.name for path in walk_files(tree, {"txt"})] == ["note.txt"]


@pytest.mark.parametrize("target", ["..", "../..", "../sad", ".", "../../root"])
def test_links_to_what_is_reached_without_them_add_nothing(
    tree: Path, target: str
) -> None:
    before = walked(tree)
    (tree / "angry" / "link").symlink_to(target)
    (tree / "angry" / "more").symlink_to(target)
    (tree / "sad" / "up").symlink_to("..")
    assert walked(tree) == before


def test_links_to_other_places_are_followed_once(tree: Path, tmp_path: Path) -> None:
    other = tmp_path / "disk"
    (other / "deep").mkdir(parents=True)
    (other / "deep" / "d.wav").touch()
    (other / "deep" / "up").symlink_to(other)
    (tree / "calm").symlink_to(other)
    (tree / "zest").symlink_to(other)
    (tree / ".store").mkdir()
    (tree / ".store" / "e.wav").touch()
    (tree / "shown").symlink_to(".store")
    assert walked(tree) == [
        *("angry/A.MP3", "angry/a.wav", "calm/deep/d.wav", "sad/b.wav"),
        "shown/e.wav",
    ]


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="nowhere can't be read: No such file"):
        list(walk_files(tmp_path / "nowhere"))


def test_all_that_bears_a_name_of_audio_is_listed(tree: Path) -> None:
    (tree / "sad" / "c.wav").symlink_to("gone.wav")
    (tree / "sad" / "d.wav").symlink_to("d.wav")
    (tree / "sad" / "e.wav").symlink_to("/dev/zero")
    (tree / "sad" / "f.wav").mkdir()
    (tree / "sad" / "f.wav" / "g.wav").touch()
    names = [f"sad/{name}.wav" for name in ("b", "c", "d", "e", "f.wav/g")]
    assert walked(tree) == ["angry/A.MP3", "angry/a.wav", *names]


def test_a_folder_that_cannot_be_searched_is_named(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stat = os.stat

    def refusing(path: Path, **options: bool) -> os.stat_result:
        if Path(path) == tree / "sad":
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, **options)

    monkeypatch.setattr(os, "stat", refusing)
    with pytest.raises(CorpusError, match="sad can't be read: Permission denied"):
        walked(tree)


def test_what_is_no_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "circle").symlink_to("circle")
    reasons = {
        "file": "file is not a folder: give one",
        "file/below": "below does not exist: give one",
        "gone": "gone does not exist: give one",
        "circle": "circle can't be read: Too many levels of symbolic links",
        "x" * 300: "xxx can't be read: File name too long",
        "a\0b": r"a\\x00b can't be read: embedded null",
    }
    check_folder(tmp_path, "give one")
    for name, reason in reasons.items():
        with pytest.raises(CorpusError, match=reason):
            check_folder(tmp_path / name, "give one")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_names_that_are_not_utf_8_are_walked_too(tree: Path) -> None:
    raw = os.fsencode(tree / "sad") + b"/\xff.wav"
    os.close(os.open(raw, os.O_CREAT))
    assert len(walked(tree)) == 4
