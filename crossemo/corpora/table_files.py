"""Tables of one's own: CSV, TSV, JSON lines and Parquet, as rows of text."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from math import isnan
from pathlib import Path
from typing import Any

from crossemo.corpora.base import CorpusError, CorpusNotFoundError
from crossemo.corpora.listing import refuse
from crossemo.corpora.rows import Row, RowError, open_text, parse_rows, table_rows
from crossemo.errors import listed, reason_of, shortened
from crossemo.files import printable

DELIMITERS = (",", "\t", ";", "|")


def read_table(path: Path) -> tuple[list[str], list[Row]]:
    """Return the columns of a table and its rows, whose cells are text.

    Args:
        path: A file of CSV (whatever separates its cells), JSON lines or Parquet.

    Raises:
        CorpusNotFoundError: There is no such file.
        CorpusError: It can't be read as such a table.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise CorpusError(
            f"{printable(path)} is no table that can be read: give one that ends in "
            f"{listed(_READERS, last=' or ')}."
        )
    try:
        if not path.is_file():
            wrong = "is no file" if path.exists() else "does not exist"
            raise CorpusNotFoundError(
                f"{printable(path)} {wrong}: give the table of your clips."
            )
        return reader(path)
    except OSError as error:
        refuse(error)
    except CorpusError:
        raise
    except (ValueError, OverflowError, NotImplementedError, csv.Error) as error:
        # NotImplementedError: a codec or type that this pyarrow lacks
        raise CorpusError(
            f"{printable(path)} can't be read as a table: {reason_of(error)}."
        ) from error


def as_rows(records: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
    """Yield records as rows of text; the first has number 1."""
    for number, record in enumerate(records, 1):
        yield Row(number, {str(k).strip(): as_text(v) for k, v in record.items()})


def as_text(value: object) -> str:
    """Return a value as a table has it; empty where there is none.

    >>> as_text(2.0), as_text(None), as_text(float("nan")), as_text(["a", 1])
    ('2', '', '', '["a", 1]')
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, timedelta):
        return repr(value.total_seconds())
    if isinstance(value, float):
        if isnan(value):
            return ""
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value).strip()


def _read_delimited(path: Path) -> tuple[list[str], list[Row]]:
    with open_text(path) as lines:
        first = lines.readline(1 << 16)
    heads = {one: next(csv.reader([first], delimiter=one), []) for one in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda one: len(heads[one]))
    names = [name.strip() for name in heads[delimiter]]
    _check_names(path, names)
    rows = list(table_rows(path, delimiter=delimiter))
    return list(rows[0].cells) if rows else names, rows  # names may go over lines


def _read_lines(path: Path) -> tuple[list[str], list[Row]]:
    names: dict[str, None] = {}

    def record(row: Row) -> Row:
        try:
            cells = json.loads(row.cells[""])
        except (ValueError, RecursionError) as error:
            raise RowError(f"is no JSON: {reason_of(error)}") from error
        if not isinstance(cells, dict):
            raise RowError("is no JSON object, such as {...}")
        (new,) = as_rows([cells])
        names.update(dict.fromkeys(new.cells))
        return Row(row.number, new.cells)

    with open_text(path) as lines:
        texts = [Row(n, {"": line}) for n, line in enumerate(lines, 1) if line.strip()]
    rows = parse_rows(path, texts, record)
    empty = dict.fromkeys(names, "")
    return list(names), [Row(row.number, {**empty, **row.cells}) for row in rows]


def _read_parquet(path: Path) -> tuple[list[str], list[Row]]:
    import pyarrow  # which takes as long to import as to read most tables
    from pyarrow import parquet

    table = parquet.read_table(path, partitioning=None)
    for field in table.schema:
        if pyarrow.types.is_struct(field.type) or pyarrow.types.is_binary(field.type):
            raise CorpusError(
                f"{printable(path)} holds more than a table in its column "
                f"{shortened(field.name)}: if that is audio, read it by HuggingFace."
            )
    names = [name.strip() for name in table.column_names]
    _check_names(path, names)
    return names, list(as_rows(table.to_pylist()))


def _check_names(path: Path, names: list[str]) -> None:
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise CorpusError(
            f"{printable(path)} has two columns {shortened(twice[0])}: rename one."
        )


_READERS: dict[str, Callable[[Path], tuple[list[str], list[Row]]]] = {
    **dict.fromkeys((".csv", ".tsv", ".txt"), _read_delimited),
    **dict.fromkeys((".jsonl", ".ndjson"), _read_lines),
    **dict.fromkeys((".parquet", ".pq"), _read_parquet),
}
