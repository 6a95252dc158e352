"""What an object reaches: tensors and modules, wherever a user's encoder keeps them."""

import sys
from collections import deque
from collections.abc import Iterator
from functools import partial
from itertools import chain
from types import (
    CodeType,
    FunctionType,
    MappingProxyType,
    MethodType,
    ModuleType,
    SimpleNamespace,
)

import numpy as np
from torch import Tensor, nn

from crossemo.encoders.user_code import is_users_own

_OF_ANY_MODULE = frozenset(vars(nn.Module()))
_FIELDS = {partial: ("func", "args", "keywords"), MethodType: ("__self__", "__func__")}


def reachable(root: object) -> Iterator[tuple[str, object]]:
    """Yield an object and its contents, each thing once, by the path that leads to it.

    Lists, dicts, tuples and the attributes of objects and modules are followed, and of
    classes and functions in a user's file closures and the globals that they name. Sets
    aren't, as they have no order, nor are the standard library's own objects, such as
    loggers. Of a module, parameters, buffers and parts bear the names of its
    `state_dict`.

    Args:
        root: The object.

    >>> import torch
    >>> names = [n for n, x in reachable({"a": [torch.ones(1)]}) if torch.is_tensor(x)]
    >>> names
    ['a.0']
    """
    seen: dict[int, object] = {}  # by id, which another gets as soon as one is gone
    pending: deque[tuple[str, object]] = deque([("", root)])
    while pending:
        path, thing = pending.popleft()
        if id(thing) in seen or _is_leaf(thing):
            continue
        seen[id(thing)] = thing
        yield path, thing
        pending += [
            (f"{path}.{name}".lstrip("."), one) for name, one in _contents(thing)
        ]


def _is_leaf(thing: object) -> bool:
    """Return whether a thing holds nothing of an encoder."""
    followed = (dict, list, tuple, *_FIELDS, MappingProxyType, SimpleNamespace, deque)
    if isinstance(thing, followed):
        return False
    if isinstance(thing, FunctionType | type):
        return not is_users_own(thing)
    top = type(thing).__module__.partition(".")[0]
    return isinstance(thing, ModuleType) or top in sys.stdlib_module_names


def _contents(thing: object) -> Iterator[tuple[str, object]]:
    if isinstance(thing, Tensor | np.ndarray):
        return
    if isinstance(thing, nn.Module):
        yield from thing.named_parameters(recurse=False)
        yield from thing.named_buffers(recurse=False)
        yield from thing.named_children()
    if isinstance(thing, dict | MappingProxyType):
        for place, (key, value) in enumerate(thing.items()):
            yield str(key if isinstance(key, str | int | float) else place), value
    elif isinstance(thing, list | tuple | deque):
        yield from ((str(place), value) for place, value in enumerate(thing))
    elif isinstance(thing, FunctionType):
        yield from _of_function(thing)
    yield from _attributes(thing)
    if not isinstance(thing, type):
        yield from _of_classes(thing)


def _attributes(thing: object) -> Iterator[tuple[str, object]]:
    attributes = getattr(thing, "__dict__", {})
    torchs = _OF_ANY_MODULE if isinstance(thing, nn.Module) else frozenset()
    yield from ((k, v) for k, v in list(attributes.items()) if k not in torchs)
    slots = (vars(one).get("__slots__", ()) for one in type(thing).__mro__)
    names = chain.from_iterable((s,) if isinstance(s, str) else s for s in slots)
    fields = next((f for kind, f in _FIELDS.items() if isinstance(thing, kind)), ())
    for name in (*names, *fields):
        if name not in attributes and hasattr(thing, name):
            yield name, getattr(thing, name)


def _of_classes(thing: object) -> Iterator[tuple[str, object]]:
    """Yield the user's classes that an object is of."""
    for one in type(thing).__mro__:
        if is_users_own(one):
            yield one.__name__, one


def _of_function(function: FunctionType) -> Iterator[tuple[str, object]]:
    """Yield what a function has taken from around it, and the globals it names."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    for name, cell in cells:
        try:
            yield name, cell.cell_contents
        except ValueError:  # not set yet
            continue
    for name in sorted(_names(function.__code__) & function.__globals__.keys()):
        yield name, function.__globals__[name]


def _names(code: CodeType) -> set[str]:
    """Return the names that a function uses, and those in it."""
    inner = (_names(one) for one in code.co_consts if isinstance(one, CodeType))
    return set(code.co_names).union(*inner)
