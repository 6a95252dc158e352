"""The table of families in docs/encoders.md says what the code says."""

import pytest

from crossemo.encoders.families import family_names
from tests.benchmarks.table_of_families import BEGIN, END, HEAD, PAGE, unmeasured


def table() -> dict[str, dict[str, str]]:
    """Return the rows by family, each by column."""
    block = PAGE.read_text("utf-8").partition(BEGIN)[2].partition(END)[0]
    head, _, *lines = [
        [cell.strip() for cell in line.strip("| ").split(" | ")]
        for line in block.strip().splitlines()
    ]
    assert tuple(head) == HEAD
    rows = [dict(zip(head, line, strict=True)) for line in lines]
    return {row["family"].strip("`"): row for row in rows}


def test_every_family_has_a_row() -> None:
    assert list(table()) == family_names()


@pytest.mark.parametrize("family", family_names())
def test_a_row_is_that_of_the_family(family: str) -> None:
    row = table()[family]
    measured = float(row.pop("padding error"))
    assert row == unmeasured(family)
    assert measured <= 1e-5  # the goal; measured in float32
