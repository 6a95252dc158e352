import os
import threading
from pathlib import Path

import pytest

from crossemo.commands.configs import given, load, place_of, read, read_settings
from crossemo.commands.survey import YAMLRefusal
from crossemo.errors import CrossEmoError


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_with_a_mark_of_its_encoding_is_read(
    encoding: str, tmp_path: Path
) -> None:
    (tmp_path / "c.yaml").write_text("name: stück\n", encoding=encoding)
    assert read_settings(tmp_path / "c.yaml") == {"name": "stück"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            "threads: 1\nname: stück\n".encode("latin-1"),
            "line 2: that is no text",
        ),
        ("name: x\n".encode("utf-16-le"), "line 1: that is no text in UTF-8"),
        (b"\x89PNG\r\n\x1a\n\0", "line 1: that is no text in UTF-8"),
        (b"a: 1\nb: [\n", "line 3: a value is missing"),
        (b"a: 1\nb: " + b"9" * 5000, "line 2: 9999.* can't be read: put it in quotes"),
        (b"a: 0b_\n", "line 1: 0b_ can't be read"),
        (b"a: 1\n---\nb: 1\n", "line 2: a second config begins"),
        (b"", "is empty: leave it out"),
        (b"# nothing\n", "is empty: leave it out"),
        (b"- a\n", "holds a list, not settings by name"),
        (b"hello\n", "holds a single value, not settings by name"),
        (b"a: 1\n" * 200_001, "is larger than a config, of 1000000 bytes"),
    ],
    ids=lambda content: str(content)[:12],
)
def test_what_is_no_config_is_refused_by_name(
    content: bytes, sentence: str, tmp_path: Path
) -> None:
    (tmp_path / "c.yaml").write_bytes(content)
    with pytest.raises(CrossEmoError, match=rf"c\.yaml,? {sentence}"):
        read_settings(tmp_path / "c.yaml")


def test_a_date_that_there_never_was_is_a_name(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("name: 2026-13-45\n")
    assert read_settings(tmp_path / "c.yaml") == {"name": "2026-13-45"}


@pytest.mark.parametrize(("path", "what"), [("/", "folder"), ("/dev/zero", "no file")])
def test_what_is_no_file_is_not_read(path: str, what: str) -> None:
    with pytest.raises(CrossEmoError, match=what):
        read(Path(path))


def test_a_pipe_is_read_once_and_remembered(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("threads: 1\n",))
    writer.start()
    assert read(pipe) == read(pipe) == "threads: 1\n"
    writer.join()


def test_typed_text_is_held_to_the_same() -> None:
    assert load("{r: 16}") == {"r": 16}
    assert load("1e-3") == 0.001
    with pytest.raises(YAMLRefusal, match=r"write \{r: 16\}"):
        load("{r:16}")


def test_a_setting_has_the_place_that_wins(here: Path) -> None:
    (here / "one.yaml").write_text("threads: 1\nmodel: {lr: 1}\n")
    (here / "other.yaml").write_text("model:\n  init_args:\n    lr: 1\n")
    (here / "plan.yaml").write_text("source:\n  lr: 1\n")
    for name in ("one", "other", "plan"):
        read(Path(f"{name}.yaml"))
    configs = [Path("one.yaml"), Path("other.yaml")]
    assert given(["--data.init_args.seed=1", "x"], configs) == {
        "threads": " (one.yaml, line 1)",
        "model": " (other.yaml, line 1)",
        "model.lr": " (other.yaml, line 3)",
        "data.seed": "",
    }
    assert place_of("threads", []) == " (one.yaml, line 1)"
    assert place_of("model.lr", ["--config", "other.yaml"]) == " (other.yaml, line 3)"
    assert place_of("model.lr", ["--model.lr=x"]) == ""
    assert place_of("stages.source.lr", ["--stages=plan.yaml"]) == (
        " (plan.yaml, line 2)"
    )
