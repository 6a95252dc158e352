"""A grid's runs: what each is known by, what it is called and how it is begun."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HOME = "runs"  # below the logs, of the runs of all grids


@dataclass(frozen=True)
class Axis:
    """What varies between the runs of a grid.

    Args:
        name: Its name, such as `encoder`.
        keys: The settings that it is of, such as `model.encoder`.
        values: The labels of its values.
    """

    name: str
    keys: tuple[str, ...]
    values: tuple[str, ...]


@dataclass(frozen=True)
class Run:
    """A fit of a grid.

    Args:
        digest: 12 hex digits of what decides its numbers.
        label: What it is called in its grid, such as `wav2vec2-base_lora_fold0`.
        axes: The label of its value by axis.
        words: What stands behind `fit`.
        configs: Text of its configs, by the names of their files in its folder.
    """

    digest: str
    label: str
    axes: Mapping[str, str]
    words: tuple[str, ...]
    configs: Mapping[str, str]

    @property
    def name(self) -> str:
        """The name of the run, below the logs."""
        return f"{HOME}/{self.digest}"


@dataclass(frozen=True)
class Plan:
    """A grid, ready to be run.

    Args:
        name: Its name, below the logs.
        logs: The folder of logs.
        runs: Its runs, each digest once.
        axes: What varies between them.
        configs: Text of the configs that it was made of, by file name.
        words: The overrides that were typed.
    """

    name: str
    logs: Path
    runs: tuple[Run, ...]
    axes: tuple[Axis, ...]
    configs: Mapping[str, str]
    words: tuple[str, ...]

    def folder_of(self, run: Run) -> Path:
        """Return the home of a run, which grids that have it share."""
        return self.logs / HOME / run.digest
