"""Exhibits of layers: the score of every hidden state, encoders side by side."""

from collections.abc import Iterator, Mapping

from pandas import DataFrame

from crossemo.errors import listed
from crossemo.metrics.names import AGREEMENT, HEADLINE
from crossemo.report.exhibits import (
    Cell,
    Exhibit,
    Frames,
    Picture,
    Section,
    Table,
    directions,
    estimate,
    scale_of,
)
from crossemo.report.layerwise_figures import encoder_figure

BY = ["encoder", "trained_on", "judged_on", "scaler", "labels", "score", "view"]
MEANS = ["value", "low", "high", "chance", "chance_high"]
TEXT = (
    "{score} of a probe on every hidden state with its 95 % interval, learnt from one "
    "corpus and judged on it or on the other. best: the state chosen on validation, "
    "fold by fold; highest: that of the highest score here."
)


def section(frames: Frames) -> Section:
    """Return a table and a figure for each pair of corpora.

    Args:
        frames: `layers`.
    """
    return Section("Layers", list(_exhibits(frames["layers"])))


def _exhibits(layers: DataFrame) -> Iterator[Exhibit]:
    for tag, title, rows in directions(layers):
        rows = _means(rows[rows["score"].isin((HEADLINE, AGREEMENT))])
        if rows.empty:
            continue
        names = {role: rows[role].iloc[0] for role in ("source", "target")}
        corpora = {r: names.get(r) or r for r in dict.fromkeys(rows["judged_on"])}
        yield Exhibit(
            f"layers_{tag}",
            f"Layers, {title}",
            TEXT.format(score=scale_of(rows["score"].iloc[0]).label),
            layer_scores_table(rows, corpora),
            [_picture(tag, title, rows, corpora)],
        )


def _means(rows: DataFrame) -> DataFrame:
    """Return means over the runs of an encoder, each of all folds."""
    groups = rows.groupby(BY, sort=False, dropna=False)
    first = groups.first()
    runs = groups["run"].agg(lambda one: tuple(dict.fromkeys(one)))
    means = groups[MEANS].mean()
    return first.assign(
        **{name: means[name] for name in MEANS}, runs=runs
    ).reset_index()


def layer_scores_table(rows: DataFrame, corpora: Mapping[str, str]) -> Table:
    """Return a row for each encoder, corpus learnt from and corpus judged.

    Args:
        rows: Rows of `layers.csv` of the headline score.
        corpora: Name of the corpus in each role.
    """
    true = rows[(rows["labels"] == "true") & (rows["kind"] == "encoder")]
    views = list(dict.fromkeys(true["view"].astype(str)))
    states = [view for view in views if view.isdigit()]
    rest = [view for view in views if view not in states]
    by = ["encoder", "trained_on", "judged_on", "scaler"]
    lines = []
    for (encoder, trained, judged, scaler), of_row in true.groupby(by, sort=False):
        if trained != judged and scaler == "trained":
            continue
        cells = {str(row["view"]): estimate(row) for row in of_row.to_dict("records")}
        layers = of_row[of_row["view"].astype(str).isin(states)]
        highest = layers.loc[layers["value"].idxmax(), "view"] if len(layers) else "-"
        names = (encoder, corpora.get(trained, trained), corpora.get(judged, judged))
        line = [cells.get(view, Cell("-")) for view in (*rest, *states)]
        lines.append([*(Cell(str(name)) for name in names), Cell(str(highest)), *line])
    heads = ["encoder", "learnt from", "judged on", "highest", *rest, *states]
    return Table(heads, lines, 3)


def _picture(
    tag: str, title: str, rows: DataFrame, corpora: Mapping[str, str]
) -> Picture:
    states = rows[rows["layer"].notna() & (rows["layer"] != "")]
    states = states.assign(layer=states["layer"].astype(int))
    runs = {
        encoder: of_encoder.to_dict("records")
        for encoder, of_encoder in states.groupby("encoder", sort=False)
    }
    within = states[
        (states["trained_on"] == states["judged_on"])
        & (states["labels"] == "true")
        & (states["kind"] == "encoder")
    ]
    best = within.loc[within.groupby(["encoder", "judged_on"])["value"].idxmax()]
    ends = [
        f"{row['encoder']} on {corpora[row['judged_on']]} state {row['layer']}, "
        f"{estimate(row).text}"
        for row in best.to_dict("records")
    ]
    alt = (
        f"Lines of {scale_of(rows['score'].iloc[0]).label} over the hidden states with "
        f"bands of 95 % intervals, a panel for each corpus. Highest: {listed(ends)}."
    )
    figure = encoder_figure(runs, corpora, f"Layers, {title}")
    return Picture(f"layers_{tag}", figure, alt)
