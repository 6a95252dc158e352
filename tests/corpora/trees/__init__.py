"""Small corpora in their official trees and formats, a file each."""

from importlib import import_module
from pkgutil import iter_modules

from tests.corpora.trees.base import OfficialTree


def official_trees() -> dict[str, OfficialTree]:
    """Return the tree of each corpus by the name of its file."""
    names = [one.name for one in iter_modules(__path__) if one.name != "base"]
    return {name: import_module(f"{__name__}.{name}").TREE for name in sorted(names)}
