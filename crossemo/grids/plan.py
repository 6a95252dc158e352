"""A grid's runs: what each is known by, what it is called and how it is begun."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from crossemo.errors import CrossEmoError, reason_of
from crossemo.files import sync, write_text
from crossemo.grids.home import home_of
from crossemo.version import __version__

FILE = "grid.json"


@dataclass(frozen=True)
class Axis:
    """What varies between the runs of a grid.

    Args:
        name: Its name, such as `encoder`.
        keys: The options that it is of, such as `model.encoder`.
        values: The labels of its values.
    """

    name: str
    keys: tuple[str, ...]
    values: tuple[str, ...]


@dataclass(frozen=True)
class Run:
    """An ordinary fit of a grid.

    Args:
        digest: 12 hex digits of what decides its numbers.
        label: What it is called in its grid, such as `wav2vec2-base_lora_fold0`.
        axes: The label of its value by axis.
        words: What is typed behind `fit`.
        configs: Text of its configs, by the names of their files in its folder.
    """

    digest: str
    label: str
    axes: Mapping[str, str]
    words: tuple[str, ...]
    configs: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Plan:
    """A grid, ready to be run.

    Args:
        name: Its name, below the logs.
        logs: Folder of logs.
        runs: Its runs, each digest once.
        axes: What varies between them.
        configs: Text of the configs that it was made of, by file name.
        words: The options that were typed.
    """

    name: str
    logs: Path
    runs: tuple[Run, ...]
    axes: tuple[Axis, ...] = ()
    configs: Mapping[str, str] = field(default_factory=dict, repr=False)
    words: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Where the grid is described and its runs are linked."""
        return self.logs / self.name

    def home_of(self, run: Run) -> Path:
        """Return the folder of a run, which all grids of these logs share."""
        return home_of(run.digest, self.logs)

    def content(self) -> dict[str, object]:
        """Return what `grid.json` says."""
        runs = [asdict(run) for run in self.runs]
        return {
            "crossemo": __version__,
            "name": self.name,
            "configs": dict(self.configs),
            "words": list(self.words),
            "axes": [asdict(axis) for axis in self.axes],
            "runs": [{k: v for k, v in run.items() if k != "configs"} for run in runs],
        }

    def write(self) -> None:
        """Write the configs of all runs, then `grid.json`, then a link to each run.

        What is there already stays.

        Raises:
            CrossEmoError: The folder of logs can't be written to.
        """
        try:
            for run in self.runs:
                for name, text in run.configs.items():
                    _write_new(self.home_of(run) / name, text)
            text = f"{json.dumps(self.content(), indent=1, ensure_ascii=False)}\n"
            _write_new(self.folder / FILE, text)
            self._link()
        except OSError as error:
            raise CrossEmoError(
                f"Can't write the grid below {self.logs}: {reason_of(error)}; choose "
                "another folder with --logs."
            ) from error

    def _link(self) -> None:
        """Link each run by its label, and no run that is not of this grid."""
        homes = {run.label: self.home_of(run) for run in self.runs}
        links = {
            label: os.path.relpath(home, self.folder) for label, home in homes.items()
        }
        root = os.path.relpath(home_of("", self.logs), self.folder)
        for path in self.folder.iterdir():
            if path.is_symlink() and os.path.dirname(os.readlink(path)) == root:
                if links.get(path.name) == os.readlink(path):
                    del links[path.name]
                elif path.name not in links:
                    path.unlink()
        with TemporaryDirectory(prefix=".unfinished-", dir=self.folder) as scratch:
            for label, target in links.items():
                link = Path(scratch, label)
                link.symlink_to(target, target_is_directory=True)
                link.replace(self.folder / label)
        sync(self.folder)


def _write_new(path: Path, text: str) -> None:
    """Write a file unless it says that already."""
    with suppress(OSError, UnicodeDecodeError):
        if path.read_text("utf-8") == text:
            return
    write_text(path, text)
