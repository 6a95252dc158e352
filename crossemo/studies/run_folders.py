"""Where runs lie: of grids, done or not, and of single fits."""

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from crossemo.errors import CrossEmoError, shortened
from crossemo.files import expanded
from crossemo.studies.run_files import RunFileError, read_json

State = Literal["done", "running", "failed", "missing"]
GRID, OUTCOME, PROGRESS = "grid.json", "outcome.json", "progress.json"
_VERSION = re.compile(r"version_(\d{1,9})")
_RESULTS, _CONFIG = "results.json", "config.yaml"


@dataclass(frozen=True)
class RunFolder:
    """A run, before any of its numbers is read.

    Args:
        name: Its label in its grid, or its folder relative to what was given.
        prefix: What tells it from another of that name.
        folder: Its newest `version_K` that is done or, without one, the newest; None
            where nothing was begun.
        state: `done` so far as is known without its results.
        sentence: Why it is not done.
        seconds: How long it took, where the grid says so.
    """

    name: str
    prefix: str
    folder: Path | None
    state: State
    sentence: str = ""
    seconds: float | None = None


def run_folders(paths: Sequence[str | Path]) -> list[RunFolder]:
    """Return the runs of grids and the single runs in folders and below them.

    Links are followed. A run that several paths lead to is there once, by the name
    that it has in the first grid.

    Args:
        paths: Folders.

    Raises:
        CrossEmoError: One is no folder, or holds no run.
    """
    walks = {path: _walk(path) for path in map(expanded, paths)}
    planned = [r for folders in walks.values() for f in folders for r in _of_grid(f)]
    homes = {_home(run) for run in planned if run.folder}
    runs: dict[str, RunFolder] = {}
    for run in planned:
        runs.setdefault(_key(run), run)
    for given, folders in walks.items():
        singles = [run for folder in folders for run in _single(folder, given)]
        if not singles and not any((folder / GRID).is_file() for folder in folders):
            raise CrossEmoError(
                f"No run lies in {given}: give the folder of a grid, or one with runs "
                "below it, such as logs."
            )
        for run in singles:
            if _home(run) not in homes:
                runs.setdefault(_key(run), run)
    return _told_apart(list(runs.values()))


def _walk(path: Path) -> list[Path]:
    """Return a folder and those below it that may hold runs, in order of name."""
    if not path.is_dir():
        raise CrossEmoError(f"{path} is no folder: give one with runs in it.")
    seen, folders = set(), []
    for place, names, _ in os.walk(path, followlinks=True):
        full = os.path.realpath(place)
        if full in seen:
            names.clear()
            continue
        seen.add(full)
        folders.append(Path(place))
        # A run's own folder holds no other.
        names[:] = [] if _VERSION.fullmatch(Path(place).name) else sorted(names)
    return folders


def _of_grid(folder: Path) -> Iterator[RunFolder]:
    """Yield the runs of a grid whose folder this is."""
    if not (folder / GRID).is_file():
        return
    try:
        plan = read_json(folder / GRID)
        entries = [(str(one["label"]), str(one["digest"])) for one in plan["runs"]]
    except (RunFileError, KeyError, TypeError) as error:
        raise CrossEmoError(
            f"{folder / GRID} is no plan of a grid ({shortened(error)}): run crossemo "
            "grid again, which writes it."
        ) from error
    for label, digest in entries:
        home = folder / label
        if not home.is_dir() or Path(label).name != label:
            home = folder.parent / "runs" / Path(digest).name
        yield _at_home(label, folder.name, home)


def _at_home(name: str, prefix: str, home: Path) -> RunFolder:
    """Return the run whose home a folder is, such as `logs/runs/DIGEST`."""
    versions = _versions(home)
    newest = versions[-1] if versions else None
    if not (home / OUTCOME).is_file():
        begun = newest is not None or (home / PROGRESS).is_file()
        sentence = "unfinished: it is under way, or was cut off" if begun else "missing"
        return RunFolder(
            name, prefix, newest, "running" if begun else "missing", sentence
        )
    try:
        outcome = read_json(home / OUTCOME)
    except RunFileError as error:
        return RunFolder(name, prefix, newest, "running", f"unfinished: {error}")
    if outcome.get("state") != "done":
        why = shortened(outcome.get("sentence") or "it doesn't say why", 500)
        return RunFolder(name, prefix, newest, "failed", f"failed: {why}")
    folder = home / f"version_{outcome.get('version')}"
    seconds = outcome.get("seconds")
    time = float(seconds) if isinstance(seconds, int | float) else None
    return RunFolder(name, prefix, folder, "done", seconds=time)


def _single(folder: Path, given: Path) -> Iterator[RunFolder]:
    """Yield the run that lies in a folder: of a grid's home, or a single one."""
    if any((folder / name).is_file() for name in (OUTCOME, PROGRESS)):
        yield _at_home(_name(folder, given), str(given), folder)
        return
    home = folder.parent
    if not _VERSION.fullmatch(folder.name) or (home / OUTCOME).is_file():
        return
    name = _name(folder, given)
    if (folder / _RESULTS).is_file():
        yield RunFolder(name, str(given), folder, "done")
    elif (folder / _CONFIG).is_file():
        sentence = "unfinished: it has no results"
        yield RunFolder(name, str(given), folder, "running", sentence)


def _versions(home: Path) -> list[Path]:
    """Return the folders `version_K` of a home, the newest last."""
    if not home.is_dir():
        return []
    numbers = {
        int(match[1]): path
        for path in home.iterdir()
        if (match := _VERSION.fullmatch(path.name)) and path.is_dir()
    }
    return [numbers[number] for number in sorted(numbers)]


def _name(folder: Path, given: Path) -> str:
    relative = str(folder.relative_to(given))
    return f"{folder.parent.name}/{folder.name}" if relative == "." else relative


def _home(run: RunFolder) -> str:
    return os.path.realpath(run.folder.parent) if run.folder else ""


def _key(run: RunFolder) -> str:
    """Return what is the same for two ways to a run."""
    if run.folder is None:
        return f"{run.prefix}/{run.name}"
    return os.path.realpath(run.folder)


def _told_apart(runs: list[RunFolder]) -> list[RunFolder]:
    """Return runs no two of which have one name."""
    times = Counter(run.name for run in runs)
    longer = [
        replace(run, name=f"{run.prefix}/{run.name}") if times[run.name] > 1 else run
        for run in runs
    ]
    times = Counter(run.name for run in longer)
    return [
        replace(run, name=str(run.folder)) if times[run.name] > 1 else run
        for run in longer
    ]
