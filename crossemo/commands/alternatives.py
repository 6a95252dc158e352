"""What there is where something was typed that there isn't: options and classes."""

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from importlib import import_module
from inspect import isabstract, signature
from typing import Any

from crossemo.errors import listed


def first_unknown(option: str, names: Sequence[str]) -> str:
    """Return as much of an option as there isn't.

    >>> first_unknown("data.taget.root", ["data.target", "data.labels"])
    'data.taget'
    """
    parts = option.split(".")
    for end in range(1, len(parts)):
        start = ".".join(parts[:end])
        if not any(f"{name}.".startswith(f"{start}.") for name in names):
            return start
    return option


def alternatives_to(full: str, names: Sequence[str]) -> str:
    """Return the options that may be meant: spelt alike, or of that name elsewhere."""
    around, _, last = full.rpartition(".")
    beside = [one for one in names if one.rpartition(".")[0] == around]
    meant = _spelt_alike(last, beside, 0.6)
    meant = meant or [one for one in names if one.rpartition(".")[2] == last]
    meant = meant or _spelt_alike(last, names, 0.75)
    if meant:
        return f": did you mean {listed(meant[:3], last=' or ')}?"
    here = listed(one.rpartition(".")[2] for one in beside)
    return f": {around} has {here}." if around and beside else "."


def _spelt_alike(name: str, options: Sequence[str], cutoff: float) -> list[str]:
    by_name = {one.rpartition(".")[2]: one for one in reversed(options)}
    return [by_name[one] for one in get_close_matches(name, by_name, cutoff=cutoff)]


def arguments_of(path: str) -> list[str]:
    """Return the names of a class's arguments, with those of the classes above it."""
    names: dict[str, None] = {}
    for one in getattr(object_at(path), "__mro__", ()):
        if one is not object and "__init__" in vars(one):
            for parameter in list(signature(one.__init__).parameters.values())[1:]:
                if parameter.kind not in (
                    parameter.VAR_KEYWORD,
                    parameter.VAR_POSITIONAL,
                ):
                    names[parameter.name] = None
    return list(names)


def other_owners(path: str, name: str) -> str:
    """Return of which classes, used in the place of one, an argument is.

    Args:
        path: Dotted path of the class, such as `crossemo.SpeechEmotionDataModule`.
        name: The argument that it lacks, such as `target`.

    Returns:
        The end of a sentence; empty where there is none.
    """
    owner = object_at(path)
    bases = [b for b in getattr(owner, "__mro__", ()) if _is_ours(b.__module__)]
    kinds = {one.__name__: one for base in bases[-1:] for one in _family(base)}
    having = [
        label
        for label, kind in sorted(kinds.items())
        if name in arguments_of(f"{kind.__module__}.{label}")
    ]
    if not having:
        return ""
    return (
        f": it is an option of {listed(having, last=' and ')}, not of {owner.__name__}."
    )


def object_at(path: str) -> Any:  # noqa: ANN401
    """Return what a dotted path or a public name names; None if there is nothing."""
    module, _, name = path.rpartition(".")
    try:
        return getattr(import_module(module or "crossemo"), name, None)
    except (ImportError, TypeError, ValueError):  # as of `..name`
        return None


def classes_of(key: str, text: str) -> list[str]:
    """Return the names of the classes that may stand there."""
    from crossemo.corpora.base import Corpus
    from crossemo.data.datamodule import EmotionDataModule
    from crossemo.probes import LayerwiseProbes

    last = key.rpartition(".")[2]
    corpora = dict.fromkeys(("source", "target", "corpus", "roles"), Corpus)
    base = ({"data": EmotionDataModule, "model": LayerwiseProbes} | corpora).get(last)
    if base is None and (named := re.search(r"<class '([\w.]+\.[A-Z]\w*)'>", text)):
        base = object_at(named[1])
    if not isinstance(base, type):
        return []
    inside = _is_ours(base.__module__)
    names = {
        one.__name__ for one in _family(base) if inside or not _is_ours(one.__module__)
    }
    return sorted(names - {base.__name__}) or [base.__name__]


def _is_ours(module: str) -> bool:
    return module.startswith("crossemo.")


def _family(base: type[object]) -> Iterator[type[object]]:
    """Yield the public classes below one, and the class itself."""
    if not isabstract(base) and not base.__name__.startswith("_"):
        yield base
    for child in base.__subclasses__():
        yield from _family(child)
