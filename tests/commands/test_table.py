"""The table of commands, and a made-up command, as CONTRIBUTING describes one."""

import logging
from pathlib import Path

import pytest

import crossemo.commands
from crossemo.cli import main
from crossemo.commands import table
from crossemo.errors import CrossEmoError
from crossemo.version import __version__

MADE_UP = '''
"""Count the files of a folder: crossemo count FOLDER."""

from pathlib import Path

from jsonargparse import auto_cli

from crossemo.errors import CrossEmoError


def main(typed: list[str]) -> None:
    """Run `count`."""
    auto_cli(count, args=typed, prog="crossemo count")


def count(folder: Path, suffix: str = "wav") -> None:
    """Count the files of a folder.

    Args:
        folder: Where they lie.
        suffix: How their names end.
    """
    if not folder.is_dir():
        raise CrossEmoError(f"There is no folder {folder}: give one that is there.")
    print(len(list(folder.glob(f"*.{suffix}"))), "files")
'''


@pytest.fixture
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of commands with one file, which is searched as the package's own is."""
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "count.py").write_text(MADE_UP.lstrip())
    assert len(MADE_UP.splitlines()) <= 80
    path = [*crossemo.commands.__path__, str(folder)]
    monkeypatch.setattr(crossemo.commands, "__path__", path)
    return folder


def test_the_table_has_every_command_and_nothing_else() -> None:
    names = ["fit", "validate", "test", "predict", "grid", "report"]
    names += ["recognise", "export", "judge", "audit", "download", "data"]
    names += ["check", "fad", "compare", "cache"]
    assert list(table()) == names
    for line in table().values():
        assert 10 < len(line) <= 80


def test_a_made_up_command_is_one_file(
    made_up: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (made_up / "a.wav").touch()
    (made_up / "b.flac").touch()
    main(["count", str(made_up)])
    main(["count", str(made_up), "--suffix=py"])
    assert capsys.readouterr().out == "1 files\n1 files\n"
    with pytest.raises(SystemExit) as ended:
        main(["count", "nowhere"])
    assert ended.value.code == (
        "crossemo: There is no folder nowhere: give one that is there."
    )


def test_a_made_up_command_is_in_the_help_and_in_the_answers(
    made_up: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "crossemo count FOLDER" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        main(["cuont"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "compare, cache, count. Did you mean count?" in said


def test_a_helper_of_commands_is_no_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["parser"])
    assert "There is no command parser" in capsys.readouterr().err


@pytest.mark.parametrize("typed", [[], ["-h"], ["--help"]])
def test_the_help_shows_all_commands(
    typed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(typed)
    assert not ended.value.code
    shown = capsys.readouterr().out
    for name, line in table().items():
        assert f"  {name} " in shown
        assert line in shown


def test_the_version_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert not ended.value.code
    assert capsys.readouterr().out == f"crossemo {__version__}\n"


def test_mistakes_and_full_disks_are_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from crossemo.commands import cache

    def ends(error: BaseException) -> object:
        def fail() -> None:
            raise error

        monkeypatch.setattr(cache, "entries", fail)
        with pytest.raises(SystemExit) as ended:
            main(["cache"])
        return ended.value.code

    assert ends(CrossEmoError("Say so.")) == "crossemo: Say so."
    assert ends(KeyboardInterrupt()) == 130
    assert "make room" in str(ends(OSError(28, "No space left")))
    monkeypatch.setattr(cache, "entries", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["cache"])


def test_crossemo_speaks_up(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    logger = logging.getLogger("crossemo")
    assert logger.level == logging.INFO
    assert len(logger.handlers) >= 1
