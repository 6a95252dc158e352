"""Rows of a published table, whose errors name the row and the column."""

import csv
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import IO, TypeVar

from crossemo.corpora.base import CorpusError
from crossemo.corpora.listing import refuse
from crossemo.errors import listed, shortened
from crossemo.files import printable

SHOWN = 5  # errors of a kind in a message

R = TypeVar("R")
T = TypeVar("T")


class RowError(CorpusError):
    """A cell that can't be understood, without its place."""


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Args:
        number: Its number as an editor shows it, from 1.
        cells: Cells by column, stripped of blanks.
    """

    number: int
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        """Return a cell that must not be empty.

        Raises:
            RowError: It is empty.
        """
        if not (cell := self.cells[column]):
            raise RowError(f"column {column}: the cell is empty")
        return cell

    def get(self, column: str) -> str:
        """Return a cell; empty where there is no such column."""
        return self.cells.get(column, "")

    def among(self, column: str, words: Collection[str]) -> str:
        """Return a cell that is one of a few words.

        Raises:
            RowError: It is none of them.
        """
        if (cell := self.cells[column]) not in words:
            raise RowError(
                f'column {column}: "{shortened(cell)}" is none of {listed(words)}'
            )
        return cell

    def real(self, column: str) -> float:
        """Return a cell as a finite number.

        Raises:
            RowError: It is none.
        """
        cell = self.cells[column]
        try:
            value = float(cell)
        except ValueError:
            value = float("nan")
        if not isfinite(value):
            raise RowError(f'column {column}: "{shortened(cell)}" is no number')
        return value


def read_rows(
    path: Path,
    parse: Callable[[Row], T],
    columns: Collection[str] = (),
    *,
    delimiter: str | None = None,
    encoding: str = "utf-8",
    ragged: bool = False,
) -> list[T]:
    """Return what each row of a table says.

    Column names and cells are stripped of blanks, no-break ones too, and the case of
    column names doesn't matter; a byte order mark, rows without any cell and empty
    columns behind the last one are passed over.

    Args:
        path: A file whose first row names the columns.
        parse: What to make of a row.
        columns: Columns that must be there; a row may end early behind them.
        delimiter: What separates cells; a tab in a `.tsv` file and else a comma, if
            None.
        encoding: What the file is in if it is not in UTF-8.
        ragged: Whether rows may be shorter or longer than the first. Cells beyond its
            columns are then in the last column, separated as in the file.

    Raises:
        CorpusError: The file can't be read or lacks a column, or rows can't be
            understood; the message shows the first few of these.
    """
    rows = table_rows(path, columns, delimiter, encoding, ragged)
    return parse_rows(path, rows, parse)


def read_lines(
    path: Path, parse: Callable[[str], T | None], encoding: str = "utf-8"
) -> list[T]:
    """Return what the lines of a text say that is no table.

    Args:
        path: The file.
        parse: What to make of a line, stripped of blanks; None where it says nothing.
        encoding: What the file is in if it is not in UTF-8.

    Raises:
        CorpusError: The file can't be read, or lines can't be understood.
    """
    try:
        with _open(path, encoding) as lines:
            stripped = ((number, line.strip()) for number, line in enumerate(lines, 1))
            values = _parsed(path, stripped, parse)
    except OSError as error:
        refuse(error)
    return [value for value in values if value is not None]


def parse_rows(path: Path, rows: Iterable[Row], parse: Callable[[Row], T]) -> list[T]:
    """Return what rows say that were read elsewhere, see `read_rows`.

    Raises:
        CorpusError: Rows can't be understood.
    """
    return _parsed(path, ((row.number, row) for row in rows), parse)


def _parsed(
    path: Path, rows: Iterable[tuple[int, R]], parse: Callable[[R], T]
) -> list[T]:
    values: list[T] = []
    errors: list[str] = []
    for number, row in rows:
        try:
            values.append(parse(row))
        except RowError as error:
            errors.append(f"row {number}, {error}")
    if errors:
        raise CorpusError(f"{printable(path)}, {_cut(errors)}: correct the table.")
    return values


def table_rows(
    path: Path,
    columns: Collection[str] = (),
    delimiter: str | None = None,
    encoding: str = "utf-8",
    ragged: bool = False,
) -> Iterator[Row]:
    """Yield the rows of a table, see `read_rows`.

    Raises:
        CorpusError: The file can't be read, lacks a column or has ragged rows.
    """
    delimiter = delimiter or _delimiter(path)
    try:
        with _open(path, encoding) as lines:
            reader = csv.reader(lines, delimiter=delimiter)
            names = _names(next(reader, []), columns)
            _check_columns(path, names, columns)
            least = 1 + max(map(names.index, columns), default=len(names) - 1)
            strays = []
            for cells in reader:
                row = [cell.strip() for cell in cells]
                if not any(row):
                    continue
                if ragged:
                    last = len(names) - 1
                    row[last:] = [delimiter.join(row[last:])] if row[last:] else []
                elif len(row) < least or any(row[len(names) :]):
                    strays.append(f"row {reader.line_num} has {len(row)} cells")
                    continue
                row += [""] * (len(names) - len(row))
                yield Row(reader.line_num, dict(zip(names, row, strict=False)))
        if strays:
            raise CorpusError(
                f"{printable(path)}, {_cut(strays)}, and the first row "
                f"{len(names)}: correct the table."
            )
    except OSError as error:
        refuse(error)
    except csv.Error as error:
        raise CorpusError(
            f"{printable(path)} can't be read as a table: {error}."
        ) from error


def has_columns(path: Path, columns: Collection[str]) -> bool:
    """Return whether the first row of a table names these columns."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
            names = next(csv.reader(lines, delimiter=_delimiter(path)), [])
    except (OSError, csv.Error):  # whoever reads it says why it can't be read
        return False
    there = {name.strip().casefold() for name in names}
    return there.issuperset(column.casefold() for column in columns)


