"""What stands beside the weights of a transformers model that a user's code loaded."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crossemo.encoders.sources import read_json

_FILE = "preprocessor_config.json"


def extractor_settings(part: object) -> Mapping[str, Any]:
    """Return what preprocessor_config.json says of a model from a folder, if anything.

    Args:
        part: A module; only of a transformers model from a local folder it is known.
    """
    name = getattr(part, "name_or_path", None)
    if not isinstance(name, str) or not name:
        return {}
    path = Path(name) / _FILE
    content = read_json(path) if path.is_file() else {}
    settings: Mapping[str, Any] = content.get("feature_extractor", content)
    return settings
