"""What a made-up copy of a corpus is, and the sounds in it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

import numpy as np
import soundfile

from crossemo.corpora.base import Corpus


@dataclass(frozen=True)
class OfficialTree:
    """A corpus as its authors publish it, small and made up.

    Args:
        corpus: Makes the corpus of a root.
        write: Writes the tree below an empty folder and returns the audio file of each
            clip that should be listed, by stem, in order.
        table: The table of annotations, below the root; None where names say it all.
        cell: A number in the table and one that is out of the corpus's scale, with the
            text around them that makes them single; None where there is no scale.
        row: A row of the table that names a clip, whose repeat is a repeat; None where
            the table has no rows.
        too_low: A folder below the root that holds no annotations, if there is a table.
        searched: Whether the corpus is looked for below its root, and known by it.
        options: What a config says of the place: by option, a path below the root.
    """

    corpus: Callable[[Path], Corpus]
    write: Callable[[Path], dict[str, Path]]
    table: str | None = None
    cell: tuple[str, str] | None = None
    row: str | None = None
    too_low: str | None = None
    searched: bool = True
    options: Mapping[str, str] = field(default_factory=lambda: {"root": ""})


def write_sound(
    path: Path, seconds: float = 0.3, rate: int = 16_000, channels: int = 1
) -> Path:
    """Write a tone with noise that is of this stem alone, in the format of the suffix.

    Returns:
        The path.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(crc32(path.stem.encode()))
    time = np.arange(round(seconds * rate)) / rate
    tone = 0.3 * np.sin(2 * np.pi * random.uniform(100, 400) * time)
    noise = 0.02 * random.standard_normal((len(time), channels))
    soundfile.write(path, tone[:, None] + noise, rate)
    return path


def write_table(path: Path, *lines: str, encoding: str = "utf-8") -> None:
    """Write lines of text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(f"{line}\n" for line in lines).encode(encoding))


def touch(*paths: Path) -> None:
    """Write empty files, for listings of corpora in their full size."""
    for folder in {path.parent for path in paths}:
        folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        path.touch()
