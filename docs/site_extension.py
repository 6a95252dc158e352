"""What the site has beyond its pages: the table of contents, messages, formulae."""

import json
import re
from inspect import isclass
from itertools import cycle
from pathlib import Path
from pkgutil import resolve_name
from typing import ClassVar

from docutils import nodes
from docutils.nodes import make_id
from docutils.utils.math.latex2mathml import tex2mathml
from pygments.lexer import RegexLexer
from pygments.token import Comment, Name, Whitespace
from sphinx.application import Sphinx

from crossemo.corpora.base import Corpus
from docs.site_messages import anchor_of, markdown_of, messages_by_room, shown

PACKAGE = Path(__file__).parents[1] / "crossemo"

_SECTION = re.compile(r"^## (.+)$", re.M)
_QUOTE = re.compile(r"^> (.+)$", re.M)
_NAME = re.compile(r"^- `(crossemo\.[\w.]+)`$", re.M)
_BLOCK = re.compile(r"^( *)\$\$ (.+?) \$\$$", re.M | re.S)
_INLINE = re.compile(r"\$([^$`]+)\$")
_BAR = re.compile(r"<mo(?: class=\"\w+\")?>([|‖])</mo>")
_ENTRY = re.compile(r"^- \[[^]]+\]\(([^)#]+)\.md\)", re.M)


class CommandLexer(RegexLexer):
    """Tells the words of a command apart, between which a narrow page may break it."""

    tokens: ClassVar = {
        "root": [(r"#.*", Comment), (r"\s+", Whitespace), (r"\S+", Name)]
    }


def with_contents(index: str) -> str:
    """Return the index with its lists of pages as tables of contents, unseen."""
    first, *rest = _SECTION.split(index)
    sections = zip(rest[::2], rest[1::2], strict=True)
    text = first + "".join(
        f"## {title}\n{text}\n{_contents(title, _ENTRY.findall(text))}\n"
        for title, text in sections
    )
    pages = {page.stem for page in Path(__file__).parent.glob("*.md")} - {"index"}
    unlisted = sorted(pages - set(_ENTRY.findall(index)))
    return text + (_contents("More", unlisted) if unlisted else "")


def _contents(caption: str, pages: list[str]) -> str:
    listing = "\n".join(pages)
    return f"```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{listing}\n```\n"


def with_docstrings(names: str) -> str:
    """Return a page whose list of names is a list of their docstrings."""
    return _NAME.sub(_directive, names)


def _directive(name: re.Match[str]) -> str:
    public = resolve_name(name[1])
    kind = "class" if isclass(public) else "function"
    # Of a corpus, its fact sheet; its methods are those of the base.
    sheet = isclass(public) and issubclass(public, Corpus) and public is not Corpus
    options = "   :no-members:\n" if sheet else ""
    return f"```{{eval-rst}}\n.. auto{kind}:: {name[1]}\n{options}\n```\n"


def _set_formulae(*event: list[str]) -> None:
    """Let $formulae$ of a docstring be formulae."""
    lines = event[-1]
    text = _BLOCK.sub(r"\1.. math:: \2", "\n".join(lines))
    lines[:] = _INLINE.sub(r":math:`\1`", text).split("\n")


def _fill(app: Sphinx, page: str, source: list[str]) -> None:
    if page == app.config.root_doc:
        source[0] = with_contents(source[0])
    elif page == "docs/api":
        source[0] = with_docstrings(source[0])
    elif page == "docs/messages":
        listing = markdown_of(messages_by_room(PACKAGE))
        source[0] = source[0].replace("<!-- messages -->", listing)


def _formula(writer: nodes.NodeVisitor, node: nodes.math) -> None:
    """Write a formula as MathML, which browsers set without a script."""
    block = isinstance(node, nodes.math_block)
    formula = _with_bars(tex2mathml(node.astext(), as_block=block))
    writer.body.append(f'<div class="formula">{formula}</div>' if block else formula)
    raise nodes.SkipNode


def _with_bars(formula: str) -> str:
    """Let the bars of norms and sizes be as high as letters, and stand beside them."""
    forms = cycle(("prefix", "postfix"))
    return _BAR.sub(
        lambda bar: f'<mo form="{next(forms)}" stretchy="false">{bar[1]}</mo>', formula
    )


def _front_door(app: Sphinx, error: Exception | None) -> None:
    """Lead from the folder of the site to its first page."""
    if error is None and app.builder.format == "html":
        target = app.builder.get_target_uri(app.config.root_doc)
        page = f'<!doctype html><meta http-equiv="refresh" content="0; url={target}">\n'
        Path(app.outdir, "index.html").write_text(page, "utf-8")


def searched_messages() -> list[tuple[str, str, str]]:
    """Return page, anchor and words of every sentence that a run may end with."""
    page = Path(__file__).with_name("troubleshooting.md").read_text("utf-8")
    return [
        ("docs/messages", f"#{anchor_of(room, one)}", shown(one))
        for room, sentences in messages_by_room(PACKAGE).items()
        for one in sentences
    ] + [
        ("docs/troubleshooting", f"#{make_id(title)}", quote)
        for title, text in zip(*[iter(_SECTION.split(page)[1:])] * 2, strict=True)
        for quote in _QUOTE.findall(text)
    ]


def _search_messages(app: Sphinx, page: str, *_: object) -> None:
    """Let the page of the search know all sentences."""
    if page == "search":
        listing = f"const MESSAGES = {json.dumps(searched_messages())};"
        app.add_js_file(None, body=listing)
        app.add_js_file("message_search.js", loading_method="defer")


def setup(app: Sphinx) -> dict[str, bool]:
    """Join the site's parts to Sphinx."""
    app.add_lexer("bash", CommandLexer)
    app.connect("source-read", _fill)
    app.connect("autodoc-process-docstring", _set_formulae, priority=100)
    app.connect("html-page-context", _search_messages)
    app.connect("build-finished", _front_door)
    app.add_html_math_renderer("mathml", (_formula, None), (_formula, None))
    app.config.html_math_renderer = "mathml"
    return {"parallel_read_safe": True}
