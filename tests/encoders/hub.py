import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
        def do_HEAD(self) -> None:  # noqa: N802 (http.server names it)
            # The hub is asked about a file before it is read.
            self.send_response(status)
            self.send_header("X-Error-Code", code)
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with serving(Handler) as address:
        yield address
