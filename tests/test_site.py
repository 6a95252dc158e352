"""The site of the pages builds without a warning, and asks no other machine."""

import re
import subprocess
import sys
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlencode

import pytest

import crossemo
from crossemo import RAVDESS, Stage, load_encoder
from crossemo.errors import CrossEmoError
from crossemo.mix import LayerMix
from crossemo.tasks import task_of
from crossemo.tasks.values import Values
from tests.report.browser import CHROMIUM, opened

ROOT = Path(__file__).parents[1]
TROUBLES = ROOT / "docs" / "troubleshooting.md"
EXTRA = ("sphinx", "myst_parser", "pydata_sphinx_theme")
needs_extra = pytest.mark.skipif(
    not all(map(find_spec, EXTRA)), reason="crossemo[docs] is not installed"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-n"]
    command += ["-c", "docs", "-d", str(folder / "trees"), ".", str(folder / "html")]
    built = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    return folder / "html"


class Page(HTMLParser):
    """What a browser fetches for a page, what it links to, and its text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.text = ""
        self.feed(path.read_text("utf-8"))
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids.add(values.get("id") or "")
        address = values.get("src") or values.get("href") or ""
        if tag == "a":
            self.links.add(address)
        else:
            self.fetched.append(address)

    def handle_data(self, data: str) -> None:
        self.text += data


@needs_extra
def test_the_site_asks_no_other_machine(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 25
    for path in pages:
        assert [one for one in Page(path).fetched if "//" in one] == [], path
    for path in site.rglob("*.css"):
        style = re.sub(r"/\*.*?\*/", "", path.read_text("utf-8"), flags=re.S)
        fetched = re.findall(r"(?:url\(|@import)\s*['\"]?([^'\")\s]+)", style)
        assert [one for one in fetched if re.match(r"(https?:)?//", one)] == [], path


@needs_extra
def test_every_place_has_a_name_of_its_own(site: Path) -> None:
    for path in (site / "docs").glob("*.html"):
        names = re.findall(r'<[^>]+ id="([^"]+)"', path.read_text("utf-8"))
        assert len(names) == len(set(names)), path


@needs_extra
def test_the_first_page_leads_to_every_other(site: Path) -> None:
    assert "url=docs/index.html" in (site / "index.html").read_text("utf-8")
    links = Page(site / "docs" / "index.html").links
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")} - {"index"}
    assert {f"{page}.html" for page in pages} | {"../README.html"} <= links
    searched = (site / "searchindex.js").read_text("utf-8")
    assert all(f'"docs/{page}"' in searched for page in pages)


@needs_extra
def test_every_public_name_has_its_docstring_there(site: Path) -> None:
    page = Page(site / "docs" / "api.html")
    assert {f"crossemo.{name}" for name in crossemo.__all__} <= page.ids
    # A docstring with a formula, which is set without a script.
    assert "Return the unbiased kernel distance" in page.text
    assert "<mfrac>" in (site / "docs" / "api.html").read_text("utf-8")
    assert "$$" not in page.text


def patterns(items: list[str], filled: str) -> list[re.Pattern[str]]:
    """Return what sentences look like in which a run has filled something."""
    parts = ([re.escape(part) for part in re.split(filled, one)] for one in items)
    return [re.compile("(.*)".join(one)) for one in parts if len("".join(one)) > 12]


def refusal(wrong: Callable[[], object]) -> str:
    with pytest.raises(CrossEmoError) as refused:
        wrong()
    return str(refused.value)


@needs_extra
def test_what_is_refused_is_among_the_messages(site: Path, tmp_path: Path) -> None:
    page = (site / "docs" / "messages.html").read_text("utf-8")
    items = re.findall(r"<li><p>(.*?)</p></li>", page, re.S)
    plain = [unescape(re.sub(r"<(?!/?em>)[^>]*>", "", item)) for item in items]
    listed = patterns(plain, "<em>.*?</em>")
    for wrong in (
        lambda: load_encoder("no-such"),
        lambda: load_encoder(str(tmp_path)),
        lambda: LayerMix(3, 8, 7),
        lambda: task_of("songs", ("happy", "sad")),
        lambda: Values(loss="rmse"),  # type: ignore[arg-type]
        lambda: RAVDESS(tmp_path, "speech").clips(),
        lambda: Stage(max_epochs=0),
    ):
        sentence = refusal(wrong)
        assert any(one.fullmatch(sentence) for one in listed), sentence
    quoted = re.findall(r"^> (.+)$", TROUBLES.read_text("utf-8"), re.M)
    assert len(quoted) > 19
    for quote in quoted:  # with … for what is filled in, of which the tail may lack
        words = [word for word in re.split(" ?… ?", quote.rstrip(".")) if word]
        assert any(all(word in one for word in words) for one in plain), quote


@needs_extra
@pytest.mark.skipif(not CHROMIUM, reason="Chromium isn't installed")
def test_a_sentence_is_found_with_all_that_a_run_fills_in(
    site: Path, tmp_path: Path
) -> None:
    sentence = refusal(lambda: load_encoder("no-such"))
    address = f"{(site / 'search.html').as_uri()}?{urlencode({'q': sentence})}"
    shown = opened(address, tmp_path / "profile")
    first, second, *_ = re.findall(r'<li class="kind-text"><a href="(.+?)"', shown)
    assert first == "docs/troubleshooting.html#encoders"
    assert "(in Troubleshooting)" in re.sub("<.*?>", "", shown)  # words are marked
    page, _, anchor = second.partition("#")
    assert page == "docs/messages.html"
    assert f'id="{anchor}"></a>There is no encoder' in (site / page).read_text("utf-8")
