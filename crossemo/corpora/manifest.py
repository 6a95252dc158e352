"""Clips of one's own, listed in a table."""

import os
from collections.abc import Mapping
from pathlib import Path

from crossemo.corpora.base import Domain
from crossemo.corpora.table_corpus import GivenScale, Table, TableCorpus
from crossemo.corpora.table_files import read_table
from crossemo.files import expanded, printable


class Manifest(TableCorpus):
    """A corpus that a table lists: CSV, TSV, JSON lines or Parquet.

    Columns are known by the names that are in use: `file` (also `path`, `file_name`,
    `audio`, `wav`), `emotion` (`label`, `quadrant`), `valence`, `arousal`,
    `dominance`, `split`, `start` and `end` (or `offset` and `duration`), `id`, and as
    groups all of `group`, `recording`, `song`, `track`, `speaker`, `actor`, `singer`,
    `performer`, `artist`, `album` and `session`, each also with `_id`. Other columns
    are facts about the clips.

    Args:
        path: The table.
        domain: What its clips are.
        name: What to call it, which begins the id of every clip; the name of the
            table's folder if None.
        root: The folder that the paths in the table begin in; the table's if None.
        columns: A column by what it is, such as `{emotion: mood}`, where it has a name
            of its own; also a pattern of columns, such as
            `{file: "samples/{file_id}"}`. With `null`, no column is that.
        words: What its labels mean, such as `{anger: angry, other: null}`; null leaves
            clips out. Labels that are words of crossemo need none.
        scale: Low, high and middle of its values, such as `[1, 9, 5]`, or by name,
            such as `{low: 1, high: 9}`, whose middle is halfway if it is not given.

    Raises:
        CorpusError: The scale or a word is none.
    """

    advice = "say by root which folder the paths in the table begin in"

    def __init__(
        self,
        path: str | Path,
        domain: Domain = "speech",
        name: str | None = None,
        root: str | Path | None = None,
        columns: Mapping[str, str | None] | None = None,
        words: Mapping[str, str | None] | None = None,
        scale: GivenScale | None = None,
    ) -> None:
        self.path = expanded(path)
        folder = self.path.parent if root is None else expanded(root)
        home = os.path.basename(os.path.realpath(self.path.parent))
        super().__init__(folder, domain, name or printable(home), columns, words, scale)

    def table(self) -> Table:
        """Return the table.

        Raises:
            CorpusNotFoundError: It is not there.
            CorpusError: It can't be read.
        """
        columns, rows = read_table(self.path)
        return Table(self.path, columns, rows)
