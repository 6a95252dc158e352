"""results.json: what a run found out, written whole and read again."""

import json
from collections.abc import Mapping
from math import isnan
from pathlib import Path
from typing import Any

from crossemo.errors import CrossEmoError
from crossemo.files import write_text
from crossemo.version import __version__

FILE = "results.json"


def write_results(folder: Path, content: Mapping[str, Any]) -> None:
    """Write the results of a run, with crossemo's version, to its folder.

    Raises:
        OSError: The folder can't be written or the disk is full.
    """
    plain = _without_nan({"crossemo": __version__, **content})
    write_text(folder / FILE, json.dumps(plain, indent=2, default=str) + "\n")


def read_results(folder: Path) -> dict[str, Any]:
    """Return the results in the folder of a run.

    Raises:
        CrossEmoError: There are none, or they can't be read.
    """
    try:
        content: dict[str, Any] = json.loads((folder / FILE).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CrossEmoError(
            f"{folder} holds no results that can be read: give the folder of a run "
            "that ended, such as logs/NAME/version_0."
        ) from error
    return content


def _without_nan(value: Any) -> Any:  # noqa: ANN401
    """Return plain data with None for NaN, which JSON lacks.

    >>> _without_nan({"recall/sad": float("nan"), "chance": [0.1, 0.25]})
    {'recall/sad': None, 'chance': [0.1, 0.25]}
    """
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and isnan(value) else value
