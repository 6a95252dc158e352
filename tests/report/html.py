"""A page as a browser sees it: its elements, their attributes and their texts."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

EMPTY = {"meta", "img", "link", "br", "input"}


@dataclass
class Element:
    """An element, and all text within."""

    tag: str
    attributes: dict[str, str]
    above: "Element | None" = None
    text: str = ""
    elements: list["Element"] = field(default_factory=list)

    def within(self, tag: str) -> list["Element"]:
        """All elements of a kind below this one, in order."""
        return [
            found
            for one in self.elements
            for found in ([one] if one.tag == tag else []) + one.within(tag)
        ]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = self.place = Element("", {})

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {k: v or "" for k, v in attrs}, self.place)
        self.place.elements.append(element)
        if tag not in EMPTY:
            self.place = element

    def handle_endtag(self, tag: str) -> None:
        assert self.place.tag == tag, f"{tag} closes {self.place.tag}"
        assert self.place.above is not None
        self.place = self.place.above

    def handle_data(self, data: str) -> None:
        place: Element | None = self.place
        while place is not None:
            place.text += data
            place = place.above


def read_page(path: Path) -> Element:
    """Return a page; every element must be closed in its order."""
    reader = _Reader()
    reader.feed(path.read_text("utf-8"))
    reader.close()
    assert reader.place is reader.root
    return reader.root


def everything(element: Element) -> list[Element]:
    """All elements below one."""
    return [e for one in element.elements for e in (one, *everything(one))]


def file_of(href: str, page: Path) -> Path:
    """The file that a relative address leads to."""
    return (page.parent / unquote(href)).resolve()
