"""Figures of the layerwise analysis: scores over layers, recalls, CKA."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from crossemo.data.role_pairs import layer_column, likened_roles, role_pairs
from crossemo.encoders.exposure import Marks
from crossemo.metrics.names import AGREEMENT
from crossemo.report.figures import grid
from crossemo.report.layerwise_scale import Shown
from crossemo.report.study import Study
from crossemo.report.style import (
    COLOURS,
    GREY,
    HEIGHT,
    STATES,
    WIDTH,
    hide_frame,
    mark_figure,
    name_ticks,
    new_axes,
    set_title,
    short_name,
    styled,
    tick_step,
)

Rows = Sequence[Mapping[str, Any]]
Floats = NDArray[np.float64]
LIGHT_GREY = "#bbbbbb"


def layer_figures(
    scores: Rows, likeness: Rows, study: Study, clips: Mapping[str, int], marks: Marks
) -> dict[str, Figure]:
    """Return the figures of one encoder, by tag.

    Args:
        scores: Rows of `layers.csv`.
        likeness: Rows of `layer_similarity.csv`.
        study: Encoder, without any sign, and corpora.
        clips: Number of the clips of each role.
        marks: What is said of their scores.
    """
    figures = {}
    for tag, (what, roles, draw) in _drawings(scores, likeness, study.corpora).items():
        mark = marks.at(*roles)
        title = study.marked(mark).title(what, {role: clips[role] for role in roles})
        figures[tag] = draw(title)
        mark_figure(figures[tag], mark)
    return figures


def _drawings(
    scores: Rows, likeness: Rows, corpora: Mapping[str, str]
) -> dict[str, tuple[str, Iterable[str], Callable[[str], Figure]]]:
    """Return by tag what a figure shows, of which roles, and what draws it."""
    headline = Shown.of(scores).score
    of_all = partial(score_figure, scores, corpora)
    drawings: dict[str, tuple[str, Iterable[str], Callable[[str], Figure]]] = {
        "layers": (f"{headline} of every layer", corpora, of_all)
    }
    for role in corpora:
        rows = _select(scores, trained_on=role, judged_on=role, labels="true")
        if any(row["score"].startswith("recall/") for row in rows):
            of_one = partial(recall_figure, rows)
            drawings[f"layer_recalls/{role}"] = "Recall of every layer", [role], of_one
        else:
            of_values = partial(value_figure, scores, corpora)
            drawings["layer_values"] = f"{headline} of every value", corpora, of_values
    pairs = role_pairs(corpora) if likeness else []
    for pair in pairs:
        rows = [r for r in likeness if set(likened_roles(r, corpora)) == set(pair)]
        tag = "layer_similarity" + "/{}_{}".format(*pair) * (len(pairs) > 1)
        of_pair = partial(likeness_figure, rows, {role: corpora[role] for role in pair})
        drawings[tag] = "CKA of the emotions' means", pair, of_pair
    return drawings


@styled()
def score_figure(scores: Rows, corpora: Mapping[str, str], title: str = "") -> Figure:
    """Draw the score of all layers and references, a panel for each judged corpus.

    Bands and bars are the intervals. Probes that learnt from another corpus judge
    clips standardised by this one's own, never by tested ones.

    Args:
        scores: Rows of `layers.csv`.
        corpora: Name of the corpus in each role.
        title: Title of the figure.
    """
    figure, panels = _panels(len(corpora), 1.9 * WIDTH)
    shown = Shown.of(scores)
    recalls = _select(scores, score=shown.score)
    colours = dict(zip(corpora, COLOURS, strict=False))
    for axes, (role, corpus) in zip(panels, corpora.items(), strict=True):
        judged = _select(recalls, judged_on=role)
        within = _select(judged, labels="true", trained_on=role)
        for other, name in corpora.items():
            scaler = "trained" if other == role else "judged"
            rows = _select(judged, labels="true", trained_on=other, scaler=scaler)
            label = f"learnt from {short_name(name)}"
            _curve(axes, _layers(rows), colours[other], label, shown)
        shuffled = _select(judged, labels="shuffled", trained_on=role)
        _line(axes, _layers(shuffled), GREY, ":", f"shuffled {shown.targets}", shown)
        _line(axes, _layers(within, "random"), GREY, "--", "random weights", shown)
        _references(axes, within, shown)
        _chance(axes, within, shown)
        axes.set_ylabel(f"{shown.label},\n{short_name(corpus)}")
    panels[-1].set_xlabel(f"{STATES}, then references\nbands, bars: 95 % intervals")
    _legend(figure, panels, title, shown)
    return figure


@styled()
def value_figure(scores: Rows, corpora: Mapping[str, str], title: str = "") -> Figure:
    """Draw the score of each value over the layers, a panel for each judged corpus.

    Bands are of probes that learnt from the corpus itself; dashed lines are of those
    that learnt from another, dotted ones of those that learnt shuffled values.

    Args:
        scores: Rows of `layers.csv`.
        corpora: Name of the corpus in each role.
        title: Title of the figure.
    """
    figure, panels = _panels(len(corpora), 1.6 * WIDTH)
    shown = Shown.of(scores)
    names = dict.fromkeys(row["score"] for row in scores)
    values = [name for name in names if name.startswith(f"{shown.score}/")]
    for axes, (role, corpus) in zip(panels, corpora.items(), strict=True):
        for name, colour in zip(values, COLOURS, strict=False):
            judged = _layers(_select(scores, score=name, judged_on=role))
            true = _select(judged, labels="true")
            label = name.partition("/")[2]
            _curve(axes, _select(true, trained_on=role), colour, label, shown)
            for other in set(corpora) - {role}:
                across = _select(true, trained_on=other, scaler="judged")
                _line(axes, across, colour, "--", "", shown)
            shuffled = _select(judged, trained_on=role, labels="shuffled")
            _line(axes, shuffled, colour, ":", "", shown)
        _chance(axes, _select(scores, score=shown.score), shown)
        axes.set_ylabel(f"{shown.label},\n{short_name(corpus)}")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    dashed = "dashed: learnt from the other corpus, " * (len(corpora) > 1)
    note = f"bands: 95 % intervals\n{dashed}dotted: shuffled {shown.targets}"
    panels[-1].set_xlabel(f"{STATES}\n{note}")
    _legend(figure, panels, title, shown)
    return figure


@styled()
def encoder_figure(
    runs: Mapping[str, Rows], corpora: Mapping[str, str], title: str = ""
) -> Figure:
    """Draw the score of all layers of several encoders side by side.

    A panel for each corpus that is judged, with bands for the probes that learnt from
    it and dashed lines for those that learnt from the other.

    Args:
        runs: Rows of `layers.csv` by name of the encoder.
        corpora: Name of the corpus in each role.
        title: Title of the figure.
    """
    figure, panels = _panels(len(corpora), 1.6 * WIDTH)
    shown = Shown.of(next(iter(runs.values())))
    for number, (name, scores) in enumerate(runs.items()):
        colour = COLOURS[number % len(COLOURS)]
        recalls = _layers(_select(scores, score=shown.score, labels="true"))
        for axes, (role, corpus) in zip(panels, corpora.items(), strict=True):
            judged = _select(recalls, judged_on=role)
            within = _select(judged, trained_on=role)
            _curve(axes, within, colour, short_name(name, 40), shown)
            for other in set(corpora) - {role}:
                across = _select(judged, trained_on=other, scaler="judged")
                _line(axes, across, colour, "--", "", shown)
            axes.set_ylabel(f"{shown.label},\n{short_name(corpus)}")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            if not number:
                _chance(axes, judged, shown)
    dashed = "\ndashed: learnt from the other corpus" if len(corpora) > 1 else ""
    panels[-1].set_xlabel(f"{STATES}\nbands: 95 % intervals{dashed}")
    _legend(figure, panels, title, shown)
    return figure


@styled()
def recall_figure(rows: Rows, title: str = "") -> Figure:
    """Draw the recall of every emotion in every layer.

    Args:
        rows: Rows of `layers.csv` of one condition.
        title: Title of the figure.
    """
    recalls = [row for row in _layers(rows) if row["score"].startswith("recall/")]
    emotions = list(dict.fromkeys(row["score"].partition("/")[2] for row in recalls))
    layers = list(dict.fromkeys(row["layer"] for row in recalls))
    cells = {(row["layer"], row["score"]): 100 * row["value"] for row in recalls}
    table = np.array([[cells[n, f"recall/{e}"] for e in emotions] for n in layers])
    text = [["-" if np.isnan(v) else f"{v:.0f}" for v in row] for row in table]
    names = [str(layer) for layer in layers]
    colours = colormaps["Blues"].with_extremes(bad="lightgrey")
    ends = _ends(table, 0)
    figure, axes = grid(table, text, names, emotions, colours, ends, "recall in %")
    axes.set(ylabel="hidden state")
    set_title(figure, title)
    return figure


@styled()
def likeness_figure(
    likeness: Rows, corpora: Mapping[str, str], title: str = ""
) -> Figure:
    """Draw the CKA of every layer in one role with every layer in the other.

    Args:
        likeness: Rows of `layer_similarity.csv` of two roles.
        corpora: Name of the corpus in each of the two.
        title: Title of the figure.
    """
    first, second = corpora
    one, other = layer_column(first), layer_column(second)
    layers = list(dict.fromkeys(row[one] for row in likeness))
    cells = {(row[one], row[other]): row["cka"] for row in likeness}
    table = np.array([[cells[i, j] for j in layers] for i in layers])
    text = [[f"{value:z.2f}".replace("0.", ".") for value in row] for row in table]
    names = [str(layer) for layer in layers]
    colours, ends = colormaps["cividis"], _ends(table, 2)
    figure, axes = grid(table, text, names, names, colours, ends, "linear CKA")
    first, second = (f"hidden state, {short_name(corpora[r])}" for r in corpora)
    axes.set(ylabel=first, xlabel=second)
    set_title(figure, title)
    return figure


def _ends(table: Floats, decimals: int) -> tuple[float, float]:
    """Return the smallest and the largest value, rounded outwards as they are shown."""
    values = table[np.isfinite(table)] * 10.0**decimals
    if not values.size:
        return 0.0, 1.0
    low, high = np.floor(values.min()), np.ceil(values.max())
    return low / 10.0**decimals, max(high, low + 1) / 10.0**decimals


def _panels(count: int, width: float) -> tuple[Figure, list[Axes]]:
    figure, first = new_axes(width, (count - 1) * HEIGHT)
    if count == 1:
        return figure, [first]
    figure.clear()
    figure.set_size_inches(width, count * HEIGHT)
    return figure, list(
        figure.subplots(count, 1, sharex=True, sharey=True, squeeze=False).flat
    )


def _select(
    rows: Iterable[Mapping[str, Any]], **columns: str
) -> list[Mapping[str, Any]]:
    """Return the rows that have these values in these columns."""
    return [r for r in rows if all(r[key] == value for key, value in columns.items())]


def _layers(rows: Rows, kind: str = "encoder") -> list[Mapping[str, Any]]:
    """Return the rows of single hidden states."""
    return [row for row in _select(rows, kind=kind) if row["layer"] != ""]


def _curve(axes: Axes, rows: Rows, colour: str, label: str, shown: Shown) -> None:
    """Draw a line with the band of its intervals."""
    _line(axes, rows, colour, "-", label, shown)
    places = [row["layer"] for row in rows]
    low, high = (
        shown.factor * np.array([row[end] for row in rows]) for end in ("low", "high")
    )
    axes.fill_between(places, low, high, color=colour, alpha=0.15, lw=0)


def _line(
    axes: Axes, rows: Rows, colour: str, style: str, label: str, shown: Shown
) -> None:
    places = [row["layer"] for row in rows]
    values = [shown.factor * row["value"] for row in rows]
    if rows:
        axes.plot(places, values, style, marker="o", ms=3, lw=2, color=colour)
        axes.lines[-1].set_label(label or "_")


def _references(axes: Axes, rows: Rows, shown: Shown) -> None:
    """Draw the references and the best layer behind the layers, as points with bars."""
    layers = [row["layer"] for row in _layers(rows)]
    references = [r for r in rows if r["layer"] == "" and r["kind"] != "constant"]
    places = np.arange(len(references)) + max(layers) + 1.5
    values = shown.factor * np.array([row["value"] for row in references])
    ends = shown.factor * np.array([[row["low"], row["high"]] for row in references]).T
    bars = np.abs(ends - values)
    axes.errorbar(places, values, bars, fmt="s", ms=4, lw=2, color=GREY)
    axes.axvline(max(layers) + 0.75, color=LIGHT_GREY, lw=1)
    ticks = layers[:: tick_step(len(layers))]
    names = [*map(str, ticks), *(row["view"] for row in references)]
    name_ticks(axes.xaxis, names, [*ticks, *places])
    for tick in axes.get_xticklabels()[len(ticks) :]:
        tick.set(rotation=45, ha="right")


def _chance(axes: Axes, rows: Rows, shown: Shown) -> None:
    chance = shown.factor * rows[0]["chance"]
    axes.axhline(chance, color=LIGHT_GREY, lw=1, zorder=0, label="chance")


def _legend(figure: Figure, panels: Sequence[Axes], title: str, shown: Shown) -> None:
    # Of all, now that all is drawn; agreement may be below 0.
    lowest = panels[0].get_ylim()[0] if shown.score == AGREEMENT else 0
    panels[0].set_ylim(bottom=min(0, lowest))
    for axes in panels:
        hide_frame(axes)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=2,
        frameon=False,
        fontsize="small",
    )
    set_title(figure, title)
