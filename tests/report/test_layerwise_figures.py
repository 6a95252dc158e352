from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex

from crossemo.encoders.exposure import Marks
from crossemo.layerwise import score_rows, similarity_rows, with_choices
from crossemo.report.layerwise_figures import (
    encoder_figure,
    layer_figures,
    likeness_figure,
    recall_figure,
    score_figure,
)
from crossemo.report.saving import save_figure
from crossemo.report.study import Study
from tests.layerwise.made_up import made_up_judgements
from tests.probes.made_up import features, made_up

ROLES = {"speech": "made-up-speech", "song": "made-up-song"}


def rows(seed: int = 0, roles: Any = ROLES, plain: bool = False) -> list[Any]:
    """Rows of `layers.csv`; plain ones are of layers and true labels alone."""
    judgements = made_up_judgements(seed, tuple(roles))
    if plain:
        judgements = replace(
            judgements,
            said=judgements.said[:, :3, :2],
            within=judgements.within[:, :3, :2],
            validation=judgements.validation[:, :3, :, :2],
            choice=judgements.choice[:, :3, :, :2],
            views=judgements.views[:3],
            variants=judgements.variants[:2],
        )
    return score_rows(with_choices(judgements))


ROWS = rows()
LIKENESS = similarity_rows(
    (CLIPS := made_up(roles=tuple(ROLES))),
    features(CLIPS)[:, None].expand(-1, 3, -1),
    range(3),
)


def select(table: list[Any], **columns: Any) -> list[Any]:
    return [row for row in table if all(row[k] == v for k, v in columns.items())]


def ua(table: list[Any], **columns: Any) -> list[Any]:
    values = {"score": "UA", "labels": "true", "kind": "encoder", **columns}
    return [row for row in select(table, **values) if row["layer"] != ""]


def points(line: Any) -> list[tuple[float, float]]:
    x, y = (np.asarray(data).tolist() for data in line.get_data())
    return list(zip(x, y, strict=True))


def expected(table: list[Any]) -> Any:
    return [(row["layer"], pytest.approx(100 * row["value"])) for row in table]


def labelled(axes: Axes, label: str) -> Any:
    (line,) = (line for line in axes.lines if line.get_label() == label)
    return points(line)


def test_curves_are_the_scores_of_the_layers() -> None:
    panels = score_figure(ROWS, ROLES).axes
    for axes, (role, corpus) in zip(panels, ROLES.items(), strict=True):
        assert axes.get_ylabel() == f"UA in %,\n{corpus}"
        within = {"trained_on": role, "judged_on": role}
        assert labelled(axes, f"learnt from {corpus}") == expected(ua(ROWS, **within))
        shuffled = ua(ROWS, **within, labels="shuffled")
        assert labelled(axes, "shuffled labels") == expected(shuffled)
        random = ua(ROWS, **within, kind="random")
        assert [row["layer"] for row in random] == [0, 2]
        assert labelled(axes, "random weights") == expected(random)
    across = ua(ROWS, trained_on="speech", judged_on="song", scaler="judged")
    assert labelled(panels[1], "learnt from made-up-speech") == expected(across)


def test_bands_are_the_intervals() -> None:
    axes = score_figure(ROWS, ROLES).axes[0]
    table = ua(ROWS, trained_on="speech", judged_on="speech")
    band = next(one for one in axes.collections if isinstance(one, PolyCollection))
    (outline,) = band.get_paths()
    corners = set(map(tuple, np.asarray(outline.vertices).round(6).tolist()))
    for row in table:
        for end in ("low", "high"):
            assert (row["layer"], round(100 * row[end], 6)) in corners


def test_references_stand_beside_the_layers_with_their_intervals() -> None:
    axes = score_figure(ROWS, ROLES).axes[-1]
    (bars,) = axes.containers
    table = [
        row
        for name in ("level", "best")
        for row in select(ROWS, score="UA", labels="true", view=name)
        if row["trained_on"] == row["judged_on"] == "song"
    ]
    marks, _, (ends,) = bars
    assert [y for _, y in points(marks)] == pytest.approx(
        [100 * r["value"] for r in table]
    )
    for segment, row in zip(ends.get_segments(), table, strict=True):
        assert segment[:, 1].tolist() == pytest.approx(
            [100 * row["low"], 100 * row["high"]]
        )
    names = [tick.get_text() for tick in axes.get_xticklabels()]
    assert names == ["0", "1", "2", "level", "best"]
    assert all(x > 2 for x, _ in points(marks))


def test_some_layers_stand_at_their_own_numbers() -> None:
    some = [row | {"layer": 4 * row["layer"]} if row["layer"] else row for row in ROWS]
    axes = score_figure(some, ROLES).axes[-1]
    ticks = zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)
    assert {x: tick.get_text() for x, tick in ticks if x <= 8} == {
        0: "0",
        4: "4",
        8: "8",
    }
    (bars,) = axes.containers
    assert all(x > 8 for x, _ in points(bars[0]))


