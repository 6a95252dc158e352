import os
import time
from pathlib import Path
from typing import Any

import pytest

from crossemo.cache import UNFINISHED, clear, entries
from crossemo.cli import main
from crossemo.errors import CrossEmoError


def fill(home: Path) -> None:
    for kind, name, size in (
        ("features", "one", 1000),
        ("features", "two", 2000),
        ("waveforms", "three", 500),
        ("elsewhere", "four", 10),
    ):
        folder = home / kind / name
        (folder / "inside").mkdir(parents=True)
        (folder / "inside" / "data").write_bytes(b"x" * size)
    (home / "features" / "two" / "about.json").write_text('{"encoder": "tiny"}')
    (home / "features" / f"{UNFINISHED}5").mkdir()


def test_entries_are_measured_by_kind(tmp_path: Path) -> None:
    fill(tmp_path)
    now = time.time()
    rows = entries(tmp_path)
    assert [(one.kind, one.folder.name, one.size, one.about) for one in rows] == [
        ("features", "two", 2000 + len('{"encoder": "tiny"}'), "tiny"),
        ("features", "one", 1000, ""),
        ("waveforms", "three", 500, ""),
    ]
    assert all(abs(one.used - now) < 60 for one in rows)


def test_only_what_is_named_is_cleared(tmp_path: Path) -> None:
    fill(tmp_path)
    assert clear(["waveforms"], tmp_path) == 500
    assert [one.kind for one in entries(tmp_path)] == ["features", "features"]
    clear(home=tmp_path)
    assert entries(tmp_path) == []
    # What is not crossemo's, and what is being written, stays.
    assert (tmp_path / "elsewhere" / "four" / "inside" / "data").exists()
    assert (tmp_path / "features" / f"{UNFINISHED}5").exists()


def test_the_command_lists_and_clears(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CROSSEMO_CACHE", str(tmp_path))
    fill(tmp_path)
    main(["cache"])
    shown = capsys.readouterr().out
    assert "all features" in shown
    assert "tiny" in shown
    assert str(tmp_path) in "".join(shown.split())
    main(["cache", "--clear", "features"])
    assert "0.0 MB freed" in capsys.readouterr().out
    assert [one.kind for one in entries(tmp_path)] == ["waveforms"]
    main(["cache", "--clear"])
    assert entries(tmp_path) == []


ODD_NOTES = [
    b"",
    b'{"of": "ti',
    b"[1, 2]",
    b"3",
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"of": "' + b"x" * 100_000 + b'"}',
]


@pytest.mark.parametrize("note", ODD_NOTES, ids=range(len(ODD_NOTES)))
def test_a_note_that_says_nothing_is_passed_over(tmp_path: Path, note: bytes) -> None:
    folder = tmp_path / "features" / "one"
    folder.mkdir(parents=True)
    (folder / "about.json").write_bytes(note)
    (entry,) = entries(tmp_path)
    assert entry.about == ""
    assert entry.size == len(note)


def test_whatever_lies_in_the_cache_is_listed_and_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CROSSEMO_CACHE", str(tmp_path / "cache"))
    main(["cache"])  # there is none yet
    main(["cache", "--clear"])
    features = tmp_path / "cache" / "features"
    odd = features / os.fsdecode(b"\xff [/red] \n\x1b[31m")
    (odd / "about.json").mkdir(parents=True)
    (odd / "loop").symlink_to(odd)
    (odd / "circle").symlink_to("circle")
    os.mkfifo(odd / "pipe")
    (odd / "of another calendar").touch()
    os.utime(odd / "of another calendar", (2**34, 2**34))
    (features / "a file").write_text("a user's")
    (features / "circle").symlink_to("circle")
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "file").write_text("a user's")
    (features / "link").symlink_to(theirs)
    (features / ".crossemo-cleared-1" / "x").mkdir(parents=True)  # by a killed --clear
    (features / f"{UNFINISHED}link" / "y").mkdir(parents=True)
    (tmp_path / "cache" / "waveforms").write_text("a file")
    (tmp_path / "cache" / "demo").symlink_to("demo")
    main(["cache"])
    assert "all features" in capsys.readouterr().out
    main(["cache", "--clear"])
    assert "MB freed" in capsys.readouterr().out
    left = {path.name for path in features.iterdir()}
    assert left == {"a file", "circle", f"{UNFINISHED}link"}
    assert (theirs / "file").exists()


def test_what_vanishes_meanwhile_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path)
    lstat, rename = os.lstat, Path.rename

    def gone(path: Any) -> os.stat_result:
        if str(path).endswith("two/about.json"):
            raise FileNotFoundError
        return lstat(path)

    def lost(self: Path, target: Path) -> Path:
        if self.name == "one":
            raise FileNotFoundError
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "lstat", gone)
        assert [one.size for one in entries(tmp_path)] == [2000, 1000, 500]
    note = (tmp_path / "features" / "two" / "about.json").stat().st_size
    monkeypatch.setattr(Path, "rename", lost)
    assert clear(home=tmp_path) == 2500 + note


def test_what_can_not_be_removed_is_named_and_the_rest_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path)
    rename = Path.rename

    def refused(self: Path, target: Path) -> Path:
        if self.name == "two":
            raise PermissionError(13, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refused)
    with pytest.raises(CrossEmoError, match=r"two \(Permission denied\) can't be rem"):
        clear(home=tmp_path)
    assert [one.folder.name for one in entries(tmp_path)] == ["two"]


def test_a_cache_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a user's")
    for ask in (entries, lambda home: clear(home=home)):
        with pytest.raises(CrossEmoError, match=r"cache .*Not a dir.*CROSSEMO_C"):
            ask(tmp_path / "cache")
