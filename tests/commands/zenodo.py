"""A stand-in for Zenodo."""

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from tests.loopback import QuietHandler, serving


@dataclass
class Zenodo:
    """A server on this machine, with the manners of a bad day.

    Args:
        files: What it offers.
        break_after: Bytes after which each transfer breaks off.
        ranges: Whether it knows ranges.
        errors: Status codes that it answers first.
        asked: The range of each request, empty where none was asked.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    break_after: int | None = None
    ranges: bool = True
    errors: list[int] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        name, _, query = handler.path.strip("/").partition("?")
        assert query == "download=1"
        wanted = handler.headers.get("Range", "")
        self.asked.append(wanted)
        if self.errors:
            return handler.send_error(self.errors.pop(0))
        content, start = self.files[name], 0
        if wanted and self.ranges:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                return handler.send_error(416)
        handler.send_response(206 if start else 200)
        handler.send_header("Content-Length", str(len(content) - start))
        handler.end_headers()
        stop = None if self.break_after is None else start + self.break_after
        handler.wfile.write(content[start:stop])


@contextmanager
def open_zenodo() -> Iterator[Zenodo]:
    """Serve until the end of the block; nothing is offered at first."""
    served = Zenodo()

    class Handler(QuietHandler):
        def do_GET(self) -> None:  # noqa: N802 (http.server names it)
            served.answer(self)

    with serving(Handler) as served.url:
        yield served


def zipped(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return content.getvalue()
