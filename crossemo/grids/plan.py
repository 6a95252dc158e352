"""What is to be run: the runs of a grid."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """An ordinary fit of a grid.

    Args:
        digest: 12 hex digits of what decides its numbers.
        label: Its name in tables.
        axes: Its place on every axis of the grid.
        words: What is typed behind `fit`.
    """

    digest: str
    label: str
    axes: Mapping[str, str]
    words: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """The runs of a grid.

    Args:
        name: Its name.
        logs: Folder of logs.
        runs: Its runs.
    """

    name: str
    logs: Path
    runs: tuple[Run, ...]
