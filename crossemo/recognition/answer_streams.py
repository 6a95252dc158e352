"""Answers on standard output: as rows for another program, or as lines to read."""

import sys
from collections.abc import Sequence

from crossemo.recognition.answer_rows import FILE, Form, Row, head, text

LONGEST = 40  # letters of a file's name on a terminal
NARROWEST = 7  # of a column


class AnswerStream:
    """Rows in a form on standard output.

    Args:
        columns: The columns of a row.
        form: The form.
    """

    def __init__(self, columns: Sequence[str], form: Form) -> None:
        # A bar on the terminal puts something else in its place meanwhile.
        self._stream, self._form = sys.stdout, form
        self._stream.write(head(columns, form))

    def add(self, rows: Sequence[Row]) -> None:
        """Write the rows of a recording."""
        self._stream.write(text(rows, self._form))
        self._stream.flush()

    def close(self) -> None:
        """Have all of them on their way."""
        self._stream.flush()


class AnswerLines:
    """Rows on a terminal, in columns of which each is wide enough at once.

    Args:
        columns: The columns of a row.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self._widths = {name: max(NARROWEST, len(name)) for name in columns}
        self._widths |= {FILE: LONGEST, "emotion": 10}
        print(self._line({name: name for name in columns}))

    def add(self, rows: Sequence[Row]) -> None:
        """Print the rows of a recording."""
        for row in rows:
            print(self._line(row))

    def _line(self, row: Row) -> str:
        cells = []
        for name, width in self._widths.items():
            if name not in row:
                continue
            if isinstance(row[name], str):
                word = row[name]
                short = word if len(word) <= LONGEST else f"…{word[1 - LONGEST :]}"
                cells.append(word if name == "warning" else short.ljust(width))
            else:
                cells.append(f"{row[name]:{width}.3f}")
        return " ".join(cells).rstrip()
