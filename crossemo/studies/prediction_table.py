"""predictions.csv of a run, read and checked row by row."""

from collections.abc import Sequence
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from crossemo.data.marks import SIGNS
from crossemo.errors import listed
from crossemo.studies.run_files import RunFileError, read_table
from crossemo.tasks import Task

if TYPE_CHECKING:
    from pandas import DataFrame, Series

FILE = "predictions.csv"
_NAMES = ("stage", "role", "corpus", "clip", "group")
MOST = 1 + 1e-6  # of a share, which was rounded
CLOSE = 1e-4  # of a sum of shares to 1, each of which was rounded
_ADVICE = "test the model again, or leave the run out"


def read_predictions(folder: Path, task: Task) -> "DataFrame":
    """Return true and predicted targets of every stage and test clip.

    Args:
        folder: Folder of a run.
        task: What was learnt.

    Returns:
        The names of each clip, its targets and, of classes, the probability of each.

    Raises:
        RunFileError: The table isn't there or lacks a column, or a row of it holds
            what is no prediction.
    """
    ends = ("true", "predicted")
    classes = task.outputs if task.kind == "classes" else ()
    values = [f"{one}_{end}" for one in task.outputs for end in ends]
    texts = [*_NAMES, *ends] if classes else _NAMES
    numbers = classes or values
    table = read_table(folder / FILE, [*texts, *SIGNS], [*texts, *numbers, *SIGNS])
    check_columns(table, [*texts, *numbers], FILE)
    if table.empty:
        raise RunFileError(f"{FILE} is damaged: it has no rows; {_ADVICE}")
    _check_numbers(table, numbers, *((0, MOST) if classes else (-inf, inf)))
    if classes:
        _check_classes(table, ends, classes)
        _check_sums(table, classes)
    for name in ("stage", "role", "corpus"):  # in order of appearance, not of names
        table[name] = table[name].cat.set_categories(list(table[name].unique()))
    return table


def check_columns(table: "DataFrame", columns: Sequence[str], file: str) -> None:
    """Refuse a table that lacks a column.

    Raises:
        RunFileError: It does.
    """
    if lacking := [name for name in columns if name not in table]:
        raise RunFileError(f"{file} lacks the column {lacking[0]}: is it crossemo's?")


def _check_classes(
    table: "DataFrame", columns: Sequence[str], classes: Sequence[str]
) -> None:
    for name in columns:
        _refuse(table, name, ~table[name].isin(list(classes)), listed(classes, 6))


def _check_numbers(
    table: "DataFrame", columns: Sequence[str], least: float, most: float
) -> None:
    from pandas import to_numeric

    belongs = "a number" if most == inf else "a probability, 0 to 1,"
    for name in columns:
        column = table[name]
        if column.dtype.kind not in "fiu":
            column = to_numeric(column.astype(str), errors="coerce")
        sound = column.between(least, most) & column.abs().lt(inf)
        _refuse(table, name, ~sound, belongs)


def _refuse(table: "DataFrame", name: str, wrong: "Series", belongs: str) -> None:
    """Refuse a table for the first row that is wrong, if there is one."""
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        given = str(table[name].iloc[row])
        value = "nothing" if given in ("", "nan") else given
        _complain(table, row, f"has {value} under {name}, where {belongs} belongs")


def _check_sums(table: "DataFrame", shares: Sequence[str]) -> None:
    sums = table[list(shares)].sum(axis=1)
    wrong = (sums - 1).abs() > CLOSE
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        names = f"{shares[0]} to {shares[-1]}"
        text = f"has probabilities under {names} that add up to {sums.iloc[row]:.6g}"
        _complain(table, row, f"{text} instead of 1")


def _complain(table: "DataFrame", row: int, what: str) -> NoReturn:
    """Refuse a row, counted as spreadsheets do: the heading is row 1."""
    clip = table["clip"].iloc[row]
    raise RunFileError(f"{FILE} is damaged: row {row + 2} ({clip}) {what}; {_ADVICE}")
