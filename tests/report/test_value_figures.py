from typing import Any

import numpy as np
import pytest

from crossemo.corpora.base import Scale
from crossemo.report.course import course_figure
from crossemo.report.saving import figure_to_tensor
from crossemo.report.value_figures import agreement_figure

TRUE = np.array([[-0.5, 0.2], [0.5, 0.1], [0.0, -0.9]])
SAID = np.array([[-0.2, 0.3], [0.3, 1.5], [0.1, -0.8]])


def drawn(scale: Scale | None = None) -> Any:
    names, scores = ("valence", "arousal"), [0.5, -0.25]
    return agreement_figure(SAID, TRUE, names, scores, "tiny: CCC 0.13", scale)


def test_a_point_is_a_clip_and_a_panel_an_output() -> None:
    figure = drawn()
    for place, axes in enumerate(figure.axes):
        points = axes.lines[0]
        assert points.get_linestyle() == "None"
        np.testing.assert_array_equal(points.get_xdata(), TRUE[:, place])
        np.testing.assert_array_equal(points.get_ydata(), SAID[:, place])
        assert axes.get_xlim() == axes.get_ylim()
        assert axes.get_xlim()[1] > 1.5  # a prediction beyond the scale is seen
    labels = [(axes.get_xlabel(), axes.get_ylabel()) for axes in figure.axes]
    assert labels == [
        (f"annotated {name}", f"predicted {name}") for name in ("valence", "arousal")
    ]
    notes = [axes.texts[0].get_text() for axes in figure.axes]
    assert notes == ["CCC 0.50", "CCC -0.25"]


def test_the_other_sides_are_the_scale_as_published() -> None:
    figure = drawn(Scale(1, 9, 5))
    assert figure_to_tensor(figure).float().std() > 0
    for axes in figure.axes[:2]:
        upper, right = axes.child_axes
        low, high = axes.get_xlim()
        assert upper.get_xlim() == pytest.approx((5 + 4 * low, 5 + 4 * high))
        ticks = [text.get_text() for text in right.get_yticklabels()]
        assert ticks == ["1", "5", "9"]


def test_it_fits_a_column_or_a_page() -> None:
    widths = [
        agreement_figure(
            np.zeros((2, n)), np.ones((2, n)), "abc"[:n], [0.0] * n, ""
        ).get_figwidth()
        for n in (1, 2, 3)
    ]
    assert 3.5 <= widths[0] < widths[1] < widths[2] <= 7.2


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="don't fit 1 outputs"):
        agreement_figure(SAID, TRUE, ("valence",), [0.5], "")
    with pytest.raises(ValueError, match=r"\(2, 2\) and targets of shape \(3, 2\)"):
        agreement_figure(SAID[:2], TRUE, ("valence", "arousal"), [0.5, 0.5], "")


def test_the_course_of_a_ccc_is_not_in_per_cent() -> None:
    figure = course_figure({"deam": [(0, 0.1), (1, 0.4)]}, [], 0.0, "", "CCC")
    axes: Any = figure.axes[0]
    assert axes.get_ylabel() == "validation CCC"
    assert list(axes.lines[0].get_ydata()) == [0.1, 0.4]
