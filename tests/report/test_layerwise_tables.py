from math import nan
from typing import Any

import pytest
from rich.table import Table
from rich.text import Text

from crossemo.layerwise import encoder_rows, score_rows, with_choices
from crossemo.report.layerwise_tables import encoder_table, layer_table, short_names
from tests.layerwise.made_up import made_up_judgements

ROLES = {"speech": "corpus-speech", "song": "corpus-song"}
JUDGEMENTS = with_choices(made_up_judgements(roles=tuple(ROLES)))
ROWS = score_rows(JUDGEMENTS)
VIEWS = [view.name for view in JUDGEMENTS.views]
# Columns of the table, and what they are of.
COLUMNS = {
    "speech": ("speech", "speech", "trained", "UA"),
    "speech\ncalm|\nsad": ("speech", "speech", "trained", "UA/calm|sad"),
    "song": ("song", "song", "trained", "UA"),
    "song\ncalm|\nsad": ("song", "song", "trained", "UA/calm|sad"),
    "speech\n→ song": ("speech", "song", "judged", "UA"),
    "song\n→ speech": ("song", "speech", "judged", "UA"),
}


def cells(table: Table) -> list[list[str]]:
    """The columns of a table, each with its name first."""
    return [
        [str(cell) for cell in (column.header, *column.cells)]
        for column in table.columns
    ]


def row_of(column: str, view: str, labels: str = "true") -> Any:
    keys = ("trained_on", "judged_on", "scaler", "score", "view", "labels")
    condition = (*COLUMNS[column], view, labels)
    (row,) = (row for row in ROWS if tuple(row[key] for key in keys) == condition)
    return row


def test_a_table_holds_every_view_under_every_condition() -> None:
    states, *columns = cells(layer_table(ROWS, ROLES))
    assert states == ["state", *VIEWS, "shuffled", "guess <"]
    assert [column[0] for column in columns] == list(COLUMNS)
    for name, *texts, _, chance in columns:
        digits = 0 if "|" in name else 1
        for view, cell in zip(VIEWS, texts, strict=True):
            row = row_of(name, view)
            value = 100 * row["value"]
            reach = max(100 * row["high"] - value, value - 100 * row["low"])
            narrow = reach < 100 * row["clip_noise"]
            assert cell == f"{value:.{digits}f}±{reach:.0f}{'*' * narrow}"
        highest = 100 * row_of(name, "0")["chance_high"]
        assert float(chance) == pytest.approx(highest, abs=0.051)


def test_a_column_bears_the_sign_of_the_corpus_that_judges_it() -> None:
    marks = {"speech": {"leak": "LEAK: ..."}, "song": {"pretraining": "heard"}}
    rows = [row | marks[row["judged_on"]] for row in ROWS]
    _, *columns = cells(layer_table(rows, ROLES))
    signed = [name.partition("\ncalm")[0] for name, *_ in columns]
    ends = {"speech": "‡", "song": "†"}
    plain = [name.partition("\ncalm")[0] for name in COLUMNS]
    assert signed == [name + ends[name.rpartition(" ")[2]] for name in plain]
    assert [texts for _, *texts in columns] == [
        texts for _, *texts in cells(layer_table(ROWS, ROLES))[1:]
    ]


def test_shuffled_labels_are_a_row_of_their_mean_over_the_states() -> None:
    for name, *_, mean, _ in cells(layer_table(ROWS, ROLES))[1:]:
        if "|" in name:
            assert mean == "-"
        else:
            values = [row_of(name, n, "shuffled")["value"] for n in ("0", "1", "2")]
            assert float(mean) == pytest.approx(100 * sum(values) / 3, abs=0.051)


def test_without_shuffled_labels_there_is_no_row_of_them() -> None:
    true = [row for row in ROWS if row["labels"] == "true"]
    states, *_ = cells(layer_table(true, ROLES))
    assert states == ["state", *VIEWS, "guess <"]


def test_without_melodies_there_is_no_column_of_them() -> None:
    plain = [row for row in ROWS if row["score"] == "UA"]
    names = [column[0] for column in cells(layer_table(plain, ROLES))]
    assert names == ["state", *(name for name in COLUMNS if "|" not in name)]


