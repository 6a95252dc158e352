import subprocess
import sys

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from crossemo.report.figures import (
    confusion_figure,
    fad_heatmap,
    layer_weights_figure,
)
from crossemo.report.saving import figure_to_tensor

CLASSES = ("neutral", "calm", "happy")
COUNTS = np.array([[30, 10, 0], [0, 0, 0], [1, 2, 97]])


def written(axes: Axes) -> list[list[str]]:
    """The numbers in the cells, row by row."""
    cells = {text.get_position(): text.get_text() for text in axes.texts}
    rows, columns = (
        int(max(place)) + 1 for place in list(zip(*cells, strict=True))[::-1]
    )
    return [[cells[column, row] for column in range(columns)] for row in range(rows)]


def frames(axes: Axes) -> list[tuple[int, int]]:
    """Row and column of every framed cell."""
    boxes = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    return [(round(box.get_y() + 0.46), round(box.get_x() + 0.46)) for box in boxes]


def tick_names(axes: Axes) -> tuple[list[str], list[str]]:
    rows, columns = axes.get_yticklabels(), axes.get_xticklabels()
    return [t.get_text() for t in rows], [t.get_text() for t in columns]


def test_confusion_writes_counts_and_colours_shares() -> None:
    figure = confusion_figure(COUNTS, CLASSES, "target, best")
    axes = figure.axes[0]
    assert figure.get_suptitle() == "target, best"
    assert written(axes) == [[str(count) for count in row] for row in COUNTS]
    assert axes.get_ylabel() == "labelled"
    assert axes.get_xlabel().startswith("recognised as")
    assert tick_names(axes) == (list(CLASSES), list(CLASSES))
    image = axes.images[0]
    expected = np.array([[0.75, 0.25, 0], [0, 0, 0], [0.01, 0.02, 0.97]])
    np.testing.assert_allclose(np.asarray(image.get_array()), expected)
    assert image.get_clim() == (0, 0.97)  # what is shown
    assert figure.axes[1].get_ylabel() == "share of row"


def test_numbers_stand_out_from_their_cells() -> None:
    figure = confusion_figure(np.diag([9, 9, 9]) + 1, CLASSES, "")
    axes = figure.axes[0]
    for text in axes.texts:
        row, column = text.get_position()[1], text.get_position()[0]
        assert text.get_color() == ("white" if row == column else "black")


def test_layer_weights_are_bars_over_the_uniform_level() -> None:
    weights = [0.5, 0.3, 0.1, 0.1]
    figure = layer_weights_figure(weights, "after source")
    assert figure.get_suptitle() == "after source"
    axes = figure.axes[0]
    bars = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    assert [bar.get_height() for bar in bars] == weights
    centres = [bar.get_x() + bar.get_width() / 2 for bar in bars]
    assert centres == pytest.approx([0, 1, 2, 3])
    (line,) = axes.lines
    assert line.get_linestyle() == "--"
    assert set(np.asarray(line.get_ydata()).tolist()) == {0.25}


def test_layer_weights_take_a_tensor() -> None:
    axes = layer_weights_figure(torch.ones(25) / 25, "").axes[0]
    assert len(axes.patches) == 25


@pytest.mark.parametrize(
    ("largest", "end"),
    [(0.25, 0.5), (0.39, 0.5), (0.41, 1.0), (0.79, 1.0), (0.81, 2.0)],
)
def test_layer_weights_share_an_axis_until_it_is_full(
    largest: float, end: float
) -> None:
    others = (1 - largest) / 3
    axes = layer_weights_figure([largest, others, others, others], "").axes[0]
    assert axes.get_ylim() == pytest.approx((0, end))


def test_heatmap_writes_values_and_frames_row_minima() -> None:
    nan = np.nan
    values = [[12.34, 1.25, 3.0], [nan, nan, nan], [5.0, nan, 4.96]]
    figure = fad_heatmap(values, ("a", "b", "c"), CLASSES, "speech", "song", "layer 9")
    axes = figure.axes[0]
    assert written(axes) == [
        ["12.3", "1.2", "3.0"],
        ["-", "-", "-"],
        ["5.0", "-", "5.0"],
    ]
    assert frames(axes) == [(0, 1), (2, 2)]
    assert tick_names(axes) == (["a", "b", "c"], list(CLASSES))
    assert axes.get_ylabel() == "speech"
    assert axes.get_xlabel().startswith("song")
    assert figure.get_suptitle() == "layer 9"
    image = axes.images[0]
    assert image.get_clim() == (1.25, 12.34)
    colours = np.asarray(image.to_rgba(np.ma.masked_invalid(values)))
    assert tuple(colours[1, 0]) == pytest.approx(to_rgba("lightgrey"), abs=0.01)


