"""What a model says of recordings as rows of a table, in CSV or in lines of JSON."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from crossemo.corpora.base import Scale
from crossemo.files import printable
from crossemo.recognition.recording import Recording
from crossemo.tasks import Task

Form = Literal["csv", "jsonl"]
Row = dict[str, Any]

FILE = "file"


def columns_of(task: Task) -> list[str]:
    """Return the columns of a table of answers."""
    emotion = ["emotion"] if task.family == "categorical" else []
    return [FILE, "start", "end", *emotion, *task.outputs, "warning"]


def rows_of(
    recording: Recording, task: Task, scale: Scale | None = None
) -> Iterator[Row]:
    """Yield a row for every answer, times in seconds.

    Args:
        recording: A recording that was heard.
        task: What the model has learnt.
        scale: What values are given on; from -1 to 1 about the middle if None.
    """
    for answer in recording.answers:
        # The shortest numbers that are the same float32.
        values = [float(str(value)) for value in answer.values.numpy()]
        row: Row = {FILE: printable(recording.path)}
        row |= {"start": round(answer.start, 3), "end": round(answer.end, 3)}
        if task.family == "categorical":
            row["emotion"] = task.outputs[values.index(max(values))]
        elif scale is not None:
            values = [scale.published(value) for value in values]
        row |= zip(task.outputs, values, strict=True)
        yield {**row, "warning": "; ".join(answer.warnings)}


def head(columns: Sequence[str], form: Form) -> str:
    """Return what stands above the rows of a table."""
    return _csv([columns]) if form == "csv" else ""


def text(rows: Iterable[Row], form: Form) -> str:
    """Return rows as they stand in a table."""
    if form == "csv":
        return _csv(row.values() for row in rows)
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def files_of(lines: Iterable[str], form: Form) -> Iterator[str]:
    """Yield the file of every row of a table.

    Args:
        lines: The lines of the table, head included.
        form: Its form.
    """
    if form == "csv":
        yield from (row[FILE] for row in csv.DictReader(lines))
    else:
        yield from (json.loads(line)[FILE] for line in lines)


def _csv(rows: Iterable[Iterable[Any]]) -> str:
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\n").writerows(rows)
    return lines.getvalue()
