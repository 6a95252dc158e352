import os
from pathlib import Path

import pytest

from crossemo.runs.folder import from_here


def test_a_path_is_shown_in_full_where_the_working_folder_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert from_here(tmp_path / "logs") == os.path.join("..", "logs")
    (tmp_path / "here").rmdir()
    assert from_here(tmp_path / "logs") == str(tmp_path / "logs")