def test_a_score_without_an_interval_stands_alone() -> None:
    table = [row | {"low": nan, "high": nan} for row in ROWS]
    for name, *texts in cells(layer_table(table, ROLES))[1:]:
        for view, cell in zip(VIEWS, texts, strict=False):
            value = 100 * row_of(name, view)["value"]
            assert cell == f"{value:.{0 if '|' in name else 1}f}"


def note(rows: Any, protocol: str = "") -> str:
    return str(layer_table(rows, ROLES, protocol).caption)


def test_an_interval_narrower_than_the_clips_noise_is_marked_and_has_another() -> None:
    wide = [row | {"clip_noise": 0.0} for row in ROWS]
    assert "*" not in note(wide)
    narrow = {row_of("speech", "0")["value"]: 0.0712, row_of("song", "2")["value"]: 0.1}
    ends = {"low": 0.3, "high": 0.3, "clip_noise": 0.01}

    def narrowed(row: Any) -> Any:
        if row not in (row_of("speech", "0"), row_of("song", "2")):
            return row | {"clip_noise": 0.0}
        value, reach = row["value"], narrow[row["value"]]
        over_groups = {"low_groups": value - reach, "high_groups": value + reach / 2}
        return row | ends | {"low": value, "high": value} | over_groups

    table = list(map(narrowed, ROWS))
    line = "* less than the binomial noise of the clips would allow"
    assert f"{line}; over groups instead: speech: 0 ±7; song: 2 ±10" in note(table)
    _, speech, *_ = cells(layer_table(table, ROLES))
    assert speech[1].endswith("±0*")
    assert not speech[2].endswith("*")
    # Where each fold is a group, there is no other interval.
    alone = [row | {"folds": row["groups"]} for row in table]
    assert line in note(alone)
    assert "over groups" not in note(alone)


def test_a_table_says_how_its_probes_came_about() -> None:
    assert note(ROWS, "probes: of wood").endswith("\nprobes: of wood")


def test_what_is_no_markup_is_shown_as_it_is() -> None:
    table = [row | {"view": "[bold]"} for row in ROWS]
    states = layer_table(table, ROLES).columns[0]
    first = next(iter(states.cells))
    assert isinstance(first, Text)
    assert str(first) == "[bold]"


OTHER = with_choices(made_up_judgements(seed=1, roles=tuple(ROLES)))
RUNS = {"one": JUDGEMENTS, "other": OTHER}
PAIRS = encoder_rows(list(RUNS.items()))
SCORES = {name: score_rows(judgements) for name, judgements in RUNS.items()}


def test_encoders_stand_above_their_differences() -> None:
    names, *columns = cells(encoder_table(SCORES, PAIRS, ROLES))
    assert names == ["encoder", "one", "other", "other - one"]
    assert [column[0] for column in columns] == [n for n in COLUMNS if "|" not in n]
    for name, *texts, difference in columns:
        values = []
        for cell, table in zip(texts, SCORES.values(), strict=True):
            row = row_of(name, "best")
            place = ROWS.index(row)  # the same in every table
            values.append(100 * table[place]["value"])
            assert cell.startswith(f"{values[-1]:.1f}±")
        assert difference.startswith(f"{values[1] - values[0]:+.1f}±")


@pytest.mark.parametrize(
    ("q", "text"), [(0.468, "0.47"), (0.01, "0.01"), (0.0099, "<0.01"), (1.0, "1.00")]
)
def test_differences_have_an_interval_and_a_corrected_p(q: float, text: str) -> None:
    values = {"UA": 0.012, "low": -0.02, "high": 0.044, "p": 0.2, "q": q}
    table = encoder_table(SCORES, [row | values for row in PAIRS], ROLES)
    for _, *_, difference in cells(table)[1:]:
        assert difference == f"+1.2±3\nq {text}"


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
    shortened = short_names({f"role {n}": name for n, name in enumerate(names)})
    assert list(shortened.values()) == short
