from typing import Any

import numpy as np
import pytest
from matplotlib.lines import Line2D

from crossemo.encoders.exposure import Marks
from crossemo.report.audits import (
    EQUAL,
    audit_figures,
    audit_paragraph,
    audit_table,
    audit_text,
    printed_table,
)

NAN = float("nan")
MARKS = Marks({"speech": (), "song": ()})


def row(protocol: str, value: float, difference: float, **more: Any) -> dict[str, Any]:
    """Return a row with intervals of a tenth around both values."""
    return {
        "role": "speech",
        "corpus": "ravdess-speech",
        "protocol": protocol,
        "score": "UA",
        "value": value,
        "low": value - 0.1,
        "high": value + 0.1,
        "repeat_sd": 0.012,
        "difference": difference,
        "difference_low": difference - 0.1,
        "difference_high": difference + 0.1,
        "units": 4,
        "clips": 240,
        **more,
    }


ROWS = [
    row("whole units", 0.3, 0.0),
    row("shared validation", 0.28, -0.02),
    row("best test epoch", 0.35, 0.05),
    row("shuffled clips", 0.42, 0.12),
]


def test_a_table_has_scores_and_differences_in_points() -> None:
    texts = audit_table(ROWS).texts
    assert list(texts.columns) == [
        "corpus",
        "protocol",
        "UA in %",
        "more than whole units",
    ]
    assert texts.iloc[0].tolist()[1:] == ["whole units", "30.0 [20.0, 40.0] ± 1.2", ""]
    assert texts.iloc[3, 2:].tolist() == [
        "42.0 [32.0, 52.0] ± 1.2",
        "+12.0 [+2.0, +22.0]",
    ]
    assert printed_table([*ROWS, *ROWS]).row_count == 8


def test_a_paragraph_says_what_is_gained_and_what_is_not_shown() -> None:
    assert audit_paragraph(ROWS, "log-mel means and deviations") == (
        "On ravdess-speech (240 tested clips of 4 units), a linear model of log-mel "
        "means and deviations reaches a UA of 30.0 % [20.0, 40.0] where whole units "
        "are apart and the epoch of training is chosen on validation units. It reaches "
        "28.0, 2.0 points less [-8.0, 12.0], where the validation clips that choose "
        "the epoch are of the units of training. It reaches 35.0, 5.0 points more "
        "[-5.0, 15.0], where the epoch is chosen on the tested clips themselves. It "
        "reaches 42.0, 12.0 points more [2.0, 22.0], where clips are dealt into the "
        "parts whatever unit they are of, so that training knows the units that are "
        "tested. The interval of the difference holds 0 for shared validation and best "
        "test epoch: 4 units don't show one."
    )


def test_too_few_units_have_no_interval() -> None:
    ends = ("low", "high", "difference_low", "difference_high")
    rows = [{**one, **dict.fromkeys(ends, NAN), "units": 2} for one in ROWS]
    text = audit_paragraph(rows, "x")
    assert "Fewer than three units are tested" in text
    assert "nan" not in text
    assert audit_table(rows).texts.iloc[3, 3] == "+12.0"
    ((_, figure),) = audit_figures(rows, "x", MARKS)
    figure.draw_without_rendering()


def test_what_an_encoder_knows_stands_at_the_corpus_that_it_knows() -> None:
    known = {"leak": "LEAK: labels", "pretraining": ""}
    other = {"leak": "", "pretraining": "", "role": "song", "corpus": "ravdess-song"}
    rows = [*({**one, **known} for one in ROWS), *({**one, **other} for one in ROWS)]
    names = ["ravdess-speech‡"] * 4 + ["ravdess-song"] * 4
    assert audit_table(rows).texts["corpus"].tolist() == names
    leak, speech, song, equal = audit_text(rows, "x").split("\n\n")
    assert leak == "LEAK: labels"
    assert speech.startswith("On ravdess-speech (240")
    assert song.startswith("On ravdess-song (240")
    assert equal == EQUAL
    assert audit_text(ROWS, "x").startswith("On ravdess-speech (240")


def test_songs_of_one_clip_each_can_t_leak() -> None:
    rows = [{**one, "units": 240} for one in ROWS]
    assert "No unit has two clips" in audit_paragraph(rows, "x")


def test_values_are_shown_as_they_are() -> None:
    rows = [{**one, "score": "CCC"} for one in ROWS]
    assert audit_table(rows).texts.iloc[3, 2] == "0.42 [0.32, 0.52] ± 0.01"
    text = audit_paragraph(rows, "x")
    assert "a CCC of 0.30 [0.20, 0.40] where" in text
    assert "It reaches 0.42, 0.12 more [0.02, 0.22], where" in text


def marked(line: Line2D) -> bool:
    return line.get_marker() == "o"


def test_a_figure_has_every_score_and_difference() -> None:
    rows = [*ROWS, {**ROWS[0], "role": "song"}]
    figures = dict(audit_figures(rows, "log-mel", MARKS))
    assert list(figures) == ["audit/speech", "audit/song"]
    scores, differences = figures["audit/speech"].axes
    points = [
        [np.ravel(one.get_xdata()).item() for one in axes.lines if marked(one)]
        for axes in (scores, differences)
    ]
    assert points[0] == pytest.approx([30, 28, 35, 42])
    assert points[1] == pytest.approx([0, -2, 5, 12])
    names = [label.get_text() for label in scores.get_yticklabels()]
    assert names == [one["protocol"] for one in ROWS]
    assert scores.get_title() == "UA in %"
