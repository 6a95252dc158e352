from collections.abc import Callable
from pathlib import Path

import pytest

from tests.encoders.tiny import write_tiny

TinyFolder = Callable[[str], Path]


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> TinyFolder:
    written: dict[str, Path] = {}

    def folder(family: str) -> Path:
        if family not in written:
            written[family] = write_tiny(tmp_path_factory.mktemp(family), family)
        return written[family]

    return folder
