import json
import logging
import zlib
from pathlib import Path

import pytest

from crossemo.cache import SUMS, is_whole, sums, sums_of, write_sums


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "below").mkdir()
    (tmp_path / "one").write_bytes(b"123456789")
    (tmp_path / "below" / "two").write_bytes(bytes(range(256)) * 5000)
    write_sums(tmp_path / SUMS, [tmp_path / "one", tmp_path / "below" / "two"])
    return tmp_path


def test_sums_are_sizes_and_crcs(folder: Path) -> None:
    rows = json.loads((folder / SUMS).read_text())
    assert rows["one"] == [9, 0xCBF43926]  # the check value of CRC-32 in the catalogues
    large = (folder / "below" / "two").read_bytes()
    assert rows["below/two"] == [len(large), zlib.crc32(large)]
    assert is_whole(folder / SUMS)


def test_every_flipped_bit_is_noticed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "file"
    content = b"of one clip"
    for bit in range(8 * len(content)):
        file.write_bytes(content)
        write_sums(sums_of(file), [file])
        assert is_whole(sums_of(file))
        altered = bytearray(content)
        altered[bit // 8] ^= 1 << bit % 8
        file.write_bytes(altered)
        caplog.clear()
        assert not is_whole(sums_of(file))
        (line,) = caplog.messages
        assert line == f"{file} is not as it was written: it is made again."
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    ["", "{}", "[]", "3", "{", '{"one": 3}', '{"no\\u0000": [9, 1]}', "[" * 10**5],
)
def test_sums_that_say_nothing_count_as_damage(folder: Path, content: str) -> None:
    (folder / SUMS).write_text(content)
    assert not is_whole(folder / SUMS)
    assert not (folder / SUMS).exists()


def test_every_flipped_bit_of_the_sums_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "file"
    for bit in range(8 * len('{"file": [4, 1234567890]}')):
        file.write_bytes(b"text")
        write_sums(sums_of(file), [file])
        altered = bytearray(sums_of(file).read_bytes())
        altered[bit // 8 % len(altered)] ^= 1 << bit % 8
        sums_of(file).write_bytes(altered)
        assert not is_whole(sums_of(file))


@pytest.mark.parametrize("change", ["cut", "longer", "gone", "a folder", "a circle"])
def test_a_file_that_has_changed_is_removed_with_the_sums(
    folder: Path, change: str
) -> None:
    file = folder / "below" / "two"
    content = file.read_bytes()
    file.unlink()
    if change == "cut":
        file.write_bytes(content[:-1])
    elif change == "longer":
        file.write_bytes(content + b"x")
    elif change == "a folder":
        file.mkdir()
    elif change == "a circle":
        file.symlink_to("two")
    assert not is_whole(folder / SUMS)
    assert not (folder / SUMS).exists()
    assert not file.is_file()
    assert (folder / "one").exists()


def test_nothing_there_is_nothing_to_speak_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert not is_whole(tmp_path / "nowhere" / SUMS)
    assert not is_whole(tmp_path / f"{'long' * 100}" / SUMS)
    assert caplog.messages == []


def test_a_process_reads_a_file_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[str] = []
    measure = sums._measure

    def counting(file: Path) -> list[int]:
        measured.append(file.name)
        return measure(file)

    monkeypatch.setattr(sums, "_measure", counting)
    assert all(is_whole(folder / SUMS) for _ in range(3))
    assert sorted(measured) == ["one", "two"]
    (folder / "one").write_bytes(b"x23456789")
    assert not is_whole(folder / SUMS)


def test_files_that_are_renewed_meanwhile_are_no_damage(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    measure = sums._measure

    def overtaken(file: Path) -> list[int]:
        monkeypatch.undo()
        (folder / "one").write_bytes(b"new")
        write_sums(folder / SUMS, [folder / "one"])
        return measure(file)

    monkeypatch.setattr(sums, "_measure", overtaken)
    assert is_whole(folder / SUMS)
    assert caplog.messages == []


def test_a_stamped_file_is_read_where_its_time_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "one"
    file.write_bytes(b"123456789")
    write_sums(tmp_path / SUMS, [file], stamped=True)
    monkeypatch.setattr(sums, "_verified", {})
    with monkeypatch.context() as patch:
        patch.setattr(sums, "_measure", None)  # it is not read
        assert is_whole(tmp_path / SUMS)
    monkeypatch.setattr(sums, "_verified", {})
    file.touch()
    assert is_whole(tmp_path / SUMS)
    monkeypatch.setattr(sums, "_verified", {})
    file.write_bytes(b"123456788")  # at once, of the same size
    assert not is_whole(tmp_path / SUMS)
    assert not file.exists()


def test_a_change_within_the_tick_of_a_stamp_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "one"
    for number in range(20):
        file.write_bytes(b"123456789")
        write_sums(tmp_path / SUMS, [file], stamped=True)
        file.write_bytes(b"%09d" % number)
        assert not is_whole(tmp_path / SUMS)
