import os
import subprocess
import sys
from pathlib import Path

import pytest

from crossemo.files import from_here, replacing_in, write_csv, write_text


def test_replaces_a_file_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "folder" / "results.json"
    write_text(target, "old")
    write_text(target, "é")
    assert target.read_text(encoding="utf-8") == "é"
    assert [path.name for path in target.parent.iterdir()] == ["results.json"]


def test_a_failed_write_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "results.json"
    write_text(target, "old")

    def full(self: Path, *args: object, **kwargs: object) -> int:
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        write_text(target, "new")
    monkeypatch.undo()
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


def test_a_file_is_on_the_disk_before_it_gets_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "results.json"
    calls: list[tuple[object, object]] = []
    write_text(target, "old")
    fsync, rename = os.fsync, Path.replace

    def recorded_fsync(descriptor: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        calls.append((path == tmp_path, target.read_text()))
        fsync(descriptor)

    def recorded_rename(self: Path, other: Path) -> Path:
        calls.append(("rename", self.parent == other.parent))
        return rename(self, other)

    monkeypatch.setattr(os, "fsync", recorded_fsync)
    monkeypatch.setattr(Path, "replace", recorded_rename)
    write_text(target, "new")
    assert calls == [(False, "old"), ("rename", True), (True, "new")]


def test_names_are_shown_alike_in_every_locale() -> None:
    script = "import sys; from crossemo.files import printable; "
    script += r"print(ascii(printable('\xe9') + printable(sys.argv[1])))"
    shown = subprocess.run(
        [sys.executable, "-c", script, b"\xc3\xa9\xff"],
        env=os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert shown == r"'\xe9\xe9\\xff'" + "\n"


def test_files_take_their_places_together_or_not_at_all(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text("old")

    def write(fails: bool) -> None:
        with replacing_in(tmp_path) as folder:
            (folder / "a").write_text("new")
            if fails:
                raise OSError(28, "No space left on device")
            (folder / "b").write_text("new")

    with pytest.raises(OSError, match="No space left"):
        write(fails=True)
    assert {path.read_text() for path in tmp_path.iterdir()} == {"old"}
    write(fails=False)
    texts = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert texts == {"a": "new", "b": "new", "c": "old"}


def test_bytes_of_a_name_that_are_no_text_are_written_as_python_shows_them(
    tmp_path: Path,
) -> None:
    write_text(tmp_path / "names", os.fsdecode(b"gr\xfc\xc3\xbc"))
    assert (tmp_path / "names").read_text("utf-8") == "gr\\udcfcü"


def test_a_table_has_the_columns_of_all_rows(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    write_csv(path, [{"a": 1, "b": "x, y"}, {"a": 2.5, "c": 3}])
    assert path.read_text() == 'a,b,c\n1,"x, y",\n2.5,,3\n'


def test_a_path_is_shown_from_here_and_in_full_where_that_is_no_shorter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert from_here(tmp_path / "here" / "logs") == "logs"
    assert from_here(tmp_path / "logs") == str(tmp_path / "logs")
    (tmp_path / "here").rmdir()
    assert from_here(tmp_path / "here" / "logs") == str(tmp_path / "here" / "logs")