def test_guessing_is_a_line() -> None:
    runs = {"one": ROWS, "other": rows(1)}
    for figure in (score_figure(ROWS, ROLES), encoder_figure(runs, ROLES)):
        for axes in figure.axes:
            height = pytest.approx(100 / 3)
            assert labelled(axes, "chance") == [(0, height), (1, height)]


def test_a_legend_names_the_curves() -> None:
    figure = score_figure(ROWS, ROLES, "wav2vec2-base: UA")
    (legend,) = figure.legends
    assert figure.get_suptitle() == "wav2vec2-base: UA"
    names = [text.get_text() for text in legend.get_texts()]
    assert names[:2] == ["learnt from made-up-speech", "learnt from made-up-song"]
    assert names[-1] == "chance"


def test_panels_have_the_same_height() -> None:
    for figure in (score_figure(ROWS, ROLES), encoder_figure({"one": ROWS}, ROLES)):
        one, other = (axes.get_ylim() for axes in figure.axes)
        assert one == other
        assert one[0] == 0


def test_encoders_have_the_same_colour_in_both_panels() -> None:
    runs = {"one": ROWS, "other": rows(1)}
    panels = encoder_figure(runs, ROLES).axes
    for axes, role, other in zip(panels, ROLES, reversed(ROLES), strict=True):
        for (name, table), colour in zip(
            runs.items(), ("#4477aa", "#ee7733"), strict=True
        ):
            curve, dashed = (
                points(line)
                for style in ("-", "--")
                for line in axes.lines
                if (to_hex(line.get_color()), line.get_linestyle()) == (colour, style)
            )
            assert curve == labelled(axes, name)
            assert curve == expected(ua(table, trained_on=role, judged_on=role))
            across = ua(table, trained_on=other, judged_on=role, scaler="judged")
            assert dashed == expected(across)


def test_recalls_are_those_of_every_layer_and_emotion() -> None:
    within = select(ROWS, trained_on="song", judged_on="song", labels="true")
    axes = recall_figure(within, "made-up-song").axes[0]
    image = np.asarray(axes.images[0].get_array())
    assert [tick.get_text() for tick in axes.get_xticklabels()] == [
        "calm",
        "happy",
        "sad",
    ]
    for layer, emotion in np.ndindex(3, 3):
        name = f"recall/{('calm', 'happy', 'sad')[emotion]}"
        (row,) = select(within, view=f"{layer}", score=name)
        assert image[layer, emotion] == pytest.approx(100 * row["value"])


def test_likeness_is_written_in_its_cell() -> None:
    figure = likeness_figure(
        [
            {"speech_layer": i, "song_layer": j, "cka": value}
            for i, values in ((3, (1.0, -0.001)), (7, (0.254, -0.5)))
            for j, value in zip((3, 7), values, strict=True)
        ],
        ROLES,
    )
    axes = figure.axes[0]
    assert np.asarray(axes.images[0].get_array()).tolist() == [
        [1, -0.001],
        [0.254, -0.5],
    ]
    assert [text.get_text() for text in axes.texts] == ["1.00", ".00", ".25", "-.50"]
    for name, of in (
        ("made-up-speech", axes.get_ylabel()),
        ("made-up-song", axes.get_xlabel()),
    ):
        assert of == f"hidden state, {name}"


@pytest.mark.parametrize("roles", [ROLES, {"speech": "made-up-speech"}], ids=len)
@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("intervals", [True, False])
def test_figures_are_drawn_whatever_is_missing(
    roles: dict[str, str], plain: bool, intervals: bool, tmp_path: Path
) -> None:
    table = rows(0, roles, plain)
    if not intervals:
        table = [row | {"low": torch.nan, "high": torch.nan} for row in table]
    likeness = LIKENESS if len(roles) == 2 else []
    study = Study("an encoder", roles, dict.fromkeys(roles, "music"))
    clips, marks = dict.fromkeys(roles, 9), Marks(dict.fromkeys(roles, ()))
    figures = layer_figures(table, likeness, study, clips, marks)
    assert list(figures) == [
        "layers",
        *(f"layer_recalls/{role}" for role in roles),
        *["layer_similarity"] * (len(roles) == 2),
    ]
    figures["encoders"] = encoder_figure({"one": table}, roles)
    for tag, figure in figures.items():
        save_figure(figure, tmp_path, tag)  # warnings are errors
    assert len(figures["layers"].axes) == len(roles)
    title = figures["layers"].get_suptitle()
    assert title.startswith(
        "an encoder: UA of every layer\nmade-up-speech (music, n=9)"
    )
    labels = {line.get_label() for line in figures["layers"].axes[0].lines}
    assert ({"random weights", "shuffled labels"} <= labels) != plain
