"""The files that runs leave, read within bounds: JSON, YAML and tables."""

import json
import stat
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import yaml

from crossemo.errors import CrossEmoError, reason_of

if TYPE_CHECKING:
    from pandas import DataFrame

MOST_SETTINGS = 1_000_000  # bytes of a config.yaml, as of any config
MOST_RESULTS = 100_000_000  # bytes of a results.json, which names every clip left out
MOST_ROWS = 4_000_000_000  # bytes of a table
_DEEPEST, _MOST_VALUES = 40, 100_000
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class RunFileError(CrossEmoError):
    """A file of a run that can't be read; the sentence begins with its name.

    Attributes:
        kind: What such a run is.
    """

    kind: ClassVar[str] = "damaged"


class UnfinishedRunError(RunFileError):
    """A run that has not left all that it will leave."""

    kind: ClassVar[str] = "unfinished"


class ForeignRunError(RunFileError):
    """A folder that another command has left, or another program."""

    kind: ClassVar[str] = "foreign"


def read_json(path: Path) -> dict[str, Any]:
    """Return what a JSON file holds by name.

    Raises:
        RunFileError: It isn't there, or holds something else.
    """
    content = _bytes(path, MOST_RESULTS)
    try:
        values = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise RunFileError(
            f"{path.name} is damaged, or no JSON: {_first_line(error)}"
        ) from error
    if not isinstance(values, dict):
        raise RunFileError(f"{path.name} holds no values by name")
    return values


def read_settings(path: Path) -> dict[str, Any]:
    """Return the settings of a config.yaml by their full names, such as `model.lr`.

    Raises:
        RunFileError: It isn't there, or is no config.
    """
    content = _bytes(path, MOST_SETTINGS)
    try:
        settings = yaml.load(content, _Loader)  # a safe one
    except (yaml.YAMLError, ValueError, RecursionError, UnicodeError) as error:
        raise RunFileError(
            f"{path.name} is damaged, or no YAML: {_first_line(error)}"
        ) from error
    if not isinstance(settings, dict):
        raise RunFileError(f"{path.name} holds no settings by name")
    flat: dict[str, Any] = {}
    _flatten(settings, "", flat, path.name)
    return flat


def read_table(
    path: Path,
    texts: Collection[str] = (),
    only: Collection[str] | None = None,
) -> "DataFrame":
    """Return a table that a run has written.

    Args:
        path: A CSV file.
        texts: Columns that are read as text, also where they look like numbers; there
            an empty field is the empty text. They are categories, as few texts stand
            there many times.
        only: Columns that are read, as far as they are there; all if None.

    Raises:
        RunFileError: It isn't there, or is no table.
    """
    import pandas as pd  # takes a while

    if _size(path) > MOST_ROWS:
        raise RunFileError(f"{path.name} is larger than any table of a run")
    try:
        header = list(pd.read_csv(path, nrows=0).columns)
        columns = [name for name in header if only is None or name in only]
        table = pd.read_csv(
            path,
            usecols=columns,
            dtype={name: "category" for name in columns if name in texts},
            keep_default_na=False,
            na_values={name: ["", "nan"] for name in columns if name not in texts},
        )
    except (OSError, ValueError, OverflowError) as error:  # pandas' own are ValueErrors
        raise RunFileError(
            f"{path.name} is damaged, or no table: {_first_line(error)}"
        ) from error
    return table


def _bytes(path: Path, most: int) -> bytes:
    if (size := _size(path)) > most:
        raise RunFileError(f"{path.name} has {size} bytes, more than any run writes")
    try:
        return path.read_bytes()
    except OSError as error:
        raise RunFileError(f"{path.name} can't be read: {reason_of(error)}") from error


def _size(path: Path) -> int:
    """Return the bytes of a regular file; a pipe would wait for ever."""
    try:
        about = path.stat()
    except OSError as error:
        raise RunFileError(f"{path.name} can't be read: {reason_of(error)}") from error
    if not stat.S_ISREG(about.st_mode):
        raise RunFileError(f"{path.name} is no file")
    return about.st_size


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def _flatten(value: object, name: str, flat: dict[str, Any], file: str) -> None:
    """Collect the values below one; aliases may make few bytes many values."""
    if len(flat) > _MOST_VALUES or name.count(".") > _DEEPEST:
        raise RunFileError(f"{file} holds more than any config needs")
    if isinstance(value, dict) and value:
        for key, item in value.items():
            _flatten(item, f"{name}.{key}" if name else str(key), flat, file)
    elif isinstance(value, list) and any(isinstance(one, dict | list) for one in value):
        for place, item in enumerate(value):
            _flatten(item, f"{name}.{place}", flat, file)
    else:
        flat[name] = value
