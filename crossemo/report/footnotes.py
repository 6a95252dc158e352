"""What the signs of encoders in a report mean: footnotes of tables and figures."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from matplotlib.text import Text
from pandas import DataFrame

from crossemo.data.marks import SIGNS
from crossemo.report.exhibits import Exhibit, Picture, Section
from crossemo.report.style import note_figure


def with_footnotes(sections: Sequence[Section], runs: DataFrame) -> list[Section]:
    """Return sections whose signed encoders are explained wherever they stand.

    Args:
        sections: Sections; notes are written into their figures.
        runs: `encoder`, with its sign, and what it knows of the clips by column, see
            `Mark`.
    """
    notes = footnotes(runs)
    return [
        replace(section, exhibits=[_noted(one, notes) for one in section.exhibits])
        for section in sections
    ]


def footnotes(runs: DataFrame) -> dict[str, list[str]]:
    """Return the footnotes of each signed encoder, by its name with the sign.

    Args:
        runs: As in `with_footnotes`.
    """
    notes: dict[str, dict[str, None]] = {}
    for column, sign in SIGNS.items():
        if column not in runs:
            continue
        signed = runs[runs[column].fillna("").astype(str) != ""]
        for label, texts in zip(signed["encoder"], signed[column], strict=True):
            name = str(label).rstrip("".join(SIGNS.values()))
            for text in str(texts).splitlines():
                notes.setdefault(str(label), {})[f"{sign} {name}: {text}"] = None
    return {label: list(of_label) for label, of_label in notes.items()}


def _noted(exhibit: Exhibit, notes: Mapping[str, Sequence[str]]) -> Exhibit:
    for picture in exhibit.pictures:  # each may show other encoders
        note_figure(picture.figure, _those(notes, _texts_of_picture(picture)))
    those = _those(notes, _texts(exhibit))
    table = exhibit.table and replace(exhibit.table, notes=those)
    return replace(exhibit, table=table, notes=those)


def _those(notes: Mapping[str, Sequence[str]], texts: Iterable[str]) -> list[str]:
    """Return the footnotes of the labels that some texts have."""
    shown = "\n".join(texts)
    return [note for label in notes if _names(shown, label) for note in notes[label]]


def _names(text: str, label: str) -> bool:
    """Return whether a text has a label that isn't part of a longer one."""
    return bool(re.search(rf"(?<![\w.-]){re.escape(label)}", text))


def _texts(exhibit: Exhibit) -> Iterator[str]:
    """Yield all that a reader sees of an exhibit."""
    if exhibit.table is not None:
        yield from exhibit.table.columns
        yield from (cell.text for row in exhibit.table.rows for cell in row)
    for picture in exhibit.pictures:
        yield from _texts_of_picture(picture)


def _texts_of_picture(picture: Picture) -> Iterator[str]:
    yield picture.alt
    for text in picture.figure.findobj(Text):
        assert isinstance(text, Text)
        yield text.get_text()
