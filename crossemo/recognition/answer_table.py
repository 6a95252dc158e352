"""A table of answers in a file, which is gone on with where it was cut off."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from time import monotonic
from typing import Any

from crossemo.errors import CrossEmoError, reason_of
from crossemo.files import write_text
from crossemo.recognition.answer_rows import Form, Row, files_of, head, text

RECORD = ".made_with.json"  # behind the table's name
EVERY = 2.0  # seconds from one record of what is whole to the next


class TableError(CrossEmoError):
    """A table that can't be gone on with."""


def form_of(table: Path) -> Form:
    """Return the form of a table by its ending.

    Raises:
        TableError: It is neither.
    """
    forms: dict[str, Form] = {".csv": "csv", ".jsonl": "jsonl"}
    if table.suffix not in forms:
        raise TableError(
            f"--to {table} is neither .csv nor .jsonl (JSON lines): give a name that "
            "ends in one of them."
        )
    return forms[table.suffix]


class AnswerTable:
    """A table of answers to which whole recordings are added.

    Beside it lies a record of what it was made with, and how much of it is whole. A
    table that was cut off is cut back to that.

    Args:
        table: The file.
        columns: Its columns.
        made_with: What changes answers: the model and the options.

    Attributes:
        present: The recordings that are there and whole.

    Raises:
        TableError: There is a table that was made with something else or altered, or
            it can't be written.
    """

    def __init__(
        self, table: Path, columns: Sequence[str], made_with: Mapping[str, Any]
    ) -> None:
        self._table, self._form = table, form_of(table)
        self._made_with = json.loads(json.dumps(made_with))
        self._record = table.with_name(table.name + RECORD)
        self._sum = blake2b(digest_size=16)
        self._bytes, self._noted = 0, monotonic()
        try:
            whole = self._whole() if table.exists() else 0
            self.present = set(files_of(self._lines(whole), self._form))
            table.parent.mkdir(parents=True, exist_ok=True)
            self._file = table.open("r+b" if whole else "wb")
            self._file.seek(whole)
            self._file.truncate()
            if not whole:
                self._write(head(columns, self._form))
            self._note()
        except OSError as error:
            why = reason_of(error)
            raise TableError(f"Can't write {table}: {why}.") from error

    def add(self, rows: Sequence[Row]) -> None:
        """Write all rows of a recording."""
        self._write(text(rows, self._form))
        if monotonic() - self._noted > EVERY:
            self._note()

    def close(self) -> None:
        """Note that all of it is whole."""
        self._note()
        self._file.close()

    def _write(self, content: str) -> None:
        encoded = content.encode("utf-8", "backslashreplace")
        self._file.write(encoded)
        self._sum.update(encoded)
        self._bytes += len(encoded)

    def _note(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        record = {**self._made_with, "bytes": self._bytes, "sum": self._sum.hexdigest()}
        write_text(self._record, json.dumps(record, indent=2) + "\n")
        self._noted = monotonic()

    def _whole(self) -> int:
        """Return how many bytes of the table are whole.

        Raises:
            TableError: It was made with something else, or is another by now.
        """
        elsewhere = f"Give another --to, or remove {self._table} first."
        try:
            record = json.loads(self._record.read_text("utf-8"))
            number, expected = int(record.pop("bytes")), str(record.pop("sum"))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise TableError(
                f"{self._table} is there, and nothing beside it says that crossemo "
                f"recognise wrote it ({self._record.name}). {elsewhere}"
            ) from error
        for name in self._made_with.keys() | record.keys():
            now, then = self._made_with.get(name), record.get(name)
            if now != then:
                raise TableError(
                    f"{self._table} was made with {name} {then}, and this would be "
                    f"with {now}, so the two don't belong together. {elsewhere}"
                )
        digest = blake2b(digest_size=16)
        with self._table.open("rb") as file:
            for start in range(0, number, 1 << 20):
                digest.update(file.read(min(1 << 20, number - start)))
        if digest.hexdigest() != expected:
            raise TableError(
                f"{self._table} was altered since crossemo recognise wrote it, so it "
                f"can't be gone on with. {elsewhere}"
            )
        self._sum, self._bytes = digest, number
        return number

    def _lines(self, whole: int) -> Iterator[str]:
        """Yield the lines of the part that is whole."""
        if not whole:
            return
        with self._table.open("rb") as file:
            while file.tell() < whole:
                yield file.readline().decode("utf-8")
