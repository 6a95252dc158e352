"""Configs as files and as typed: bounded, and refused with their line.

All that jsonargparse takes for YAML passes through `load`, and every config file, also
one that another config or an option names, through `read`.
"""

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jsonargparse
import yaml

from crossemo.commands.survey import (
    EVENTS,
    YAMLRefusal,
    option_of,
    survey,
    yaml_refusal,
)
from crossemo.errors import CrossEmoError, shortened
from crossemo.files import from_here

MAX_BYTES = 1_000_000
_ENCODINGS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb": "utf-8-sig"}
_load_yaml = jsonargparse.get_loader("yaml")

_lines: dict[str, dict[str, int]] = {}  # of the keys in each file that was read
_origins: dict[str, tuple[str, dict[str, int]]] = {}  # of copies
_names: dict[str, str] = {}  # of originals, in messages
_piped: dict[str, bytes] = {}  # what can be read but once


def read(path: Path) -> str:
    """Return the text of a config file, which is YAML within bounds.

    Args:
        path: A file, or a pipe, which is read once and remembered.

    Raises:
        CrossEmoError: It is none.
        OSError: It can't be read.
    """
    try:
        text = _decoded(_bytes(path))
        lines = survey(text)
        load(text)
    except YAMLRefusal as error:
        raise CrossEmoError(f"{path}, {error}.") from error
    except UnicodeDecodeError as error:
        line = 1 + error.object[: error.start].count(b"\n")
        raise CrossEmoError(
            f"{path}, line {line}: that is no text in UTF-8: save the file as UTF-8."
        ) from error
    name, lines = _origins.get(_full(path), (_full(path), lines))
    _lines.pop(name, None)
    _lines[name] = lines  # the last one that was read wins
    return text


def name_origin(copy: Path, original: Path, lines: Mapping[str, int]) -> None:
    """Have messages on a config name another file, which it was made of.

    Args:
        copy: The config that is read.
        original: The file that a user wrote.
        lines: The line of each key in there.
    """
    _origins[_full(copy)] = (_full(original), dict(lines))
    _names[_full(original)] = from_here(original)  # the parser changes folders


def forget() -> None:
    """Forget the files that were read for another command."""
    _lines.clear()


def read_settings(path: Path) -> dict[str, Any]:
    """Return what a config file sets.

    Raises:
        CrossEmoError: It is no config.
        OSError: It can't be read.
    """
    settings = load(read(path))
    if settings is None or settings == "":
        raise CrossEmoError(f"{path} is empty: leave it out, or write settings to it.")
    if not isinstance(settings, dict):
        what = "a list" if isinstance(settings, list) else "a single value"
        raise CrossEmoError(
            f"{path} holds {what}, not settings by name, such as `threads: 1`."
        )
    return settings


def given(typed: Sequence[str], configs: Iterable[Path]) -> dict[str, str]:
    """Return the keys that are set, such as `data.seed`, each with where it is.

    Args:
        typed: What was typed.
        configs: The config files, which were read.
    """
    places = {
        key: f" ({_shown(path)}, line {line})"
        for path in map(_origin, configs)
        for key, line in _lines.get(path, {}).items()
    }
    return places | dict.fromkeys(filter(None, map(_option, typed)), "")


def place_of(key: str, typed: Sequence[str]) -> str:
    """Return in which config and line a key is set; nothing if it was typed.

    >>> place_of("lr", ["--model.lr=x"])
    ''
    """
    parts = key.split(".")
    starts: Iterable[int] = range(len(parts))
    for name in filter(None, map(_option, typed)):
        if name.startswith(f"{key}."):
            return ""
        if f"{key}.".startswith(f"{name}."):
            starts = [name.count(".") + 1]  # in the file that may have been named
    for part in filter(None, (".".join(parts[start:]) for start in starts)):
        for path, lines in reversed(_lines.items()):
            if part in lines:
                return f" ({_shown(path)}, line {lines[part]})"
    return ""


def _option(word: str) -> str:
    """Return the key that a typed word sets, as `survey` writes it."""
    if not word.startswith("--"):
        return ""
    return option_of(word[2:].partition("=")[0].rstrip("+").split("."))


def _origin(path: Path) -> str:
    return _origins.get(_full(path), (_full(path), {}))[0]


def _shown(path: str) -> str:
    return _names.get(path) or from_here(path)


def _full(path: Path) -> str:
    return os.path.abspath(path)


def load(text: str) -> Any:  # noqa: ANN401
    """Return what YAML says, as jsonargparse reads it.

    Raises:
        YAMLRefusal: It is none, or more than any config needs.
    """
    survey(text)
    try:
        return _load_yaml(text)
    except Exception as error:  # a constructor fails at what its pattern lets pass
        raise _unreadable(text, error) from error


def _bytes(path: Path) -> bytes:
    name = str(path)
    if name in _piped:
        return _piped[name]
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise CrossEmoError(f"{path} is a folder: name a config in it.")
    if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
        raise CrossEmoError(f"{path} is no file: name a config.")
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise CrossEmoError(f"{path} is larger than a config, of {MAX_BYTES} bytes.")
    if stat.S_ISFIFO(mode):
        _piped[name] = content
    return content


def _decoded(content: bytes) -> str:
    text = content.decode(_ENCODINGS.get(content[:2], "utf-8"))
    if "\0" in text:
        raise UnicodeDecodeError("utf-8", content, content.find(b"\0"), 0, "NUL")
    return text


def _unreadable(text: str, error: Exception) -> YAMLRefusal:
    """Return what to say of a value that can't be built."""
    if isinstance(error, yaml.MarkedYAMLError):
        return yaml_refusal(text, error)
    events: Any = yaml.parse(text, Loader=EVENTS)
    for event in events:
        if hasattr(event, "value") and event.implicit != (False, True):
            try:
                _load_yaml(f"{event.tag or ''} {event.value}")
            except Exception:
                problem = f"{shortened(event.value)} can't be read: put it in quotes"
                return YAMLRefusal(1 + event.start_mark.line, problem)
    return YAMLRefusal(1, "a value can't be read")


def install() -> None:
    """Have jsonargparse read through this file alone."""
    path_type = getattr(jsonargparse, "Path")  # noqa: B009
    jsonargparse.set_loader("yaml", load, exceptions=(yaml.YAMLError,))
    # There is no public way to say how files are read: with this locale's encoding, and
    # without a bound.
    setattr(path_type, "read_text", lambda self: read(Path(self.absolute)))  # noqa: B010
