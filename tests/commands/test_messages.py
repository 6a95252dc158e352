"""What ends a command is said in one sentence."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from crossemo.cli import main
from crossemo.commands import cache
from crossemo.commands.messages import sentence_of
from crossemo.errors import CrossEmoError


def test_mistakes_and_the_systems_refusals_are_sentences(tmp_path: Path) -> None:
    def refused(path: Path) -> str | None:
        with pytest.raises(OSError, match="directory") as refusal:
            path.read_bytes()
        return sentence_of(refusal.value)

    (tmp_path / "file").touch()
    assert sentence_of(CrossEmoError("Say so.")) == "Say so."
    assert refused(tmp_path) == f"{tmp_path}: Is a directory."
    inside = tmp_path / "file" / "inside"
    assert refused(inside) == f"{inside}: Not a directory."
    assert "make room" in (sentence_of(OSError(28, "No space left")) or "")
    assert sentence_of(OSError(5, "Input/output error")) == "Input/output error."
    assert sentence_of(OSError("transformers says")) is None
    assert sentence_of(KeyError("name")) is None


def test_a_lack_of_memory_is_a_sentence() -> None:
    def refused(samples: int) -> str | None:
        with pytest.raises((RuntimeError, MemoryError)) as refusal:
            torch.empty(samples)
        error = refusal.value
        assert isinstance(error, Exception)
        return sentence_of(error)

    assert "not enough memory" in (refused(1 << 58) or "")
    assert "not enough memory" in (sentence_of(MemoryError()) or "")


def test_a_fault_of_ours_leaves_its_traceback_in_a_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CROSSEMO_TRACEBACK")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(cache, "entries", lambda: 1 / 0)
    with pytest.raises(SystemExit) as ended:
        main(["cache"])
    sentence = str(ended.value.code)
    assert "fault of crossemo's" in sentence
    assert "ZeroDivisionError: division by zero" in sentence
    match = re.search(r"report it with (\S+),", sentence)
    assert match is not None
    text = Path(match[1]).read_text()
    assert "Traceback" in text
    assert "lambda: 1 / 0" in text


def test_who_looks_for_a_fault_sees_it_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "entries", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["cache"])


def shell(command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    line = command.replace("crossemo", f"{sys.executable} -m crossemo")
    return subprocess.run(
        ["bash", "-c", line],
        cwd=cwd,
        env=os.environ
        | {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONUNBUFFERED": ""},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_reader_who_leaves_ends_a_command_without_a_word(tmp_path: Path) -> None:
    ended = shell("set -o pipefail; crossemo --help | true", tmp_path)
    assert ended.returncode in (0, 141)  # true may be gone before or after
    assert ended.stderr == ""
    ended = shell("crossemo --help > /dev/full", tmp_path)
    assert "no space left" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "Exception ignored" not in ended.stderr


def test_closed_streams_are_borne_and_no_file_gets_their_numbers(
    tmp_path: Path,
) -> None:
    ended = shell("crossemo --version >&- 2>&-", tmp_path)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    script = (
        "import os; from crossemo.commands.streams import open_streams; open_streams();"
        "os.write(os.open('data', os.O_CREAT | os.O_RDWR), b'data');"
        "os.write(2, b'warning')"
    )
    (tmp_path / "script.py").write_text(script)
    shell(f"{sys.executable} script.py >&- 2>&-", tmp_path)
    assert (tmp_path / "data").read_bytes() == b"data"


def test_any_name_can_be_written_to_any_terminal(tmp_path: Path) -> None:
    ended = shell("PYTHONIOENCODING=ascii crossemo fad ü nowhere", tmp_path)
    assert ended.returncode == 1
    assert "\\xfc" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_name_that_no_config_could_hold_is_refused(tmp_path: Path) -> None:
    for command in ("fad x$'\\xff'y b", "fit --logs x$'\\xff'y"):
        ended = shell(f"crossemo {command}", tmp_path)
        assert ended.returncode == 1
        assert ended.stderr.startswith(
            "crossemo: x\\xffy holds bytes that are not UTF-8"
        )


def test_a_locale_that_knows_no_such_names_is_a_sentence() -> None:
    error = UnicodeEncodeError("ascii", "é", 0, 1, "ordinal not in range(128)")
    assert "PYTHONUTF8=1" in str(sentence_of(error))
    error = UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates not allowed")
    assert sentence_of(error) is None


def test_a_folder_that_is_no_more_is_a_sentence(tmp_path: Path) -> None:
    ended = shell("mkdir gone; cd gone; rmdir ../gone; crossemo --help", tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.startswith("crossemo: The folder that you are in is no more")


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (
            ["download"],
            "corpus and directory must be given: say crossemo download CORPUS "
            "DIRECTORY.",
        ),
        (
            ["recognise", "a.wav"],
            "model must be given: say crossemo recognise RECORDINGS … --model MODEL.",
        ),
        (
            ["audit"],
            "Which data? Give --config, such as demo.yaml, or --data CLASS.",
        ),
        (["download", "ravdess", "x", "--rot=y"], "There is no option rot."),
        (["cache", "--claer"], "There is no option claer: did you mean clear?"),
        (
            ["cache", "--clear", "dmo"],
            "--clear can't be dmo: choose audio, demo, distances, features, files, "
            "waveforms.",
        ),
        (["compare"], "runs must be given: say crossemo compare RUNS …."),
    ],
)
def test_short_commands_speak_as_the_long_ones_do(
    typed: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(typed)
    advice = f"All options: crossemo {typed[0]} --help"
    assert capsys.readouterr().err.splitlines() == [f"crossemo: {sentence}", advice]
