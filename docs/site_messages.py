"""Every sentence that ends a command, warns or refuses, as it stands in the source.

A sentence is a string of the source; what a run fills in stands as a word in italics.
All strings of a `raise`, a warning or a refusal count, and elsewhere those that are
sentences, as functions that return them do. Texts of reports and of help are neither.
"""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from zlib import crc32

_SPEAKS = re.compile(r"warn|refuse|rank_zero_info|logger\.")
_SILENT = re.compile(r"add_argument|[pP]arser$|^re\.|^print$")
_SENTENCE = re.compile(
    r"^[A-Z\0].*[.?]$|^There is |: (leave|give|use|choose|say|set|did you) ", re.S
)
_FILLED = re.compile(r"%[-+.\d]*[sdfgr]")
_ROOMS_OF_TEXTS = ("report", "studies")
_MARK = "\0{}\0"  # around what a run fills in


def messages_by_room(package: Path) -> dict[str, list[str]]:
    """Return the sentences of every room that has some, with marks in them."""
    rooms = sorted(path for path in package.iterdir() if path.suffix in ("", ".py"))
    named = {room.stem: _sentences(room) for room in rooms if room.name[0] != "_"}
    return {room: sentences for room, sentences in named.items() if sentences}


def markdown_of(rooms: Mapping[str, Sequence[str]]) -> str:
    """Return a section for every room, whose sentences have anchors."""
    lines: list[str] = []
    for room, sentences in rooms.items():
        lines += [f"## {room}", ""]
        lines += [
            f'- <a id="{anchor_of(room, one)}"></a>{_markdown(one)}'
            for one in sentences
        ]
        lines.append("")
    return "\n".join(lines)


def anchor_of(room: str, sentence: str) -> str:
    """Return the name of a sentence's place on the page."""
    return f"message-{crc32(f'{room} {sentence}'.encode()):08x}"


def shown(sentence: str) -> str:
    """Return a sentence with … for what a run fills in."""
    return re.sub("(\0.*?\0)+", "…", sentence)


def _sentences(room: Path) -> list[str]:
    files = sorted(room.rglob("*.py")) if room.is_dir() else [room]
    trees = [ast.parse(file.read_text("utf-8")) for file in files]
    texts = room.stem in _ROOMS_OF_TEXTS
    return [*dict.fromkeys(one for tree in trees for one in _spoken(tree, texts))]


def _spoken(node: ast.AST, texts: bool, speaks: bool = False) -> Iterator[str]:
    """Yield the sentences below a node; with `texts`, only what surely is spoken."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return  # a docstring
    if isinstance(node, ast.Call):
        function = ast.unparse(node.func)
        if _SILENT.search(function):
            return
        speaks = speaks or bool(_SPEAKS.search(function))
        if speaks and (text := _text(node.args[0]) if node.args else None):
            node.args[0] = ast.Constant(_filled(text, node.args[1:]))
    speaks = speaks or isinstance(node, ast.Raise)
    if text := _text(node):
        surely = speaks and len(text.split()) > 2
        maybe = not texts and len(text.split()) > 3 and _SENTENCE.search(text)
        if (surely or maybe) and "\n" not in text.strip():
            yield text.strip()
        return
    for child in ast.iter_child_nodes(node):
        yield from _spoken(child, texts, speaks)


def _text(node: ast.AST) -> str | None:
    """Return the text of a string, with marks; None of anything else."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_piece, node.values))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _text(node.left), _text(node.right)
        if left or right:
            return (left or _filler(node.left)) + (right or _filler(node.right))
    return None


def _piece(value: ast.expr) -> str:
    if isinstance(value, ast.FormattedValue):
        return _filler(value.value)
    return _text(value) or ""


def _filled(text: str, arguments: list[ast.expr]) -> str:
    """Return a logger's text with its arguments in it."""
    fillers = iter([_filler(argument) for argument in arguments])
    return _FILLED.sub(lambda place: next(fillers, place[0]), text)


def _filler(value: ast.expr) -> str:
    word = _noun(value).replace("_", " ").strip()
    return _MARK.format(word) if word else ""


def _noun(value: ast.expr) -> str:
    """Return what a user may call that which a run fills in."""
    match value:
        case ast.Call(func=ast.Name(id="guess_among")) | ast.Name(id="guess"):
            return ""
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Constant(value=str(text)):
            return text
        case ast.Call(func=ast.Name(id="len")):
            return "number"
        case ast.Call(func=ast.Name(id="reason_of")):
            return "reason"
        case ast.Call(args=[first, *_]) | ast.GeneratorExp(elt=first):
            return _noun(first)
        case ast.Call(func=ast.Attribute(value=inner)):
            return _noun(inner)
        case ast.Subscript(value=whole, slice=ast.Constant(value=key)):
            return key if isinstance(key, str) else _noun(whole)
        case ast.Subscript(value=inner) | ast.BinOp(left=inner) | ast.Starred(inner):
            return _noun(inner)
        case ast.IfExp(orelse=other):
            return _noun(other)
    return "…"


def _markdown(sentence: str) -> str:
    escaped = re.sub(r"([^\w\s\0…])", r"\\\1", sentence, flags=re.ASCII)
    return re.sub("\0(.*?)\0", r"*\1*", " ".join(escaped.replace("\0\0", " ").split()))
