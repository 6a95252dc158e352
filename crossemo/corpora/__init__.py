"""The corpora, a file each: a class `EMODB` of `emodb.py` needs no other mention.

`crossemo.corpora.RAVDESS` loads the one file; `corpus_classes` loads all of them.
"""

from importlib import import_module
from inspect import getmembers, isabstract, isclass
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from crossemo.corpora.base import Corpus

if TYPE_CHECKING:
    from crossemo.corpora.demo import Demo as Demo
    from crossemo.corpora.folders import Folders as Folders
    from crossemo.corpora.huggingface import HuggingFace as HuggingFace
    from crossemo.corpora.manifest import Manifest as Manifest
    from crossemo.corpora.ravdess import RAVDESS as RAVDESS


def corpus_classes() -> dict[str, type[Corpus]]:
    """Return the corpora by the names of their classes, in order of name."""
    classes: dict[str, type[Corpus]] = {}
    for module in _modules():
        classes |= _defined_in(module)
    return dict(sorted(classes.items()))


def class_of(name: str) -> type[Corpus] | None:
    """Return the class of a corpus by the name that results and groups give it.

    Args:
        name: Such as `ravdess-song`, or `ravdess`, in which groups begin.

    Returns:
        None where nothing but its data could say what it is.
    """
    for label, kind in corpus_classes().items():
        stem = getattr(kind, "name", label.lower())
        if f"{name}-".startswith(f"{stem}-"):
            return kind
    return None


def _modules() -> list[str]:
    return [f"{__name__}.{one.name}" for one in iter_modules(__path__) if not one.ispkg]


def _defined_in(module: str) -> dict[str, type[Corpus]]:
    return {
        name: one
        for name, one in getmembers(import_module(module), isclass)
        if issubclass(one, Corpus) and not isabstract(one) and one.__module__ == module
    }


def __getattr__(name: str) -> Any:  # noqa: ANN401
    for module in _modules():
        alike = module.rpartition(".")[2].replace("_", "") == name.lower()
        if alike and name in (classes := _defined_in(module)):
            return classes[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
