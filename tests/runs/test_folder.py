import os
from pathlib import Path

import pytest

from crossemo.errors import CrossEmoError
from crossemo.runs.folder import find_checkpoint, folder_of_runs


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "a/../../x", "/x", "~", "~/x", "a\0b", "ä" * 101],
)
def test_runs_lie_below_their_logs(name: str, tmp_path: Path) -> None:
    with pytest.raises(CrossEmoError, match="--name"):
        folder_of_runs(tmp_path, name)


def test_a_name_may_be_of_several_folders(tmp_path: Path) -> None:
    assert folder_of_runs(tmp_path, "a/b/") == tmp_path / "a" / "b"


def test_a_tilde_is_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert folder_of_runs("~/logs", "x") == tmp_path / "logs" / "x"
    with pytest.raises(CrossEmoError, match=f"There is no checkpoint {tmp_path}/x"):
        find_checkpoint("~/x.ckpt", tmp_path)


def test_a_user_that_there_is_not_has_no_home(tmp_path: Path) -> None:
    with pytest.raises(CrossEmoError, match="no home folder for ~nobody-of-that-name"):
        folder_of_runs("~nobody-of-that-name/logs", "x")


def test_logs_may_be_a_link(tmp_path: Path) -> None:
    os.symlink(tmp_path / "there", tmp_path / "link")
    assert folder_of_runs(tmp_path / "link", "x") == tmp_path / "there" / "x"


def test_a_checkpoint_elsewhere_is_named_as_it_was_given(tmp_path: Path) -> None:
    with pytest.raises(CrossEmoError, match=r"https://there/x\.ckpt is not on this"):
        find_checkpoint("https://there/x.ckpt", tmp_path)
    with pytest.raises(CrossEmoError, match="There is no checkpoint '': give"):
        find_checkpoint("", tmp_path)
