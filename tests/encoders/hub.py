import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.loopback import QuietHandler, serving

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def fill_cache(
    cache: Path, repository: str, folder: Path, *, absent: tuple[str, ...] = ()
) -> None:
    place = cache / f"models--{repository.replace('/', '--')}"
    shutil.copytree(folder, place / "snapshots" / COMMIT)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text(COMMIT)
    for name in absent:
        path = place / ".no_exist" / COMMIT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@contextmanager
def hub_that_answers(status: int, code: str) -> Iterator[str]:
    class Handler(QuietHandler):
        def do_GET(self) -> None:  # noqa: N802 (http.server names it)
            # The hub is asked about a repository before its files are read.
            self.send_response(status)
            self.send_header("X-Error-Code", code)
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with serving(Handler) as address:
        yield address


@contextmanager
def hub_of(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve a folder as the repository owner/name; also list what is asked for."""
    requests: list[str] = []

    class Handler(QuietHandler):
        def do_GET(self) -> None:  # noqa: N802 (http.server names it)
            self.answer(whole=True)

        def do_HEAD(self) -> None:  # noqa: N802 (http.server names it)
            self.answer(whole=False)

        def answer(self, whole: bool) -> None:
            path = urlsplit(self.path).path
            requests.append(f"{self.command} {path}")
            name = path.rpartition("/")[2]
            if path.startswith("/api/models/owner/name/tree/"):
                content = json.dumps(
                    [
                        {"type": "file", "path": f.name, "size": f.stat().st_size}
                        | {"oid": f"{number:040x}"}
                        for number, f in enumerate(sorted(folder.iterdir()))
                    ]
                ).encode()
            elif path.startswith("/api/models/owner/name"):
                content = json.dumps({"id": "owner/name", "sha": COMMIT}).encode()
            else:
                content = (folder / name).read_bytes()
            self.send_response(200)
            self.send_header("ETag", f'"{name}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if whole:
                self.wfile.write(content)

    with serving(Handler) as address:
        yield address, requests
