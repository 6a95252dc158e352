from typing import Any

import numpy as np
import pytest

from crossemo.report.course import course_figure, stage_weights_figure
from crossemo.report.saving import figure_to_tensor


def test_scores_of_both_domains_stand_on_one_axis() -> None:
    scores = {"source": [(0, 0.2), (1, 0.5)], "target": [(0, 0.1), (2, 0.25)]}
    figure = course_figure(scores, [(0, "source"), (2, "target")], 1 / 4)
    axes: Any = figure.axes[0]
    lines = {
        line.get_label(): (list(line.get_xdata()), list(line.get_ydata()))
        for line in axes.lines
        if not str(line.get_label()).startswith("_")
    }
    assert lines["source"] == ([0, 1], [20, 50])
    assert lines["target"] == ([0, 2], [10, 25])
    assert lines["chance"][1] == [25, 25]
    # The stages begin between two epochs.
    switches = [line.get_xdata()[0] for line in axes.lines if line.get_linewidth() == 1]
    assert switches == [-0.5, 1.5]
    assert [text.get_text() for text in axes.texts] == ["source", "target"]
    assert figure_to_tensor(figure).shape[0] == 3


def test_a_run_without_a_validation_can_be_drawn() -> None:
    assert figure_to_tensor(course_figure({}, [(0, "source")], 0.5)).float().std() > 0


def test_weights_around_stages_stand_side_by_side() -> None:
    weights = {"before source": [0.5, 0.5], "after source": [0.25, 0.75]}
    figure = stage_weights_figure(weights)
    patches: Any = figure.axes[0].patches
    bars = [(p.get_x() + p.get_width() / 2, p.get_height()) for p in patches]
    np.testing.assert_allclose(
        bars, [(-0.2, 0.5), (0.8, 0.5), (0.2, 0.25), (1.2, 0.75)]
    )
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == list(weights)


@pytest.mark.parametrize("states", [4, 13, 25])
def test_many_layers_fit(states: int) -> None:
    shares = [1 / states] * states
    weights = {
        f"{when} {stage}": shares for when in ("before", "after") for stage in "ab"
    }
    assert figure_to_tensor(stage_weights_figure(weights)).shape == (3, 432, 560)
