"""A folder of audio and metadata as Hugging Face's AudioFolder lays it out."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from crossemo.corpora.listing import AUDIO
from crossemo.corpora.rows import Row
from crossemo.corpora.table_files import read_table

METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")


def folder_rows(
    root: Path, files: Mapping[str, Sequence[str]], file: str, split: str
) -> Iterator[Row]:
    """Yield the rows of the metadata, or else one for each file, named by its folder.

    Args:
        root: The folder.
        files: Its files by split, as `datasets` finds them.
        file: Column that gets the path of a file below the root.
        split: Column that gets the name of its split.

    Raises:
        CorpusError: A table of metadata can't be read.
    """
    for part, names in files.items():
        paths = [Path(name) for name in names]
        tables = [path for path in paths if path.name in METADATA]
        for table in tables:
            for row in read_table(table)[1]:
                path = _below(table.parent / row.get("file_name"), root)
                cells = {k: v for k, v in row.cells.items() if k != "file_name"}
                place = path if row.get("file_name") else ""
                yield Row(row.number, {file: place, split: part, **cells})
        if not tables:
            sounds = [path for path in paths if path.suffix[1:].lower() in AUDIO]
            for number, sound in enumerate(sounds, 1):
                cells = {file: _below(sound, root), split: part}
                yield Row(number, cells | {"label": sound.parent.name})


def _below(path: Path, root: Path) -> str:
    """Return a path below the root, which `datasets` may have followed as a link."""
    base = root if path.is_relative_to(root) else os.path.realpath(root)
    return Path(os.path.relpath(path, base)).as_posix()
