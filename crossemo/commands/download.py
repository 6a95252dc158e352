"""Fetch a corpus, going on where it broke off: crossemo download ravdess DIR.

Sums are checked, and nothing is unpacked outside of its folder.
"""

import hashlib
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from time import sleep
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from zipfile import BadZipFile, ZipFile, ZipInfo

from jsonargparse import auto_cli
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from crossemo.commands.parser import Parser
from crossemo.corpora import corpus_classes
from crossemo.corpora.base import Archive
from crossemo.errors import CrossEmoError, reason_of
from crossemo.files import expanded

TIMEOUT = 30.0  # seconds without an answer or a byte
PAUSES = (1, 2, 4, 8, 16)  # seconds before each new try
_BLOCK = 1 << 16  # bytes
_BUSY = (408, 425, 429)  # HTTP answers that ask to come again, as do those of 5xx


class DownloadError(CrossEmoError):
    """A corpus that could not be fetched or unpacked; the message says why."""


class _BrokenTransferError(Exception):
    """A transfer that may go on at the next try."""


def main(typed: list[str]) -> None:
    """Run `download`."""
    auto_cli(download, args=typed, prog="crossemo download", parser_class=Parser)


def download(corpus: str, directory: Path) -> None:
    """Fetch and unpack a corpus.

    Args:
        corpus: Name of the corpus, such as ravdess; many must be asked for by hand.
        directory: Folder that receives it; made where it is missing.

    Raises:
        DownloadError: There is no such corpus, or it can't be fetched or unpacked.
    """
    corpora = {n.lower(): one for n, one in corpus_classes().items() if one.archives}
    if corpus.lower() not in corpora:
        names = ", ".join(corpora)
        raise DownloadError(f"crossemo can't fetch {corpus!r}: only {names}.")
    known = corpora[corpus.lower()]
    fetch_archives(directory, known.address, known.archives)


def fetch_archives(directory: Path, address: str, archives: Sequence[Archive]) -> None:
    """Fetch and unpack the archives of a corpus.

    What is there already is skipped, and a transfer that broke off goes on where it
    stopped, from `<archive>.part`.

    Args:
        directory: Folder that receives one folder per archive.
        address: Address of the folder that holds the archives.
        archives: What to fetch.

    Raises:
        DownloadError: An archive can't be fetched or written, its sum is wrong, or it
            holds an unsafe file name.
    """
    directory = expanded(directory)
    with _writing(directory), _progress() as progress:
        directory.mkdir(parents=True, exist_ok=True)
        for archive in archives:
            _fetch_and_unpack(archive, directory, address, progress)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True, markup=False),
    )


def _fetch_and_unpack(
    archive: Archive, directory: Path, address: str, progress: Progress
) -> None:
    target = directory / archive.name.removesuffix(".zip")
    if next(target.rglob("*.wav"), None):
        progress.console.print(f"{target} is there already.")
        return
    part = directory / f"{archive.name}.part"
    _fetch(f"{address}/{archive.name}?download=1", part, progress)
    _verify(part, archive)
    _unpack(part, target)
    part.unlink()


def _fetch(url: str, part: Path, progress: Progress) -> None:
    task = progress.add_task(part.stem, total=None)
    for pause in (*PAUSES, None):
        try:
            return _transfer(url, part, progress, task)
        except _BrokenTransferError as error:
            if pause is None:
                raise DownloadError(
                    f"{url} could not be fetched ({error}): check the network and run "
                    "the command again, which goes on where this one stopped."
                ) from error
            progress.console.print(f"{error}; next try in {pause} s.")
            sleep(pause)


def _transfer(url: str, part: Path, progress: Progress, task: TaskID) -> None:
    """Add to the part what the server sends beyond it.

    Raises:
        _BrokenTransferError: The transfer may go on at the next try.
        DownloadError: It can't.
    """
    start = part.stat().st_size if part.exists() else 0
    response = _request(url, start)
    if response is None:
        return
    with response, _writing(part):
        # A server that knows no ranges sends everything, with status 200.
        start = start if response.status == 206 else 0
        length = response.headers["Content-Length"]
        total = None if length is None else start + int(length)
        progress.update(task, completed=start, total=total)
        with part.open("ab" if start else "wb") as file:
            while block := _receive(response):
                file.write(block)
                progress.advance(task, len(block))
            if total is not None and file.tell() < total:
                raise _BrokenTransferError(
                    f"the transfer broke off after {file.tell()} of {total} bytes"
                )


def _request(url: str, start: int) -> HTTPResponse | None:
    """Ask for the bytes from `start` on; None says that there are none."""
    request = Request(url, headers={"User-Agent": "crossemo"})
    if start:
        request.add_header("Range", f"bytes={start}-")
    try:
        response: HTTPResponse = urlopen(request, timeout=TIMEOUT)
    except HTTPError as error:
        error.close()
        if error.code == 416 and start:
            return None
        answer = f"the server answered {error.code} {error.reason}"
        if error.code >= 500 or error.code in _BUSY:
            raise _BrokenTransferError(answer) from error
        raise DownloadError(f"{url} could not be fetched: {answer}.") from error
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise _BrokenTransferError(f"no connection: {reason}") from error
    return response


def _receive(response: HTTPResponse) -> bytes:
    try:
        return response.read(_BLOCK)
    except (OSError, HTTPException) as error:
        raise _BrokenTransferError(f"the transfer broke off: {error}") from error


def _verify(part: Path, archive: Archive) -> None:
    with part.open("rb") as file:
        md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
    if md5.hexdigest() != archive.md5:
        part.unlink()
        raise DownloadError(
            f"{archive.name} arrived with the MD5 sum {md5.hexdigest()} instead of "
            f"{archive.md5} and was deleted: run the command again."
        )


def _unpack(archive: Path, target: Path) -> None:
    """Unpack beside the target and rename, so that the target is whole or absent."""
    try:
        with (
            _writing(target),
            ZipFile(archive) as zipped,
            TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as nearby,
        ):
            for member in zipped.infolist():
                _refuse_unsafe(member, archive)
            inside = Path(nearby, target.name)
            zipped.extractall(inside)
            inside.rename(target)
    except BadZipFile as error:
        raise DownloadError(f"{archive} is not a sound zip file: {error}.") from error


def _refuse_unsafe(member: ZipInfo, archive: Path) -> None:
    path = PurePosixPath(member.filename.replace("\\", "/"))
    drive = re.match(r"[A-Za-z]:", member.filename)
    link = stat.S_ISLNK(member.external_attr >> 16)
    if path.is_absolute() or ".." in path.parts or drive or link:
        raise DownloadError(
            f"{archive} holds the unsafe entry {member.filename!r}, which could be "
            "written elsewhere, so nothing was unpacked."
        )


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn what the disk refuses into one sentence; network errors don't pass here."""
    try:
        yield
    except OSError as error:
        raise DownloadError(f"{path} can't be written: {reason_of(error)}.") from error
