from math import isnan
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from crossemo.encoders.exposure import Marks
from crossemo.layerwise import encoder_rows
from crossemo.report.layerwise_figures import encoder_figure, layer_figures
from crossemo.report.layerwise_tables import encoder_table, layer_table
from crossemo.report.study import Study
from tests.layerwise.test_layers_of_values import JUDGEMENTS, ROWS

ROLES = {"speech": "corpus-speech", "song": "corpus-song"}
STUDY = Study("tiny", ROLES)
NUMBERS = {"speech": 72, "song": 72}
FIGURES = layer_figures(ROWS, [], STUDY, NUMBERS, Marks(dict.fromkeys(ROLES, ())))


def scores(score: str, trained: str, judged: str, labels: str = "true") -> list[Any]:
    scaler = "trained" if trained == judged else "judged"
    columns = (trained, judged, scaler, labels, score, "encoder")
    keys = ("trained_on", "judged_on", "scaler", "labels", "score", "kind")
    alike = [row for row in ROWS if tuple(row[key] for key in keys) == columns]
    return [(row["layer"], row["value"]) for row in alike if row["layer"] != ""]


def curves(axes: Axes, style: str) -> list[list[tuple[float, float]]]:
    lines = [line for line in axes.lines if line.get_linestyle() == style]
    lines = [line for line in lines if len(np.asarray(line.get_xdata())) == 3]
    data = [(np.asarray(one.get_xdata()), np.asarray(one.get_ydata())) for one in lines]
    return [list(zip(x.tolist(), y.tolist(), strict=True)) for x, y in data]


def test_there_is_a_figure_of_the_mean_and_one_of_the_values() -> None:
    assert list(FIGURES) == ["layers", "layer_values"]
    for axes, corpus in zip(FIGURES["layers"].axes, ROLES.values(), strict=True):
        assert axes.get_ylabel() == f"CCC,\n{corpus}"


def test_each_value_has_its_curves() -> None:
    for axes, judged in zip(FIGURES["layer_values"].axes, ROLES, strict=True):
        other = next(role for role in ROLES if role != judged)
        names = ("CCC/valence", "CCC/arousal")
        assert curves(axes, "-") == [scores(one, judged, judged) for one in names]
        assert curves(axes, "--") == [scores(one, other, judged) for one in names]
        shuffled = [scores(one, judged, judged, "shuffled") for one in names]
        assert curves(axes, ":") == shuffled
        lowest = min(value for line in shuffled for _, value in line)
        assert axes.get_ylim()[0] < lowest < 0  # where agreement can be below it
    (legend,) = FIGURES["layer_values"].legends
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels == ["valence", "arousal", "chance"]


def test_a_table_holds_the_mean_and_each_value() -> None:
    table = layer_table(ROWS, ROLES)
    columns = [[str(one.header), *map(str, one.cells)] for one in table.columns]
    assert columns[0] == ["state", "0", "1", "2", "best", "mean", "shuffled"]
    assert [column[0] for column in columns[1:]] == [
        *("speech", "speech\nvalence", "speech\narousal"),
        *("song", "song\nvalence", "song\narousal"),
        *("speech\n→ song", "song\n→ speech"),
    ]
    keys = ("view", "score", "trained_on", "judged_on", "labels")
    named = ("1", "CCC/arousal", "song", "song", "true")
    (row,) = (one for one in ROWS if tuple(one[key] for key in keys) == named)
    reach = max(row["high"] - row["value"], row["value"] - row["low"])
    assert not isnan(reach)
    assert columns[6][2] == f"{row['value']:.2f}±{reach:.2f}"
    assert columns[1][5] == "0.00±0.00"  # and no -0.00
    caption = str(table.caption)
    assert "CCC (mean over the values, each from -1 to 1" in caption
    assert "per cent" not in caption
    assert "shuffled values" in caption


def test_encoders_are_shown_by_their_best_layers() -> None:
    runs = {"one": ROWS, "other": ROWS}
    pairs = encoder_rows([(name, JUDGEMENTS) for name in runs])
    table = encoder_table(runs, pairs, ROLES)
    headings = [str(column.header) for column in table.columns]
    assert headings == ["encoder", "speech", "song", "speech\n→ song", "song\n→ speech"]
    assert str(list(table.columns[1].cells)[-1]).startswith("+0.00±0.00\nq ")
    figure = encoder_figure(runs, ROLES)
    assert figure.axes[0].get_ylabel() == "CCC,\ncorpus-speech"
    assert curves(figure.axes[0], "-")[0] == scores("CCC", "speech", "speech")
