"""Real recordings beside the checkout, for the tests that ask for them."""

import os
from pathlib import Path

import pytest


def real_recordings(name: str) -> Path:
    """Return a folder of real recordings, or skip the test that asks."""
    beside = Path(__file__).parents[3] / "shared" / "data"
    folder = Path(os.environ.get("CROSSEMO_DATA", beside)) / name
    if not folder.is_dir():
        pytest.skip(f"no real recordings: set CROSSEMO_DATA to a folder with {name}")
    return folder
