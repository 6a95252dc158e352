"""Tables and figures of what corpora hold."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from rich.table import Table
from rich.text import Text

from crossemo.corpora.base import PARTS
from crossemo.data.overview import Overview
from crossemo.report.style import (
    BLUE,
    COLOURS,
    GREY,
    hide_frame,
    legend_below,
    name_ticks,
    new_axes,
    set_title,
    styled,
)
from crossemo.report.tables import broken, plain_table

BINS = 30


def overview_table(overviews: Sequence[Overview]) -> Table:
    """Return clips, units and durations of corpora, by part, label and rate.

    Args:
        overviews: The corpora.
    """
    table = plain_table(
        "units: what no split cuts (speaker, song, artist and what shares them); "
        "seconds: shortest to longest"
    )
    for name in ("corpus", "", "", "means"):
        table.add_column(name, no_wrap=True)
    for name in ("clips", "units", "hours", "seconds"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in overviews:
        name = f"{one.role} {one.corpus.name}".strip()
        for row in one.rows():
            kind = {"all": one.corpus.domain}.get(row["kind"], row["kind"])
            ends = f"{row['shortest']} to {row['longest']}" if row["hours"] else "-"
            none = {"part": "none", "class": "none"}.get(kind, "-")
            cells = [kind, row["name"] or none, _word(row), row["clips"], row["units"]]
            cells += [f"{row['hours']:.2f}", ends]
            table.add_row(broken(name), *(Text(str(cell)) for cell in cells))
            name = ""
        for value, column in one.values().items():
            cells = ["value", value, f"on {one.corpus.scale}", str(len(column)), ""]
            cells.append(f"{np.mean(column):.2f} ± {np.std(column):.2f}")
            cells.append(f"{min(column):g} to {max(column):g}")
            table.add_row("", *map(Text, cells))
        table.add_section()
    return table


def corpora_figures(overviews: Sequence[Overview]) -> Iterator[tuple[str, Figure]]:
    """Yield the figures of corpora: durations, classes, the valence-arousal plane.

    Args:
        overviews: The corpora.
    """
    for one in overviews:
        name = "/".join(filter(None, (one.role, one.corpus.name)))
        seconds = list(one.seconds.values())
        title = f"{one.corpus.name} ({one.corpus.domain}, n={len(one.clips)})"
        if seconds:
            yield f"durations/{name}", durations_figure(seconds, title)
        if counts := _counts(one):
            yield f"labels/{name}", labels_figure(counts, title)
        values = [
            (clip.valence, clip.arousal)
            for clip in one.clips
            if clip.valence is not None and clip.arousal is not None
        ]
        if values and one.corpus.scale:
            scale = one.corpus.scale
            ends = scale.low, scale.middle, scale.high
            yield f"plane/{name}", plane_figure(values, ends, title)


@styled()
def durations_figure(seconds: Sequence[float], title: str) -> Figure:
    """Draw how many clips are how long.

    Args:
        seconds: Duration of each clip.
        title: Title of the figure.
    """
    figure, axes = new_axes()
    axes.hist(seconds, bins=min(BINS, max(3, len(set(seconds)))), color=BLUE)
    axes.set(xlabel="duration in seconds", ylabel="clips")
    hide_frame(axes)
    set_title(figure, title)
    return figure


@styled()
def labels_figure(counts: Mapping[str, Mapping[str, int]], title: str) -> Figure:
    """Draw how many clips bear each label, stacked by part where there are parts.

    Args:
        counts: Clips by part (empty where there is none), then by label.
        title: Title of the figure.
    """
    labels = sorted({label for part in counts.values() for label in part})
    figure, axes = new_axes(height=0.22 * len(labels))
    start = np.zeros(len(labels))
    colours: dict[str, str] = dict(zip(PARTS, COLOURS, strict=False))
    for part, numbers in counts.items():
        widths = np.array([numbers.get(label, 0) for label in labels])
        axes.barh(
            range(len(labels)),
            widths,
            left=start,
            color=colours.get(part, GREY),
            label=part or "none",
        )
        start += widths
    name_ticks(axes.yaxis, labels)
    axes.invert_yaxis()
    axes.set_xlabel("clips")
    hide_frame(axes)
    if len(counts) > 1:
        legend_below(figure, len(counts))
    set_title(figure, title)
    return figure


@styled()
def plane_figure(
    values: Sequence[tuple[float, float]],
    scale: tuple[float, float, float],
    title: str,
) -> Figure:
    """Draw clips in the plane of valence and arousal, as published.

    Args:
        values: Valence and arousal of each clip.
        scale: Low end, middle and high end of their scale.
        title: Title of the figure.
    """
    low, middle, high = scale
    figure, axes = new_axes()
    valence, arousal = np.array(values).T
    faint = min(1.0, max(0.15, 100 / len(values)))
    axes.scatter(valence, arousal, s=6, color=BLUE, alpha=faint, linewidths=0)
    axes.axhline(middle, color=GREY, linewidth=0.8)
    axes.axvline(middle, color=GREY, linewidth=0.8)
    room = 0.03 * (high - low)
    ends = (low - room, high + room)
    axes.set(xlabel="valence", ylabel="arousal", xlim=ends, ylim=ends, aspect="equal")
    hide_frame(axes)
    set_title(figure, f"{title}, {low:g} to {high:g} about {middle:g}")
    return figure


def _word(row: Mapping[str, str]) -> str:
    return row["word"] or ("no word" if row["kind"] == "label" and row["name"] else "")


def _counts(one: Overview) -> dict[str, Counter[str]]:
    """Return clips by part and label; of corpora without labels nothing."""
    counts: dict[str, Counter[str]] = {}
    for clip in one.clips:
        if clip.label is not None:
            counts.setdefault(one.part(clip), Counter())[clip.label] += 1
    order: dict[str, int] = {part: place for place, part in enumerate(PARTS)}
    parts = sorted(counts, key=lambda part: order.get(part, len(order)))
    return {part: counts[part] for part in parts}
