import logging
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from crossemo.callbacks import fad
from crossemo.callbacks.fad import FrechetAudioDistance

CLASSES = ("calm", "sad")


def rows(values: list[float], scale: float, above: float = math.nan) -> Any:
    return [
        {
            "source_n": 4,
            "target_n": 5,
            "width": 16,
            "fad": value,
            "fad_above_chance": value - above,
            "mean_trace": scale,
        }
        for value in values
    ]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}

    def keep(trainer: Any, tag: str, figure: Figure, step: int) -> None:
        figures[tag] = figure

    monkeypatch.setattr(fad, "add_figure", keep)
    return figures


def draw(callback: FrechetAudioDistance, stage: str, table: Any) -> None:
    data = SimpleNamespace(roles={"source": None, "target": None})
    trainer: Any = SimpleNamespace(datamodule=data, global_step=7)
    module: Any = SimpleNamespace(classes=CLASSES, test_name=stage)
    callback._draw(trainer, module, table)


def test_stages_are_drawn_in_the_same_units_and_colours(
    drawn: dict[str, Figure],
) -> None:
    callback = FrechetAudioDistance()
    # The second stage's embeddings are twice as large, nothing else.
    draw(callback, "source", rows([1.0, 2.0, 3.0, 4.0], 0.5, above=0.5))
    draw(callback, "target", rows([4.0, 8.0, 12.0, 16.0], 2.0, above=2.0))
    for column, expected in (
        ("fad", [[2, 4], [6, 8]]),
        ("fad_above_chance", [[1, 3], [5, 7]]),
    ):
        for stage in ("source", "target"):
            image = drawn[f"{column}/{stage}"].axes[0].images[0]
            np.testing.assert_allclose(np.asarray(image.get_array()), expected)
            assert image.get_clim() == (expected[0][0], expected[1][1])
    draw(callback, "third", rows([1.0, 2.0, 3.0, 9.0], 0.5))
    assert drawn["fad/third"].axes[0].images[0].get_clim() == (2, 8)


def test_a_table_without_any_value_is_not_drawn(drawn: dict[str, Figure]) -> None:
    draw(FrechetAudioDistance(), "source", rows([1.0, 2.0, 3.0, 4.0], 0.5))
    assert set(drawn) == {"fad/source"}
    draw(FrechetAudioDistance(), "flat", rows([0.0, 0.0, 0.0, 0.0], 0.0))
    assert set(drawn) == {"fad/source"}


def test_a_title_names_the_stage(drawn: dict[str, Figure]) -> None:
    draw(FrechetAudioDistance(), "source", rows([1.0, 2.0, 3.0, 4.0], 0.5))
    draw(FrechetAudioDistance(), "test", rows([1.0, 2.0, 3.0, 4.0], 0.5))
    titles = [drawn[f"fad/{name}"].get_suptitle() for name in ("source", "test")]
    assert titles == ["FAD / mean trace, stage source", "FAD / mean trace"]


@pytest.mark.parametrize(
    ("above", "advice"),
    [(0.0, "read the column fad_above_chance"), (math.nan, "needs two speakers")],
)
def test_few_clips_are_warned_of(
    above: float, advice: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        fad._warn_of_few(rows([1.0], 0.5, above))
    assert "4 clips in 16 dimensions" in caplog.text
    assert advice in caplog.text
