"""Kinds of input; each file is one.

It has `make(rng, folder)`, which writes one damaged or odd input below an empty folder
and returns its path, and `use(path)`, which uses it as crossemo does and checks what
came out. Where there is `command(path)`, it returns what a user would type to meet it.
"""

from importlib import import_module
from pathlib import Path
from types import ModuleType


def names() -> list[str]:
    """Return the names of all kinds."""
    return sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py"))


def kind(name: str) -> ModuleType:
    """Return a kind of input, by its name here or by that of a module elsewhere."""
    return import_module(name if "." in name else f"{__name__}.{name}")
