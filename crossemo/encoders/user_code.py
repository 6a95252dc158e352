"""Encoders that a user wrote: a class in a Python file, as `my_encoder.py:MyEncoder`.

A file is run only where the user names it, on the command line, in a config or from
Python. What lies in a checkpoint, a shared folder or a repository never names one.
"""

import ast
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from traceback import walk_tb
from types import ModuleType
from typing import Any, NamedTuple

import torch

from crossemo.encoders.catalogue import EncoderError
from crossemo.errors import CrossEmoError, guess_among, listed, reason_of
from crossemo.files import expanded

_NAME = re.compile(r"(?P<file>.+\.py)(:(?P<name>\w*))?", re.DOTALL)
_MODULE = "crossemo_user_code_"  # how the name of a file's module begins
_NO_MEMORY = re.compile("out of memory|can't allocate memory|std::bad_alloc")


class UserCode(NamedTuple):
    """A class in a user's file, not run yet.

    Args:
        path: The file.
        class_name: Name of the class.
        content: What the file holds.
    """

    path: Path
    class_name: str
    content: bytes

    def __str__(self) -> str:
        return f"{self.class_name} in {self.path}"

    @property
    def digest(self) -> str:
        """BLAKE2b of the file, 128 bits, hex."""
        return blake2b(self.content, digest_size=16).hexdigest()

    def plain(self) -> dict[str, str]:
        """Return what a record says of it."""
        return {
            "file": str(self.path),
            "class": self.class_name,
            "blake2b": self.digest,
        }


def names_code(name: object) -> bool:
    """Return whether a name is that of a class in a Python file.

    >>> names_code("my_encoder.py:MyEncoder"), names_code("owner/name")
    (True, False)
    """
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def read_code(name: str) -> UserCode:
    """Read a file without running it.

    Args:
        name: `FILE.py:CLASS`.

    Raises:
        EncoderError: There is no such file, or no such class in it.
    """
    match = _NAME.fullmatch(name)
    assert match is not None
    path = expanded(match["file"])
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        raise EncoderError(
            f"Can't read the encoder's file {path}: {reason_of(error)}."
        ) from error
    code = UserCode(path, match["name"] or "", content)
    if not code.class_name:
        raise EncoderError(
            f"{path} may hold several classes: say which, as {path}:CLASS. It has "
            f"{listed(_classes(code))}."
        )
    return code


def run_code(code: UserCode, seed: int) -> Any:  # noqa: ANN401
    """Run a file and return an object of its class, whose weights a seed decides.

    Raises:
        EncoderError: The file or the class fails.
    """
    module = ModuleType(f"{_MODULE}{code.digest[:12]}")
    module.__file__ = str(code.path)
    sys.modules[module.__name__] = module  # where dataclasses look for it
    with torch.random.fork_rng(devices=[]), blamed_on(code):
        torch.default_generator.manual_seed(seed)
        exec(compile(code.content, str(code.path), "exec"), module.__dict__)
        if not hasattr(module, code.class_name):
            names = _classes(code)
            raise EncoderError(
                f"There is no class {code}: it has {listed(names)}."
                f"{guess_among(code.class_name, names)}"
            )
        return getattr(module, code.class_name)()


def is_users_own(thing: object) -> bool:
    """Return whether a class or function was defined in a user's file."""
    return str(getattr(thing, "__module__", "")).startswith(_MODULE)


@contextmanager
def blamed_on(code: UserCode) -> Iterator[None]:
    """Turn whatever a user's code raises into one sentence with its file and line.

    A lack of memory stays what it is.

    Raises:
        EncoderError: Something was raised.
    """
    try:
        yield
    except (CrossEmoError, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        if _NO_MEMORY.search(str(error)):
            raise
        what = type(error).__name__
        if isinstance(error, Exception) and (reason := reason_of(error)) != what:
            what = f"{what}: {reason}"
        raise EncoderError(
            f"{code.path} fails in line {_line(code, error)} ({what}): mend it there."
        ) from error


def _line(code: UserCode, error: BaseException) -> int:
    """Return the last line of a file that an error came through, else the class's."""
    if isinstance(error, SyntaxError) and error.filename == str(code.path):
        return error.lineno or 1
    frames = walk_tb(error.__traceback__)
    lines = [n for frame, n in frames if frame.f_code.co_filename == str(code.path)]
    return lines[-1] if lines else _classes(code).get(code.class_name, 1)


def _classes(code: UserCode) -> dict[str, int]:
    """Return the lines of a file's classes; none of what is no Python."""
    try:
        tree = ast.parse(code.content)
    except (SyntaxError, ValueError):
        return {}
    return {one.name: one.lineno for one in tree.body if isinstance(one, ast.ClassDef)}
