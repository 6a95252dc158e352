"""The configs of runs, and what runs recorded of themselves."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from crossemo.files import expanded, printable
from crossemo.studies.run_files import read_json, read_settings
from crossemo.studies.run_folders import GRID
from crossemo.studies.run_record import RunRecord

if TYPE_CHECKING:
    from pandas import DataFrame

_RESULTS, _CONFIG = "results.json", "config.yaml"


def records_of(runs: "DataFrame") -> Iterator[RunRecord]:
    """Yield what runs recorded.

    Args:
        runs: With the `folder` of each run that is done.

    Raises:
        RunFileError: A file is damaged, or isn't there any more.
    """
    for folder in map(Path, runs["folder"]):
        yield RunRecord(read_json(folder / _RESULTS), read_settings(folder / _CONFIG))


def configs_of(paths: Sequence[Path], runs: "DataFrame") -> dict[str, str]:
    """Return the configs of grids and, of each condition of other runs, one.

    Args:
        paths: Folders of grids, and others.
        runs: With the `run`, `folder` and `condition` of each run that is done.

    Raises:
        RunFileError: A file is damaged, or isn't there any more.
    """
    configs: dict[str, str] = {}
    grids = [path for path in map(expanded, paths) if (path / GRID).is_file()]
    for grid in grids:
        plan = read_json(grid / GRID)
        for name, text in plan.get("configs", {}).items():
            configs[f"{grid.name}: {name}"] = str(text)
        if words := plan.get("words"):
            configs[f"{grid.name}: words typed behind the configs"] = "\n".join(words)
    if len(grids) < len(paths):
        firsts = runs.drop_duplicates("condition")
        for run, folder in zip(firsts["run"], firsts["folder"], strict=True):
            text = (Path(folder) / _CONFIG).read_text("utf-8", "backslashreplace")
            configs[printable(run)] = text
    return configs
