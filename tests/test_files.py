from pathlib import Path

import pytest

from crossemo.files import write_csv, write_text


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


def test_a_table_has_the_columns_of_all_rows(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    write_csv(path, [{"a": 1, "b": "x, y"}, {"a": 2.5, "c": 3}])
    assert path.read_text() == 'a,b,c\n1,"x, y",\n2.5,,3\n'
