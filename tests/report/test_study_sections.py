import numpy as np
import pytest
from matplotlib.collections import LineCollection
from pandas import DataFrame, concat

from crossemo.report import (
    distance_changes,
    encoder_layers,
    layer_weights,
    over_folds,
    reliability_diagrams,
)
from crossemo.report.exhibits import Exhibit
from crossemo.report.study_sections import sections_of
from tests.report.frames import EMOTIONS, made_up_confusions, made_up_frames

FRAMES = made_up_frames("", ["voices"], ["tiny"], ["baseline", "PEFT"])


def row_of(exhibit: Exhibit, *names: str) -> dict[str, str]:
    """The texts of a row by column."""
    assert exhibit.table is not None
    (row,) = (
        row
        for row in exhibit.table.rows
        if tuple(cell.text for cell in row[: len(names)]) == names
    )
    return dict(zip(exhibit.table.columns, (cell.text for cell in row), strict=True))


def mean(frame: DataFrame, value: str, **columns: object) -> float:
    for name, wanted in columns.items():
        frame = frame[frame[name] == wanted]
    assert len(frame)
    return float(np.mean(frame[value]))


def test_an_empty_study_has_no_sections() -> None:
    empty = {name: frame.iloc[:0] for name, frame in FRAMES.items()}
    assert sections_of(empty, {}) == []
    bare = {
        name: DataFrame(columns=["run"]) for name in ("distances", "bias", "layers")
    }
    assert sections_of(empty | bare, {}) == []


def test_distances_are_means_over_runs_of_the_mixture_before_and_after() -> None:
    exhibit = distance_changes.sections(FRAMES)[0].exhibits[0]
    same = {"measure": "same_emotion_distance", "strategy": "PEFT"}
    after = mean(FRAMES["bias"], "value", stage="target", layer="mixture", **same)
    row = row_of(exhibit, "tiny", "PEFT", "mixture")
    assert row["distance"].split()[0] == f"{after:.3f}"
    assert row["p"] == ".040"  # twice the mean of 0.02 of two runs
    # The untrained encoder is the same one under both strategies.
    del same["strategy"]
    before = mean(FRAMES["bias"], "value", stage="before", layer="2", **same)
    row = row_of(exhibit, "tiny", "before", "2")
    assert row["distance"].split()[0] == f"{before:.3f}"


def test_distances_of_runs_that_cannot_be_compared_are_not_averaged() -> None:
    run = FRAMES["bias"]["run"].iloc[0]
    reasons = [{"run": run, "reason": "incomparable: other clips"}]
    frames = FRAMES | {"exclusions": DataFrame(reasons)}
    for section in distance_changes.sections(frames):
        for exhibit in section.exhibits:
            assert exhibit.table is not None
            runs = {one for row in exhibit.table.rows for c in row for one in c.runs}
            assert run not in runs
            assert runs


def test_parts_that_were_measured_are_not_mixed() -> None:
    other = FRAMES["bias"].assign(part="all")
    frames = FRAMES | {"bias": concat([FRAMES["bias"], other])}
    titles = [one.title for one in distance_changes.sections(frames)[0].exhibits]
    assert titles == [
        "Distances, voices to songs, part test",
        "Distances, voices to songs, part all",
    ]


def test_biases_have_a_column_for_each_emotion() -> None:
    exhibit = distance_changes.sections(FRAMES)[1].exhibits[0]
    row = row_of(exhibit, "tiny", "baseline", "mixture")
    assert list(row)[3:] == list(EMOTIONS)
    of = {"stage": "target", "layer": "mixture", "strategy": "baseline"}
    value = mean(FRAMES["bias"], "value", measure="deviation", emotion="sad", **of)
    assert row["sad"].split()[0] == f"{value:.3f}"


