"""All exhibits of a study, section by section."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from pandas import DataFrame
from rich.table import Table as TerminalTable
from rich.text import Text

from crossemo.report import (
    by_emotion,
    distance_changes,
    encoder_layers,
    layer_weights,
    over_folds,
    reliability_diagrams,
    similarity_and_transfer,
    two_stages,
)
from crossemo.report.exhibits import Frames, Section
from crossemo.report.footnotes import with_footnotes
from crossemo.report.tables import plain_table


def sections_of(
    frames: Frames, confusions: Mapping[tuple[str, str, str], DataFrame]
) -> list[Section]:
    """Return all sections that have an exhibit.

    Args:
        frames: Tables of a study by name.
        confusions: Confusion matrices by condition, stage and place.
    """
    sections = [
        two_stages.section(frames),
        by_emotion.section(frames),
        over_folds.section(frames, confusions),
        reliability_diagrams.section(frames),
        encoder_layers.section(frames),
        *distance_changes.sections(frames),
        layer_weights.section(frames),
        similarity_and_transfer.section(frames),
    ]
    shown = [section for section in sections if section.exhibits]
    return with_footnotes(shown, frames["runs"]) if "runs" in frames else shown


def terminal_tables(sections: Sequence[Section]) -> Iterator[TerminalTable]:
    """Yield the tables of two stages and of calibration for the terminal.

    Args:
        sections: All sections.
    """
    captions = {
        two_stages.TITLE: "shares in per cent; q: p of the gain, corrected; the page "
        "has the rest",
        reliability_diagrams.TITLE: "expected calibration error in per cent",
    }
    for caption, exhibit in (
        (captions[s.title], e)
        for s in sections
        if s.title in captions
        for e in s.exhibits
    ):
        assert exhibit.table is not None
        table = plain_table("\n".join([caption, *exhibit.table.notes]))
        table.title = Text(exhibit.title)
        for place, name in enumerate(exhibit.table.columns):
            justify: Literal["left", "right"]
            justify = "left" if place < exhibit.table.names else "right"
            table.add_column(Text(name), justify=justify, no_wrap=True)
        for row in exhibit.table.rows:
            table.add_row(*(Text(cell.text) for cell in row))
        yield table
