"""The page in headless Chromium: no request leaves, axe-core finds nothing serious.

`AXE_CORE` names axe.min.js, which `npm pack axe-core` downloads.
"""

import json
import os
import re
from collections.abc import Iterator
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from crossemo.report.report_files import PAGE
from tests.report.browser import CHROMIUM, opened
from tests.report.conftest import Written

AXE = os.environ.get("AXE_CORE", "")
POLICY = re.compile(r"<meta http-equiv=\"Content-Security-Policy\"[^>]*>")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="Chromium isn't installed")


def answer(written: Written, tmp_path: Path, script: str, **options: Any) -> Any:
    """What a script of a test's own gives, run in a copy of the page."""
    text = (written.folder / PAGE).read_text("utf-8")
    text, times = POLICY.subn("", text)
    assert times == 1
    tell = """
    <script>addEventListener("load", async () => {
      const value = await (async () => { %s })();
      const box = document.createElement("pre");
      box.id = "answer";
      box.textContent = JSON.stringify(value);
      document.body.append(box);
    });</script></body>"""
    copy = tmp_path / "copy.html"
    copy.write_text(text.replace("</body>", tell % script), "utf-8")
    shown = opened(copy, tmp_path / "profile", **options)
    match = re.search(r'<pre id="answer">(.*?)</pre>', shown, re.DOTALL)
    assert match, shown[-2000:]
    return json.loads(unescape(match[1]))


@pytest.mark.skipif(not AXE, reason="AXE_CORE doesn't name axe.min.js")
@pytest.mark.parametrize("width", [1400, 400])
def test_axe_finds_nothing_serious(
    written: Written, tmp_path: Path, width: int
) -> None:
    script = f"{Path(AXE).read_text('utf-8')}\nreturn await axe.run(document);"
    report = answer(written, tmp_path, script, width=width)
    assert len(report["passes"]) > 40
    serious = [
        (one["id"], one["nodes"][0]["html"])
        for one in report["violations"]
        if one["impact"] in ("serious", "critical")
    ]
    assert serious == []


@pytest.mark.parametrize("width", [1400, 400])
def test_tables_scroll_and_the_page_does_not(
    written: Written, tmp_path: Path, width: int
) -> None:
    widths = answer(
        written,
        tmp_path,
        """const boxes = [...document.querySelectorAll(".scroll")];
        return [document.documentElement.scrollWidth, innerWidth,
          boxes.filter((box) => box.scrollWidth > box.clientWidth).length];""",
        width=width,
    )
    assert widths[0] <= widths[1]
    assert widths[2] > 0 or width > 400


def test_runs_are_sorted_and_filtered(written: Written, tmp_path: Path) -> None:
    sorted_runs, count, shown, at_goal = answer(
        written,
        tmp_path,
        """const table = document.getElementById("runs-table");
        const rows = () => [...table.tBodies[0].rows];
        const heads = [...table.tHead.rows[0].cells];
        const seconds = heads.findIndex((one) => one.textContent === "seconds");
        const button = heads[seconds].querySelector("button");
        button.click();
        button.click();
        const first = rows().map((row) => row.cells[seconds].textContent);
        const input = document.getElementById("runs-table-filter");
        input.value = "baseline fold1";
        input.dispatchEvent(new Event("input"));
        const count = document.querySelector(".filter [role=status]").textContent;
        const shown = rows().filter((row) => !row.hidden).length;
        const hidden = rows().find((row) => row.hidden);
        location.hash = "#" + hidden.id;
        await new Promise((done) => setTimeout(done, 200));
        return [first, count, shown, hidden.hidden];""",
    )
    seconds = written.frames["runs"]["seconds"].dropna()
    numbers = [float(text) for text in sorted_runs if text]
    assert numbers == sorted(seconds, reverse=True)
    assert (count, shown) == (f"2 of {len(written.frames['runs'])}", 2)
    assert at_goal is False  # a link to a run shows it again


class _Server(BaseHTTPRequestHandler):
    paths: list[str]

    def do_GET(self) -> None:
        self.paths.append(self.path)
        self.send_response(404)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """The address of a server, and what it was asked for."""
    _Server.paths = []
    made = ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    Thread(target=made.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{made.server_port}", _Server.paths
    made.shutdown()
    made.server_close()


def test_no_request_leaves_even_if_the_page_asked_for_one(
    written: Written, tmp_path: Path, server: tuple[str, list[str]]
) -> None:
    address, paths = server
    asking = "".join(
        (
            f'<img src="{address}/image">',
            f'<link rel="stylesheet" href="{address}/style">',
            f'<script src="{address}/script"></script>',
            f'<iframe src="{address}/frame"></iframe></body>',
        )
    )
    text = (written.folder / PAGE).read_text("utf-8").replace("</body>", asking)
    guarded, bare = tmp_path / "guarded.html", tmp_path / "bare.html"
    guarded.write_text(text, "utf-8")
    bare.write_text(POLICY.sub("", text), "utf-8")
    opened(guarded, tmp_path / "one")
    assert paths == []
    opened(bare, tmp_path / "two")
    assert {"/image", "/style", "/script", "/frame"} <= set(paths)


def test_chromium_is_asked_for_nothing_but_the_page(
    written: Written, tmp_path: Path
) -> None:
    log, page = tmp_path / "net.json", written.folder / PAGE
    opened(page, tmp_path / "profile", 1400, f"--log-net-log={log}")
    addresses = re.findall(r'"url":"(?:https?|wss?|ftp)://([^/"]+)', log.read_text())
    own = ("google.com", "googleapis.com", "gvt1.com")  # Chromium's, whatever is shown
    assert [one for one in addresses if not one.endswith(own)] == []