def test_heatmaps_may_share_their_colours() -> None:
    ends = (0.0, 10.0)
    low, high = ([[1.0, 4.0]], [[4.0, 40.0]])
    images = [
        fad_heatmap(table, "r", "ab", "", "", "", ends).axes[0].images[0]
        for table in (low, high)
    ]
    assert [image.get_clim() for image in images] == [ends, ends]
    first, second = (i.to_rgba(np.asarray(i.get_array())) for i in images)
    assert np.array_equal(first[0, 1], second[0, 0])  # both are 4


def test_heatmap_keeps_signs_but_no_negative_zero() -> None:
    axes = fad_heatmap([[-0.0001, -0.25]], "r", "ab", "", "", "").axes[0]
    assert written(axes) == [["0.000", "-0.250"]]


def test_heatmap_without_any_value_is_all_grey() -> None:
    figure = fad_heatmap(np.full((2, 3), np.nan), "rs", "abc", "", "", "")
    assert not frames(figure.axes[0])
    assert figure_to_tensor(figure).shape == (3, 432, 560)


@pytest.mark.parametrize(
    "figure",
    [
        confusion_figure(np.eye(8), [f"emotion {i}" for i in range(8)], "title"),
        layer_weights_figure(np.ones(25) / 25, "title"),
        fad_heatmap(np.ones((6, 6)), "abcdef", "uvwxyz", "speech", "song", "title"),
    ],
    ids=["confusion", "layer_weights", "fad"],
)
def test_pictures_are_of_tensorboard_size(figure: Figure) -> None:
    picture = figure_to_tensor(figure)
    assert picture.dtype == torch.uint8
    assert picture.shape == (3, 432, 560)
    assert picture.is_contiguous()
    white = (picture == 255).all(0)
    assert 0.1 < white.float().mean() < 0.95  # neither blank nor filled


def test_channels_are_red_green_blue() -> None:
    figure = Figure((0.2, 0.1), dpi=100, facecolor=(1.0, 0.4, 0.0))
    assert figure_to_tensor(figure)[:, 5, 10].tolist() == [255, 102, 0]


def test_tables_of_many_rows_grow() -> None:
    figure = fad_heatmap(np.ones((26, 6)), ["row"] * 26, "abcdef", "", "", "")
    _, height, width = figure_to_tensor(figure).shape
    assert width == 560
    assert height > 700


def test_numbers_stay_within_their_cells() -> None:
    for rows, columns in ((26, 13), (6, 6), (8, 8)):
        values = np.full((rows, columns), -0.123)
        names = ["fearful"] * rows, ["fearful"] * columns
        figure = fad_heatmap(values, *names, "speech", "song", "title")
        figure_to_tensor(figure)
        axes = figure.axes[0]
        box = axes.get_window_extent()
        for text in axes.texts:
            extent = text.get_window_extent()
            assert extent.width < box.width / columns
            assert extent.height < box.height / rows


EMOTIONS = ["neutral", "calm", "happy", "sad", "angry", "fearful"]
EMOTIONS += ["disgust", "surprised"]


@pytest.mark.parametrize("emotions", [EMOTIONS[:6], EMOTIONS], ids=["six", "eight"])
@pytest.mark.parametrize("value", [27.8, -0.123])
def test_words_stay_within_the_picture(emotions: list[str], value: float) -> None:
    values = np.full((len(emotions),) * 2, value)
    axes_titles = "source emotion", "target emotion"
    title = "FAD above chance / mean trace, stage source"
    counted = "source clips, stage target: UA 47.9 %"
    for figure in (
        fad_heatmap(values, emotions, emotions, *axes_titles, title),
        confusion_figure(abs(values), emotions, counted),
        layer_weights_figure(np.ones(25) / 25, "layer weights, stage source"),
    ):
        figure_to_tensor(figure)
        for text in figure.findobj(Text):
            extent = text.get_window_extent()
            if text.get_text() and text.get_visible():
                assert extent.x0 >= 0
                assert extent.y0 >= 0
                assert extent.x1 <= figure.bbox.width
                assert extent.y1 <= figure.bbox.height


def test_text_is_readable_on_a_card_of_tensorboard() -> None:
    for figure in (
        confusion_figure(np.eye(6), EMOTIONS[:6], "title"),
        layer_weights_figure(np.ones(13) / 13, "title"),
    ):
        scale = 215 / figure.bbox.height  # a card's image is 215 pixels high
        sizes = [float(text.get_fontsize()) for text in figure.findobj(Text)]
        assert min(sizes) * figure.dpi / 72 * scale > 9  # pixels


def test_names_must_fit_the_table() -> None:
    with pytest.raises(ValueError, match=r"\(3, 3\) does not fit 2 row names and 2"):
        confusion_figure(COUNTS, ("sad", "happy"), "")
    with pytest.raises(ValueError, match="1 row names and 3 column names"):
        fad_heatmap(COUNTS, ("a",), CLASSES, "", "", "")


def test_drawing_needs_no_pyplot() -> None:
    code = """
import sys
from crossemo.report.figures import layer_weights_figure
from crossemo.report.saving import figure_to_tensor
figure_to_tensor(layer_weights_figure([0.5, 0.5], ""))
print("matplotlib.pyplot" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