def test_layers_name_the_highest_state_and_the_one_chosen_on_validation() -> None:
    exhibit = encoder_layers.section(FRAMES).exhibits[0]
    row = row_of(exhibit, "tiny", "voices", "songs")
    of = {"trained_on": "source", "judged_on": "target", "labels": "true"}
    values = [
        mean(FRAMES["layers"], "value", view=view, score="UA", **of)
        for view in ("0", "1", "2", "best")
    ]
    assert [row[one].split()[0] for one in ("0", "1", "2", "best")] == [
        f"{100 * value:.1f}" for value in values
    ]
    assert row["highest"] == str(int(np.argmax(values[:3])))


def test_layer_weights_are_means_over_runs_by_stage() -> None:
    exhibit = layer_weights.section(FRAMES).exhibits[0]
    row = row_of(exhibit, "PEFT", "tiny", "source")
    shares = [float(row[layer]) for layer in "012"]
    assert sum(shares) == pytest.approx(1, abs=0.002)
    assert shares[1] == pytest.approx(
        mean(FRAMES["weights"], "weight", stage="source", layer=1), abs=0.0005
    )


def test_confusions_are_drawn_for_each_strategy_and_stage() -> None:
    confusions = made_up_confusions(FRAMES)
    (exhibit,) = over_folds.section(FRAMES, confusions).exhibits
    (picture,) = exhibit.pictures
    drawn = [axes for axes in picture.figure.axes if axes.images]
    condition = FRAMES["folds"]["condition"].iloc[0]
    counts = confusions[condition, "target_only", "target"].to_numpy()
    numbers = [text.get_text() for text in drawn[0].texts]
    assert numbers == [str(count) for count in counts.ravel()]
    assert len(drawn) == 3 + 4  # PEFT was trained jointly too
    mistakes = counts * (1 - np.eye(4, dtype=int))
    true, said = np.unravel_index(mistakes.argmax(), mistakes.shape)
    assert (
        f"{EMOTIONS[true]} for {EMOTIONS[said]} ({mistakes.max()} clips)" in picture.alt
    )


def test_calibration_has_the_error_of_its_bins_as_said_and_calibrated() -> None:
    (exhibit,) = reliability_diagrams.section(FRAMES).exhibits
    row = row_of(exhibit, "PEFT", "tiny", "target", "target")
    bins = FRAMES["certainty"]
    of = {"strategy": "PEFT", "stage": "target", "place": "target"}
    for column, kind in (("ECE", "as said"), ("calibrated", "calibrated")):
        mine = bins[bins["probabilities"] == kind]
        for name, value in of.items():
            mine = mine[mine[name] == value]
        gaps = (mine["accuracy"] - mine["confidence"]).abs()
        error = float(np.average(gaps, weights=mine["clips"]))
        assert row[column] == f"{100 * error:.1f}"
    assert row["clips"] == str(
        bins[(bins[list(of)] == list(of.values())).all(axis=1)]
        .query("probabilities == 'as said'")["clips"]
        .sum()
    )


def test_calibration_without_a_temperature_has_a_dash_and_one_series() -> None:
    bins = FRAMES["certainty"]
    frames = {"certainty": bins[bins["probabilities"] == "as said"]}
    (exhibit,) = reliability_diagrams.section(frames).exhibits
    assert row_of(exhibit, "PEFT", "tiny", "target", "target")["calibrated"] == "-"
    (picture,) = exhibit.pictures
    assert "calibrated" not in picture.alt
    upper, lower = picture.figure.axes[0], picture.figure.axes[3]
    legend, bars = upper.get_legend(), lower.collections[0]
    assert legend is not None
    assert isinstance(bars, LineCollection)
    assert [text.get_text()[:12] for text in legend.get_texts()] == ["as said, ECE"]
    heights = [segment[1][1] for segment in bars.get_segments()]
    of = {"strategy": "baseline", "stage": "target_only", "place": "target"}
    mine = frames["certainty"]
    mine = mine[(mine[list(of)] == list(of.values())).all(axis=1)]
    assert heights == mine["clips"].tolist()
