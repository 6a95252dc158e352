from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from crossemo.report.exhibits import Cell, Table
from crossemo.report.report_files import PAGE, csv_of, latex_of, markdown_of
from tests.report.conftest import Written, write

TABLE = Table(
    ["strategy", "50% & more_x"],
    [
        [Cell("a|b\nc"), Cell("1.0 [0.5, 1.5]*", ("run",))],
        [Cell("$x^2$ \\n"), Cell("-")],
    ],
)


def test_the_same_runs_give_the_same_bytes(written: Written) -> None:
    again = written.folder.parent / "again"
    names = []
    for stale in ("tables/gone.csv", "figures/gone.svg"):
        (again / stale).parent.mkdir(parents=True)
        (again / stale).write_text("of an earlier report")
    write(again, written.folder.parents[1])
    for path in sorted(written.folder.rglob("*")):
        if path.is_file():
            names.append(path.relative_to(written.folder))
            assert path.read_bytes() == (again / names[-1]).read_bytes(), path
    assert sorted(names) == sorted(
        path.relative_to(again) for path in again.rglob("*") if path.is_file()
    )
    assert Path(PAGE) in names


def test_every_frame_is_there_in_long_form(written: Written) -> None:
    for name, frame in written.frames.items():
        table = pd.read_csv(written.folder / "tables" / f"{name}.csv")
        assert list(table.columns) == list(frame.columns)
        assert len(table) == len(frame)
    folds = pd.read_csv(written.folder / "tables" / "folds.csv")
    first = written.frames["folds"].iloc[0]
    assert folds["value"][0] == pytest.approx(first["value"], rel=1e-15)
    assert tuple(folds["runs"][0].split(";")) == first["runs"]


def test_every_figure_is_there_in_three_forms(written: Written) -> None:
    pictures = [
        picture
        for section in written.report.sections
        for exhibit in section.exhibits
        for picture in exhibit.pictures
    ]
    assert sorted(one.tag for one in pictures) == [
        *("bias_1", "by_emotion_1", "confusions_1_1", "distances_1_1"),
        *("distances_over_layers_1", "explanation_1_1", "explanation_1_2"),
        *("explanation_over_layers_1_1", "explanation_over_layers_1_2"),
        *("layer_weights_1", "layers_1", "reliability_1_1", "two_stages_1"),
    ]
    for one in pictures:
        file = written.folder / "figures" / one.tag
        assert file.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
        assert b"<svg" in file.with_suffix(".svg").read_bytes()
        with Image.open(file.with_suffix(".png")) as image:
            assert image.size[0] > 1000


def test_a_table_for_latex_has_rules_and_no_commands_of_its_own() -> None:
    assert latex_of(TABLE).splitlines() == [
        r"\begin{tabular}{lr}",
        r"\toprule",
        r"strategy & 50\% \& more\_x \\",
        r"\midrule",
        "a|b",
        r"c & 1.0 [0.5, 1.5]* \\",
        r"\$x\textasciicircum 2\$ \textbackslash n & - \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_a_table_in_markdown_has_as_many_cells_in_every_row() -> None:
    assert markdown_of(TABLE).splitlines() == [
        "| strategy | 50% & more_x |",
        "| --- | ---: |",
        r"| a\|b c | 1.0 [0.5, 1.5]* |",
        r"| $x^2$ \\n | - |",
    ]


def test_runs_of_a_row_are_one_field_of_a_csv() -> None:
    frame = pd.DataFrame({"value": [0.1 + 0.2], "runs": [("a,b", "c")]})
    table = pd.read_csv(StringIO(csv_of(frame)))
    assert table["value"][0] == 0.1 + 0.2
    assert table["runs"][0] == "a,b;c"
