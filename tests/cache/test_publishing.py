import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from crossemo.cache import (
    FORSAKEN,
    SUMS,
    UNFINISHED,
    cache_dir,
    is_whole,
    new_folder,
)
from crossemo.errors import CrossEmoError


@pytest.fixture
def final(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "final"


def publish(final: Path, content: str) -> None:
    with new_folder(final) as folder:
        (folder / "file").write_text(content)


def left_beside(final: Path) -> list[str]:
    return sorted(path.name for path in final.parent.iterdir() if path != final)


def let_time_pass(seconds: float, *paths: Path) -> None:
    then = time.time() - seconds
    for path in paths:
        os.utime(path, (then, then), follow_symlinks=False)


def test_the_environment_says_where_the_cache_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("CROSSEMO_CACHE", str(tmp_path / "chosen"))
    assert cache_dir() == tmp_path / "chosen"
    monkeypatch.setenv("CROSSEMO_CACHE", "~/here")
    assert cache_dir() == tmp_path / "home" / "here"
    monkeypatch.delenv("CROSSEMO_CACHE")
    assert cache_dir() == tmp_path / "xdg" / "crossemo"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_dir() == tmp_path / "home" / ".cache" / "crossemo"


def test_a_user_without_a_home_is_told_what_to_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CROSSEMO_CACHE", "~nobody-of-that-name/cache")
    with pytest.raises(CrossEmoError, match="set the environment variable CROSSEMO_C"):
        cache_dir()


def test_a_relative_path_is_told_from_the_working_folder(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CROSSEMO_CACHE", "near")
    assert cache_dir() == here / "near"
    assert cache_dir("nearer") == here / "nearer"
    monkeypatch.setenv("HOME", str(here / "home"))
    assert cache_dir("~/below") == here / "home" / "below"
    (here / "gone").mkdir()
    monkeypatch.chdir(here / "gone")
    (here / "gone").rmdir()
    with pytest.raises(CrossEmoError, match="whole path of a folder"):
        cache_dir()


def test_a_folder_gets_its_name_when_it_is_whole(final: Path) -> None:
    with new_folder(final) as folder:
        (folder / "file").write_text("whole")
        assert list(folder.iterdir()) == [folder / "file"]
        assert not final.exists()
    assert (final / "file").read_text() == "whole"
    assert left_beside(final) == []


def test_others_may_read_a_folder_as_any_other(final: Path) -> None:
    publish(final, "")
    usual = final.with_name("usual")
    usual.mkdir()
    assert final.stat().st_mode == usual.stat().st_mode


@pytest.mark.parametrize("error", [OSError(28, "No space left"), KeyboardInterrupt()])
def test_what_is_broken_off_leaves_nothing(final: Path, error: BaseException) -> None:
    with pytest.raises(type(error)), new_folder(final) as folder:  # noqa: PT012
        (folder / "file").write_text("half")
        raise error
    assert list(final.parent.iterdir()) == []


def test_a_file_in_the_way_is_an_error_and_stays(final: Path) -> None:
    final.parent.mkdir()
    final.write_text("a user's")
    with pytest.raises(NotADirectoryError):
        publish(final, "ours")
    assert final.read_text() == "a user's"
    assert left_beside(final) == []


def test_the_loser_of_a_race_leaves_the_winner_s_folder(final: Path) -> None:
    with new_folder(final) as folder:
        (folder / "file").write_text("ours")
        publish(final, "the winner's")
    assert (final / "file").read_text() == "the winner's"
    assert left_beside(final) == []


@pytest.mark.parametrize("good", [True, False])
def test_a_winner_may_be_judged_and_replaced(final: Path, good: bool) -> None:
    judged = []

    def stays(there: Path, ours: Path) -> bool:
        judged.append(((there / "file").read_text(), (ours / "file").read_text()))
        return good

    with new_folder(final, stays) as folder:
        (folder / "file").write_text("ours")
        publish(final, "the winner's")
    assert judged == [("the winner's", "ours")]
    assert (final / "file").read_text() == ("the winner's" if good else "ours")
    assert left_beside(final) == []


def test_one_winner_after_the_other_is_judged(
    final: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename
    judged: list[str] = []

    def stays(there: Path, ours: Path) -> bool:
        judged.append((there / "file").read_text())
        return False

    def overtaken(self: Path, target: Path) -> Path:
        moved = rename(self, target)
        if self == final and len(judged) == 1:
            publish(final, "third")
        return moved

    monkeypatch.setattr(Path, "rename", overtaken)
    with new_folder(final, stays) as folder:
        (folder / "file").write_text("ours")
        publish(final, "second")
    assert judged == ["second", "third"]
    assert (final / "file").read_text() == "ours"
    assert left_beside(final) == []


def test_a_winner_that_has_gone_is_no_error(final: Path) -> None:
    def stays(there: Path, ours: Path) -> bool:
        there.rename(there.with_name("elsewhere"))
        return False

    with new_folder(final, stays) as folder:
        (folder / "file").write_text("ours")
        publish(final, "the winner's")
    assert (final / "file").read_text() == "ours"


def test_what_a_killed_process_left_goes_after_a_day(final: Path) -> None:
    code = """
import os, sys
from pathlib import Path
from crossemo.cache import new_folder
with new_folder(Path(sys.argv[1])) as folder:
    (folder / "file").write_text("half")
    os._exit(9)
"""
    killed = subprocess.run([sys.executable, "-c", code, str(final)], check=False)
    assert killed.returncode == 9
    assert not final.exists()
    (scratch,) = final.parent.iterdir()
    assert scratch.name.startswith(UNFINISHED)
    inside = [scratch / "final", scratch / "final" / "file"]
    assert sorted(scratch.rglob("*")) == inside

    let_time_pass(FORSAKEN - 60, scratch, *inside)
    publish(final, "whole")
    assert left_beside(final) == [scratch.name]
    let_time_pass(FORSAKEN + 60, scratch, *inside)
    publish(final, "whole")
    assert left_beside(final) == []


def test_what_a_wrong_clock_dated_goes_too(final: Path) -> None:
    scratch = final.parent / f"{UNFINISHED}abc"
    scratch.mkdir(parents=True)
    let_time_pass(-2 * FORSAKEN, scratch)
    publish(final, "whole")
    assert left_beside(final) == []


def test_what_is_damaged_does_not_stay(final: Path) -> None:
    publish(final, "whole")
    publish(final, "as good")
    assert (final / "file").read_text() == "whole"
    (final / "file").write_text("holes")
    publish(final, "again")
    assert (final / "file").read_text() == "again"
    assert is_whole(final / SUMS)
    assert left_beside(final) == []


def test_all_is_on_the_disk_before_it_gets_its_name(
    final: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, bool]] = []

    def sync(path: Path) -> None:
        synced.append((path.name, final.exists()))

    monkeypatch.setattr("crossemo.cache.publishing.sync", sync)
    with new_folder(final) as folder:
        (folder / "below").mkdir()
        (folder / "below" / "file").write_text("whole")
    before = {name for name, there in synced if not there}
    assert before == {"final", "below", "file"}  # the sums are synced as any text
    assert synced[-1] == (final.parent.name, True)


def test_what_is_still_written_to_stays_however_old(final: Path) -> None:
    folder = final.parent / f"{UNFINISHED}abc" / "large"
    folder.mkdir(parents=True)
    (folder / "growing").touch()
    let_time_pass(9 * FORSAKEN, folder.parent, folder)
    publish(final, "whole")
    assert left_beside(final) == [f"{UNFINISHED}abc"]
    let_time_pass(9 * FORSAKEN, folder / "growing")
    publish(final, "whole")
    assert left_beside(final) == []


def test_nothing_else_is_removed(final: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    beside = [theirs, final.parent / "older", final.parent / ".unfinished-work"]
    for folder in beside:
        folder.mkdir(parents=True)
        (folder / "file").touch()
        let_time_pass(9 * FORSAKEN, folder / "file", folder)
    link = final.parent / f"{UNFINISHED}link"
    link.symlink_to(theirs)
    let_time_pass(9 * FORSAKEN, link)
    publish(final, "whole")
    assert all((folder / "file").exists() for folder in beside)
