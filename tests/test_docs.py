"""The docs keep up: what they name is there, and what is there is named."""

import re
import shlex
from collections.abc import Iterator
from itertools import filterfalse
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import constants

from crossemo.encoders import CATALOGUE
from crossemo.version import __version__
from tests.pages import ELSEWHERE, FENCED, ROOT, TYPED, steps, typed
from tests.shell import status

README, CONTRIBUTING = ROOT / "README.md", ROOT / "CONTRIBUTING.md"
INDEX = ROOT / "docs" / "index.md"
PAGES = sorted((ROOT / "docs").rglob("*.md"))
EVERY = [README, CONTRIBUTING, *PAGES]
LINK = re.compile(r"\]\(([^)\s]+)\)")
NAMED = re.compile(r"`((?:crossemo|tests|configs|docs|\.ci)/[^`\s]*)`")


def prose(page: Path) -> str:
    """Return a page without its fenced blocks."""
    return FENCED.sub("", page.read_text("utf-8"))


def anchors(page: Path) -> set[str]:
    """Return where links may point to in a page, as GitHub names it."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", title.lower()) for title in titles)
    return {title.replace(" ", "-") for title in plain}


def links(page: Path) -> set[Path]:
    """Return the files that a page links to."""
    targets = (link.partition("#")[0] for link in LINK.findall(prose(page)))
    return {(page.parent / target).resolve() for target in targets if target}


def test_the_readme_is_short_and_every_page_has_one_title() -> None:
    assert len(README.read_text("utf-8").splitlines()) <= 200
    for page in EVERY:
        assert len(re.findall(r"^# ", prose(page), re.MULTILINE)) == 1, page


def test_every_page_is_linked_from_the_readme_and_the_index() -> None:
    for page in PAGES:
        assert page in links(README), page
        assert page in links(INDEX) | {INDEX}, page


def test_the_index_names_pages_as_they_name_themselves() -> None:
    entries = re.findall(r"^- \[(.+?)\]\(([\w-]+\.md)\)", prose(INDEX), re.MULTILINE)
    assert len(entries) > 30
    for name, page in entries:
        assert f"# {name}\n" in (INDEX.parent / page).read_text("utf-8"), page


@pytest.mark.parametrize("page", EVERY, ids=lambda page: page.name)
def test_every_link_and_path_exists(page: Path) -> None:
    for link in LINK.findall(prose(page)):
        target, _, anchor = link.partition("#")
        if "://" in target:
            continue
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), link
        assert not anchor or anchor in anchors(file), link
    for name in NAMED.findall(prose(page)):
        path = ROOT / name
        # NAME and … stand for names that a reader chooses.
        chosen = "NAME" in path.name or "…" in path.name
        assert (path.parent if chosen else path).exists(), name


def test_every_encoder_and_config_is_named() -> None:
    text = "".join(page.read_text("utf-8") for page in [README, *PAGES])
    for name in CATALOGUE:
        assert f"`{name}`" in text, name
    for config in (ROOT / "configs").rglob("*.yaml"):
        name = config.relative_to(ROOT).as_posix()
        assert f"`{name}`" in text, name


def test_every_room_is_in_the_architecture() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    rooms = {path.stem for path in (ROOT / "crossemo").glob("[!_]*.py")}
    rooms |= {path.parent.name for path in (ROOT / "crossemo").glob("*/__init__.py")}
    assert [room for room in sorted(rooms) if f"`{room}`" not in text] == []


def test_every_command_is_in_the_readme_s_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = f"{status(['no-such-command'], monkeypatch)} {capsys.readouterr().err}"
    _, _, commands = answer.partition("choose ")
    names = re.findall(r"\w+", commands.partition(".")[0])
    assert {"fit", "cache"} < set(names)
    table = re.findall(r"^\| `(?:lightning|crossemo) (\w+)`", README.read_text(), re.M)
    assert sorted(table) == sorted(names)


def shown() -> Iterator[list[str]]:
    """Yield what the docs have a reader type behind `lightning` or `crossemo`."""
    for page in EVERY:
        yield from (step for step in steps(page) if not isinstance(step, str))


def parsed_together() -> dict[str, list[str]]:
    """Return the commands that no test types as they stand, by what they run.

    Those that run one config are made one, which is faster.
    """
    together: dict[str, list[str]] = {}
    for words in filterfalse(typed_steps().__contains__, shown()):
        if words[0] not in ("fit", "validate", "test", "predict"):
            together[shlex.join(words)] = words
            continue
        # What a reader's own runs have left is not there, nor a folder of theirs.
        words = [
            re.sub(r"^logs/.*\.yaml$", "configs/ravdess_speech_to_song.yaml", word)
            for word in words
        ]
        words = ["tiny" if word == "path/to/a/folder" else word for word in words]
        key = shlex.join(words[:3])
        together.setdefault(key, words[:3]).extend(words[3:])
    return together


def typed_steps() -> list[list[str] | str]:
    """Return what tests/test_pages_run.py types."""
    return [step for page in TYPED for step in typed(page)]


def test_every_command_is_run_by_a_test() -> None:
    needed = set()
    for words in filterfalse(typed_steps().__contains__, shown()):
        command = " ".join(words)
        pattern = next((one for one in ELSEWHERE if re.match(one, command)), None)
        assert pattern, command
        needed.add(pattern)
    assert needed == set(ELSEWHERE)
    for file in ELSEWHERE.values():
        assert (ROOT / file).is_file(), file


def test_the_distances_of_the_python_page_are_computed() -> None:
    page = (ROOT / "docs" / "python.md").read_text("utf-8")
    blocks = [code for language, code in FENCED.findall(page) if language == "python"]
    people = tuple("aabbccdd")
    names: dict[str, Any] = dict.fromkeys(("speakers", "artists"), people)
    sets = ("x", "y", "happy_speech", "sad_speech", "happy_music", "sad_music")
    for name in sets:
        names[name] = torch.randn(len(people), 768)
    for block in blocks:
        if "istance" in block or "compare_clips" in block:
            exec(block, names)
    assert float(names["distance"].compute()) > 0
    assert {row["estimator"] for row in names["rows"]} > {"fad", "kernel"}
    assert {row["measure"] for row in names["measures"]} > {"emotion_bias"}


@pytest.mark.parametrize("words", parsed_together().values(), ids=parsed_together())
def test_every_command_has_options_that_there_are(
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CROSSEMO_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    if words[0] in ("fit", "validate", "test", "predict"):
        words = [*words, "--print_config"]
    elif words[0] == "download":  # but not here
        words = [*words, "--help"]
    elif words[0] == "grid":  # of 202 runs
        words = [*words, "--dry-run"]
    # Folders that aren't there end in a sentence, options in a 2.
    assert status(words, monkeypatch) != 2, capsys.readouterr().err


def test_ci_runs_the_readme_s_test_command() -> None:
    command = re.search(r"<!-- test -->\n```bash\n(.*)\n```", README.read_text("utf-8"))
    assert command
    assert "pytest" in command[1]
    # The script takes the command out of the README itself.
    assert "<!-- test -->" in (ROOT / ".ci" / "run").read_text()


def test_the_changelog_and_the_citation_know_the_version() -> None:
    assert f"version: {__version__}" in (ROOT / "CITATION.cff").read_text()
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text()