def _delimiter(path: Path) -> str:
    return "\t" if path.suffix.lower() == ".tsv" else ","


def open_text(path: Path) -> IO[str]:
    """Open a text in UTF-8, with a byte order mark or without.

    Raises:
        CorpusError: It is in another encoding.
        OSError: It can't be read.
    """
    return _open(path, "utf-8")


def _open(path: Path, encoding: str) -> IO[str]:
    """Open a file in UTF-8 or, where its bytes are none, in the other encoding.

    Raises:
        CorpusError: It is in neither.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            for _ in lines:
                pass
    except UnicodeDecodeError as error:
        if encoding == "utf-8" or _is_utf_16(path):
            form = "UTF-16" if _is_utf_16(path) else "another encoding"
            raise CorpusError(
                f"{printable(path)} is not in UTF-8 but in {form} (byte "
                f"{error.object[error.start]:#04x} in row {_row_of(path)}): save it "
                "in UTF-8."
            ) from error
        return path.open(encoding=encoding, newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _row_of(path: Path) -> int:
    """Return the number of the first row whose bytes are not UTF-8."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return 1


def _is_utf_16(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) in (b"\xff\xfe", b"\xfe\xff")


def _names(cells: Iterable[str], columns: Collection[str]) -> list[str]:
    """Return the names of columns, those that must be there spelt as they are."""
    spelt = {column.casefold(): column for column in columns}
    names = [name.strip() for name in cells]
    while names and not names[-1]:
        names.pop()
    return [spelt.get(name.casefold(), name) for name in names]


def _check_columns(path: Path, names: list[str], columns: Collection[str]) -> None:
    if missing := [column for column in columns if column not in names]:
        raise CorpusError(
            f"{printable(path)} has no column {missing[0]}: its columns are "
            f"{listed(shortened(name) for name in names)}."
        )


def _cut(errors: list[str]) -> str:
    more = len(errors) - SHOWN
    return "; ".join(errors[:SHOWN]) + (f"; and {more} more" if more > 0 else "")
