"""Data in the forms of Hugging Face: on the hub, saved to disk, or an AudioFolder."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from crossemo.corpora.audio_folder import folder_rows
from crossemo.corpora.base import Domain
from crossemo.corpora.embedded_audio import EmbeddedAudio
from crossemo.corpora.hugging_data import HuggingData, audio_column, load_data
from crossemo.corpora.rows import Row
from crossemo.corpora.table_corpus import GivenScale, Table, TableCorpus
from crossemo.corpora.table_files import as_text
from crossemo.files import expanded, printable

if TYPE_CHECKING:
    from datasets import Dataset

# Columns beside those of the data.
_FILE, _ID, _SPLIT = "the audio file", "the audio's name", "the split"


class HuggingFace(TableCorpus):
    """A corpus in one of Hugging Face's forms, read through `datasets`.

    Columns are known by the names that `Manifest` knows; classes bear their names, and
    where there are several splits, they are the clips' parts. Audio is not decoded
    before crossemo decodes it. Where it lies inside the data's own files, it is copied
    once into crossemo's cache.

    Args:
        path: A dataset on the hub, such as `owner/name`; a folder that `save_to_disk`
            wrote; or a folder of audio with metadata.csv (or .jsonl, .parquet), or with
            a sub-folder for every label.
        domain: What its clips are.
        name: What to call it, which begins the id of every clip; the last part of the
            path if None.
        subset: Which of several configurations of a dataset.
        revision: Commit, tag or branch on the hub.
        columns: A column by what it is, see `Manifest`.
        words: What its labels mean, see `Manifest`.
        scale: Low, high and middle of its values, see `Manifest`.

    Raises:
        CorpusError: The scale or a word is none.
    """

    advice = "give a dataset of Hugging Face whose audio is there"

    def __init__(
        self,
        path: str,
        domain: Domain = "speech",
        name: str | None = None,
        subset: str | None = None,
        revision: str | None = None,
        columns: Mapping[str, str | None] | None = None,
        words: Mapping[str, str | None] | None = None,
        scale: GivenScale | None = None,
    ) -> None:
        root = expanded(path)
        self.path = str(root) if root.exists() else str(path)
        self.subset, self.revision = subset, revision
        last = printable(os.path.basename(os.path.realpath(root)))
        super().__init__(root, domain, name or last, columns, words, scale)

    def prepare(self) -> None:
        """Copy audio that lies inside the data's files into the cache, once.

        Raises:
            CorpusNotFoundError: There is no such data, or it can't be reached.
            CorpusError: It can't be read, or the copies can't be written.
        """
        if self._embedded:
            self._copies.prepare(self._contents(), sum(map(len, self._embedded)))

    def table(self) -> Table:
        """Return all splits as one table.

        Raises:
            CorpusNotFoundError: There is no such data, or `prepare` was not called.
            CorpusError: It can't be read.
        """
        data = self._data
        if data.splits:
            rows = self._rows()
        else:
            rows = list(folder_rows(data.folder, data.files, _FILE, _SPLIT))
        names = list(dict.fromkeys(name for row in rows for name in row.cells))
        empty = dict.fromkeys(names, "")
        several = len({row.cells[_SPLIT] for row in rows}) > 1
        given: dict[str, str | None] = {"file": _FILE}
        given["split"] = _SPLIT if several else None
        if _ID in names and "id" not in names:
            given["id"] = _ID
        return Table(
            path=Path(self.path),
            columns=names,
            rows=[Row(row.number, {**empty, **row.cells}) for row in rows],
            given=given,
            hidden=(_SPLIT, _ID),
            root=self._copies.folder if self._embedded else None,
        )

    @cached_property
    def _data(self) -> HuggingData:
        return load_data(self.path, self.subset, self.revision)

    def _rows(self) -> list[Row]:
        """Return the rows of a dataset, without reading its audio."""
        column = audio_column(self._data, self.path)
        copies = iter(self._copies.paths() if self._embedded else ())
        rows: list[Row] = []
        for split, data in self._data.splits.items():
            names = [name for name in data.column_names if name != column]
            records = data.with_format("arrow").select_columns(names)[:].to_pylist()
            records = records or [{}] * len(data)
            paths, embedded = _sounds(data, column)
            unique = Counter(os.path.basename(path) for path in paths)
            for number, record in enumerate(records):
                base = os.path.basename(paths[number])
                place = f"{split}/{base if base and unique[base] == 1 else number}"
                cells = {n.strip(): _text(data, n, record[n]) for n in names}
                file = str(next(copies)) if embedded[number] else paths[number]
                cells |= {_FILE: file, _ID: place, _SPLIT: split}
                rows.append(Row(number, cells))
        return rows

    def _contents(self) -> Iterator[tuple[str, bytes]]:
        from datasets import Audio

        column = audio_column(self._data, self.path)
        for data in self._data.splits.values():
            plain = data.select_columns([column])
            for row in plain.cast_column(column, Audio(decode=False)):
                sound = row[column] or {}
                if sound.get("bytes"):
                    yield sound.get("path") or "", sound["bytes"]

    @cached_property
    def _embedded(self) -> list[list[int]]:
        """The rows of each split whose audio lies in the data's files, if any does."""
        if not self._data.splits:
            return []
        column = audio_column(self._data, self.path)
        found = [
            [number for number, one in enumerate(_sounds(data, column)[1]) if one]
            for data in self._data.splits.values()
        ]
        return found if any(found) else []

    @property
    def _copies(self) -> EmbeddedAudio:
        # A fingerprint is of what the data are made of.
        splits = self._data.splits.items()
        key = [(name, one._fingerprint, len(one)) for name, one in splits]
        return EmbeddedAudio(repr(key), self.path)


def _sounds(data: "Dataset", column: str) -> tuple[list[str], list[bool]]:
    """Return the path of each row's audio, and whether its content is in the data."""
    from pyarrow import compute

    audio = data.with_format("arrow").select_columns([column])[:].column(column)
    paths = compute.struct_field(audio, "path").to_pylist()
    sizes = compute.binary_length(compute.struct_field(audio, "bytes")).to_pylist()
    return [path or "" for path in paths], [bool(size) for size in sizes]


def _text(data: "Dataset", name: str, value: object) -> str:
    """Return a cell as text; a class by its name."""
    names = getattr(data.features[name], "names", None)
    if names is not None and isinstance(value, int):
        return names[value] if 0 <= value < len(names) else ""
    return as_text(value)
