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
    estimate,
    scale_of,
)
from crossemo.report.layerwise_figures import encoder_figure
from crossemo.report.study_rows import (
    directions,
    extreme,
    grouped,
    over_runs,
    plain,
    records,
    told_apart,
)

VIEW = ["trained_on", "judged_on", "scaler", "labels", "score", "view", "kind", "layer"]
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
        rows = plain(rows[rows["score"].isin((HEADLINE, AGREEMENT))])
        names = {role: rows[role].iloc[0] for role in ("source", "target")}
        rows = told_apart(rows.assign(strategy=""), VIEW)
        encoder = rows["encoder"] + rows["strategy"]
        rows = over_runs(rows.assign(encoder=encoder), ["encoder", *VIEW])
        corpora = {r: names.get(r) or r for r in dict.fromkeys(rows["judged_on"])}
        yield Exhibit(
            f"layers_{tag}",
            f"Layers, {title}",
            TEXT.format(score=scale_of(rows["score"].iloc[0]).label),
            layer_scores_table(rows, corpora),
            [_picture(tag, title, rows, corpora)],
        )


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
    for (encoder, trained, judged, scaler), of_row in grouped(true, by):
        if trained != judged and scaler == "trained":
            continue
        cells = {str(row["view"]): estimate(row) for row in records(of_row)}
        layers = of_row[of_row["view"].astype(str).isin(states)]
        highest = extreme(layers, "value")["view"] if len(layers) else "-"
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
        encoder: records(of_encoder)
        for (encoder,), of_encoder in grouped(states, ["encoder"])
    }
    within = states[
        (states["trained_on"] == states["judged_on"])
        & (states["labels"] == "true")
        & (states["kind"] == "encoder")
    ]
    ends = [
        f"{row['encoder']} on {corpora[row['judged_on']]} state {row['layer']}, "
        f"{estimate(row).text}"
        for _, of_both in grouped(within, ["encoder", "judged_on"])
        for row in [extreme(of_both, "value")]
    ]
    alt = (
        f"Lines of {scale_of(rows['score'].iloc[0]).label} over the hidden states with "
        f"bands of 95 % intervals, a panel for each corpus. Highest: {listed(ends)}."
    )
    figure = encoder_figure(runs, corpora, f"Layers, {title}")
    return Picture(f"layers_{tag}", figure, alt)
