from typing import Any

import pytest
from rich.table import Table
from rich.text import Text

from crossemo.layerwise import encoder_rows, score_rows, with_choices
from crossemo.report.layer_tables import encoder_table, layer_table, short_names
from tests.layerwise.told import made_up_judgements

ROLES = {"speech": "corpus-speech", "song": "corpus-song"}
TOLD = with_choices(made_up_judgements(roles=tuple(ROLES)))
ROWS = score_rows(TOLD)


def cells(table: Table) -> list[list[str]]:
    """The columns of a table, each with its name first."""
    return [
        [str(cell) for cell in (column.header, *column.cells)]
        for column in table.columns
    ]


def row_of(**wanted: Any) -> Any:
    (row,) = (
        row
        for row in ROWS
        if all(
            row[key] == value for key, value in ({"labels": "true"} | wanted).items()
        )
    )
    return row


def test_a_table_holds_every_view_under_every_condition() -> None:
    states, *columns = cells(layer_table(ROWS, ROLES))
    views = [view.name for view in TOLD.views]
    assert states == ["state", *views, "guess <"]
    conditions = {
        "speech": ("speech", "speech", "trained"),
        "song": ("song", "song", "trained"),
        "speech → song": ("speech", "song", "judged"),
        "song → speech": ("song", "speech", "judged"),
    }
    assert [column[0] for column in columns] == list(conditions)
    for name, *shown, chance in columns:
        trained, judged, scaler = conditions[name]
        where = {
            "trained_on": trained,
            "judged_on": judged,
            "scaler": scaler,
            "score": "UA",
        }
        for view, cell in zip(views, shown, strict=True):
            row = row_of(view=view, **where)
            value = 100 * row["value"]
            reach = max(100 * row["high"] - value, value - 100 * row["low"])
            assert cell == f"{value:.1f}±{reach:.0f}"
        row = row_of(view="0", **where)
        assert float(chance) == pytest.approx(100 * row["chance_high"], abs=0.051)


def test_melodies_are_shown_of_the_roles_that_are_sung() -> None:
    columns = cells(layer_table(ROWS, ROLES, sung=["song"]))
    names = [column[0] for column in columns]
    own = ["speech", "song", "song\ncalm|\nsad"]
    assert names == ["state", *own, "speech → song", "song → speech"]
    where = {"trained_on": "song", "judged_on": "song", "score": "UA/calm|sad"}
    value = 100 * row_of(view="1", **where)["value"]
    assert columns[3][2].startswith(f"{value:.1f}±")


def test_a_score_without_an_interval_stands_alone() -> None:
    nan = float("nan")
    table = [row | {"low": nan, "high": nan} for row in ROWS]
    for _, *shown in cells(layer_table(table, ROLES))[1:]:
        assert all(cell.replace(".", "", 1).isdigit() for cell in shown)


def test_what_is_no_markup_is_shown_as_it_is() -> None:
    table = [row | {"view": "[bold]"} for row in ROWS]
    states = layer_table(table, ROLES).columns[0]
    first = next(iter(states.cells))
    assert isinstance(first, Text)
    assert str(first) == "[bold]"


def test_encoders_stand_above_their_differences() -> None:
    other = with_choices(made_up_judgements(seed=1, roles=tuple(ROLES)))
    runs = {"one": TOLD, "other": other}
    pairs = encoder_rows(list(runs.items()))
    scores = {name: score_rows(told) for name, told in runs.items()}
    names, speech, *_ = cells(encoder_table(scores, pairs, ROLES))
    assert names == ["encoder", "one", "other", "other - one"]
    values = []
    for shown, table in zip(speech[1:3], scores.values(), strict=True):
        best = next(r for r in table if r["view"] == "best" and r["score"] == "UA")
        values.append(100 * best["value"])
        assert shown.startswith(f"{values[-1]:.1f}±")
    (pair,) = (
        row
        for row in pairs
        if row["view"] == "best" and row["trained_on"] == row["judged_on"] == "speech"
    )
    assert speech[3].startswith(f"{values[1] - values[0]:+.1f}±")
    assert speech[3].endswith(f"\np {pair['q']:.2f}")


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["ravdess-speech", "ravdess-song"], ["speech", "song"]),
        (["ravdess-speech", "demo-song"], ["ravdess-speech", "demo-song"]),
        (["ravdess-song"], ["ravdess-song"]),
    ],
)
def test_names_lose_what_they_all_begin_with(
    names: list[str], short: list[str]
) -> None:
    found = short_names({f"role {n}": name for n, name in enumerate(names)})
    assert list(found.values()) == short
