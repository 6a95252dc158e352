"""Settings that say what holds anyway."""

import inspect
import json
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any


def without_defaults(base: object, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings without those that a class has by default.

    Args:
        base: The class; what is none has no defaults.
        settings: Its arguments by name.
    """
    usual = {name: one.default for name, one in parameters_of(base).items()}
    if is_dataclass(base):
        fresh = {one.name: one.default_factory for one in fields(base)}
        usual |= {k: make() for k, make in fresh.items() if make is not MISSING}
    return {
        key: value
        for key, value in settings.items()
        if key not in usual or _plain(usual[key]) != _plain(value)
    }


def parameters_of(base: object) -> dict[str, inspect.Parameter]:
    """Return the arguments of a class, with those of the classes above it."""
    every: dict[str, inspect.Parameter] = {}
    for one in reversed(getattr(base, "__mro__", ())):
        if one is not object and "__init__" in vars(one):
            every |= inspect.signature(one.__init__).parameters
    return every


def _plain(value: object) -> str:
    """Return a value as text, in which 1.0 is 1 and a tuple a list."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_plain, value))}]"
    return json.dumps(value, sort_keys=True, default=repr)
