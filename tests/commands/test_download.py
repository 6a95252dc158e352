import hashlib
import io
import os
import stat
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crossemo.commands import download as module
from crossemo.commands.download import (
    PAUSES,
    DownloadError,
    download,
    fetch_archives,
)
from crossemo.corpora.base import Archive
from crossemo.corpora.ravdess import RAVDESS
from tests.commands.zenodo import Zenodo, open_zenodo, zipped
from tests.corpora.ravdess_tree import write_ravdess
from tests.loopback import QuietHandler, serving

SPEECH = "Audio_Speech_Actors_01-24.zip"


@pytest.fixture
def zenodo() -> Iterator[Zenodo]:
    with open_zenodo() as served:
        yield served


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    taken: list[float] = []
    monkeypatch.setattr(module, "sleep", taken.append)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return taken


def archive(content: bytes, name: str = SPEECH) -> Archive:
    return Archive(name, hashlib.md5(content).hexdigest())


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    root = tmp_path_factory.mktemp("speech")
    write_ravdess(root, (1,), ("speech",), seconds=0.05, layout="together")
    return zipped(
        {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*.wav")}
    )


@pytest.fixture
def fetch(zenodo: Zenodo, tmp_path: Path) -> Callable[..., None]:
    def run(content: bytes, **manners: object) -> None:
        zenodo.files[SPEECH] = content
        for name, value in manners.items():
            setattr(zenodo, name, value)
        fetch_archives(tmp_path, zenodo.url, [archive(content)])

    return run


def left(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_both_archives_arrive_and_are_a_corpus(
    zenodo: Zenodo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made, home = tmp_path / "made", tmp_path / "deep" / "data"
    archives = []
    for channel, name in zip(
        ("speech", "song"), (one.name for one in RAVDESS.archives), strict=True
    ):
        root = made / channel
        write_ravdess(root, (1, 2), (channel,), seconds=0.02, layout="together")
        content = zipped(
            {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*.wav")}
        )
        zenodo.files[name] = content
        archives.append(archive(content, name))
    fetch_archives(home, zenodo.url, archives)
    assert left(home) == ["Audio_Song_Actors_01-24", "Audio_Speech_Actors_01-24"]
    assert len(RAVDESS(home).clips()) == 120
    assert len(RAVDESS(home, "song").clips()) == 88

    fetch_archives(home, zenodo.url, archives)
    assert len(zenodo.asked) == 2
    assert capsys.readouterr().err.count("is there already") == 2


def test_the_folder_can_be_read_by_others(
    fetch: Callable[..., None], tmp_path: Path, speech: bytes
) -> None:
    fetch(speech)
    (tmp_path / "compare").mkdir()
    modes = [stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()]
    assert len(modes) == 2
    assert modes[0] == modes[1]


def test_a_broken_transfer_goes_on_where_it_stopped(
    fetch: Callable[..., None],
    zenodo: Zenodo,
    pauses: list[float],
    tmp_path: Path,
    speech: bytes,
    capsys: pytest.CaptureFixture[str],
) -> None:
    step = len(speech) // 4 + 1
    fetch(speech, break_after=step)
    assert zenodo.asked == ["", *(f"bytes={n * step}-" for n in (1, 2, 3))]
    assert pauses == [1, 2, 4]
    assert "bytes; next try in 4 s." in capsys.readouterr().err
    assert len(RAVDESS(tmp_path).clips()) == 60


def test_a_transfer_that_keeps_breaking_is_given_up_and_its_part_kept(
    fetch: Callable[..., None], pauses: list[float], tmp_path: Path, speech: bytes
) -> None:
    with pytest.raises(DownloadError, match=r"broke off after 6000 of \d+ bytes") as e:
        fetch(speech, break_after=1000)
    assert "goes on where this one stopped" in str(e.value)
    assert pauses == list(PAUSES)
    assert (tmp_path / f"{SPEECH}.part").read_bytes() == speech[:6000]

    fetch(speech, break_after=None)
    assert left(tmp_path) == [SPEECH.removesuffix(".zip")]


def test_a_server_without_ranges_starts_again(
    fetch: Callable[..., None], zenodo: Zenodo, tmp_path: Path, speech: bytes
) -> None:
    (tmp_path / f"{SPEECH}.part").write_bytes(b"an older beginning")
    fetch(speech, ranges=False)
    assert zenodo.asked == ["bytes=18-"]
    assert len(RAVDESS(tmp_path).clips()) == 60


def test_a_complete_part_is_only_checked(
    fetch: Callable[..., None], zenodo: Zenodo, tmp_path: Path, speech: bytes
) -> None:
    (tmp_path / f"{SPEECH}.part").write_bytes(speech)
    fetch(speech)
    assert zenodo.asked == [f"bytes={len(speech)}-"]
    assert len(RAVDESS(tmp_path).clips()) == 60


def test_a_wrong_sum_is_refused_and_nothing_stays(
    zenodo: Zenodo, tmp_path: Path, speech: bytes
) -> None:
    zenodo.files[SPEECH] = speech[:-1] + b"!"
    with pytest.raises(DownloadError, match=r"MD5 sum \w{32} instead of \w{32} and"):
        fetch_archives(tmp_path, zenodo.url, [archive(speech)])
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    "name",
    ["../escaped.wav", "/escaped.wav", "C:escaped.wav", "a\\..\\..\\escaped.wav"],
)
def test_a_name_that_leads_elsewhere_is_refused_before_anything_is_written(
    fetch: Callable[..., None], tmp_path: Path, name: str
) -> None:
    content = zipped({"Actor_01/03-01-01-01-01-01-01.wav": b"fine", name: b"not fine"})
    with pytest.raises(DownloadError, match=r"unsafe entry .*escaped\.wav"):
        fetch(content)
    assert left(tmp_path) == [f"{SPEECH}.part"]
    assert not (tmp_path.parent / "escaped.wav").exists()


def test_a_link_is_refused(fetch: Callable[..., None], tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as made:
        link = zipfile.ZipInfo("Actor_01")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        made.writestr(link, "/etc")
    with pytest.raises(DownloadError, match="unsafe entry 'Actor_01'"):
        fetch(content.getvalue())
    assert left(tmp_path) == [f"{SPEECH}.part"]


def test_a_damaged_entry_leaves_no_half_of_the_folder(
    fetch: Callable[..., None], tmp_path: Path
) -> None:
    content = zipped({"Actor_01/a.wav": b"first", "Actor_01/b.wav": b"second clip"})
    with pytest.raises(DownloadError, match="not a sound zip file: Bad CRC"):
        fetch(content.replace(b"second clip", b"other bytes"))
    assert left(tmp_path) == [f"{SPEECH}.part"]


def test_what_is_no_zip_is_refused(fetch: Callable[..., None]) -> None:
    with pytest.raises(DownloadError, match="not a sound zip file"):
        fetch(b"<html>Sign in to the hotel's network</html>")


def test_a_busy_server_is_asked_again(
    fetch: Callable[..., None], pauses: list[float], tmp_path: Path, speech: bytes
) -> None:
    fetch(speech, errors=[429, 503])
    assert pauses == [1, 2]
    assert len(RAVDESS(tmp_path).clips()) == 60


def test_a_missing_file_is_not_asked_for_again(
    fetch: Callable[..., None], pauses: list[float], speech: bytes
) -> None:
    with pytest.raises(DownloadError, match="the server answered 404 Not Found"):
        fetch(speech, errors=[404])
    assert pauses == []


def test_no_network_is_one_sentence(pauses: list[float], tmp_path: Path) -> None:
    with serving(QuietHandler) as gone:
        pass
    with pytest.raises(DownloadError, match=r"no connection: .*refused.*check the net"):
        fetch_archives(tmp_path, gone, RAVDESS.archives)
    assert pauses == list(PAUSES)


def test_a_silent_server_is_given_up(
    zenodo: Zenodo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TIMEOUT", 0.05)
    monkeypatch.setattr(module, "PAUSES", (1,))
    monkeypatch.setattr(zenodo, "answer", lambda handler: handler.rfile.read(1))
    with pytest.raises(DownloadError, match="timed out"):
        fetch_archives(tmp_path, zenodo.url, RAVDESS.archives)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
def test_a_full_disk_is_one_sentence(
    fetch: Callable[..., None], pauses: list[float], tmp_path: Path, speech: bytes
) -> None:
    os.symlink("/dev/full", tmp_path / f"{SPEECH}.part")
    with pytest.raises(DownloadError, match="can't be written: No space left"):
        fetch(speech)
    assert pauses == []


def test_a_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(DownloadError, match="data can't be written: File exists"):
        download("ravdess", tmp_path / "data")


def test_a_folder_of_other_things_is_not_written_over(
    fetch: Callable[..., None], tmp_path: Path, speech: bytes
) -> None:
    folder = tmp_path / SPEECH.removesuffix(".zip")
    folder.mkdir()
    (folder / "notes.txt").touch()
    with pytest.raises(DownloadError, match="can't be written: Directory not empty"):
        fetch(speech)
    assert left(folder) == ["notes.txt"]


def test_a_corpus_under_lock_is_not_fetched(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="can't fetch 'iemocap': only ravdess"):
        download("iemocap", tmp_path)


def test_ravdess_is_what_is_fetched_from_zenodo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def refuse(url: str, part: Path, progress: object) -> None:
        asked.append((url, part.name))
        raise DownloadError("no network in tests")

    monkeypatch.setattr(module, "_fetch", refuse)
    with pytest.raises(DownloadError, match="no network"):
        download("ravdess", tmp_path)
    assert asked == [
        (
            f"https://zenodo.org/records/1188976/files/{SPEECH}?download=1",
            f"{SPEECH}.part",
        )
    ]
