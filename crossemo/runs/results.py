"""results.json: what a run found out, written whole."""

import json
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

from crossemo.files import write_text
from crossemo.version import __version__

FILE = "results.json"


def write_results(folder: Path, content: Mapping[str, Any]) -> None:
    """Write the results of a run, with crossemo's version, to its folder.

    Raises:
        OSError: The folder can't be written or the disk is full.
    """
    plain = _finite({"crossemo": __version__, **content})
    text = json.dumps(plain, indent=2, default=str, allow_nan=False)
    write_text(folder / FILE, text + "\n")


def _finite(value: Any) -> Any:  # noqa: ANN401
    """Return plain data with None for NaN and infinity, which JSON lacks.

    >>> _finite({"recall/sad": float("nan"), "interval": [0.1, float("inf")]})
    {'recall/sad': None, 'interval': [0.1, None]}
    """
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value
