from pathlib import Path

import pytest

from crossemo.corpora.base import CorpusError
from crossemo.corpora.rows import Row, RowError, read_lines, read_rows


def cells(row: Row) -> tuple[int, dict[str, str]]:
    return row.number, dict(row.cells)


def test_rows_have_their_numbers_and_stripped_cells(tmp_path: Path) -> None:
    path = tmp_path / "labels.tsv"
    path.write_bytes(
        b'\xef\xbb\xbffile\tvalence \n"one\ntwo"\t 1.5\n\n\t\nx\t\xc2\xa0\t\n'
    )
    assert read_rows(path, cells, ["file", "valence"]) == [
        (3, {"file": "one\ntwo", "valence": "1.5"}),
        (6, {"file": "x", "valence": ""}),
    ]
    (tmp_path / "labels.csv").write_text("file;emotion\na;sad\n")
    rows = read_rows(tmp_path / "labels.csv", cells, delimiter=";")
    assert rows == [(2, {"file": "a", "emotion": "sad"})]


def test_ragged_rows_are_read_where_they_are_published_so(tmp_path: Path) -> None:
    path = tmp_path / "tags.tsv"
    path.write_bytes(b"id\ttags\r\n1\ta\tb\tc\r\n2\r\n")
    assert read_rows(path, cells, ragged=True) == [
        (2, {"id": "1", "tags": "a\tb\tc"}),
        (3, {"id": "2", "tags": ""}),
    ]
    sentence = r"tags.tsv, row 2 has 4 cells; row 3 has 1 cells, and the first row 2"
    with pytest.raises(CorpusError, match=sentence):
        read_rows(path, cells)


def test_columns_are_known_in_any_case_and_empty_ones_at_the_end_dropped(
    tmp_path: Path,
) -> None:
    path = tmp_path / "means.csv"
    path.write_text("Number,valence,TARGET,,\n1,2.5,SAD,,\n2,3,ANGER\n")
    rows = read_rows(path, cells, ["number", "Valence", "TARGET"])
    assert rows[1] == (3, {"number": "2", "Valence": "3", "TARGET": "ANGER"})
    assert len(rows) == 2


def test_a_cell_may_have_to_be_one_of_a_few_words(tmp_path: Path) -> None:
    path = tmp_path / "quadrants.csv"
    path.write_text("song,quadrant\na,Q1\nb,Q5\n")
    sentence = r'row 3, column quadrant: "Q5" is none of Q1, Q2:'
    with pytest.raises(CorpusError, match=sentence):
        read_rows(path, lambda row: row.among("quadrant", ("Q1", "Q2")))


def test_errors_name_row_and_column_and_are_cut(tmp_path: Path) -> None:
    path = tmp_path / "values.csv"
    path.write_text("id,v\na,1\nb,n/a\n" + "c,\n" * 3 + "d,inf\n" + "e,nan\n" * 2)

    def parse(row: Row) -> float:
        return row.real("v") if row["v"] else 0

    with pytest.raises(CorpusError) as error:
        read_rows(path, parse)
    assert str(error.value) == (
        f'{path}, row 3, column v: "n/a" is no number; '
        "row 4, column v: the cell is empty; row 5, column v: the cell is empty; "
        "row 6, column v: the cell is empty; "
        'row 7, column v: "inf" is no number; and 2 more: correct the table.'
    )


def test_a_published_encoding_is_read_and_another_named(tmp_path: Path) -> None:
    path = tmp_path / "songs.csv"
    path.write_bytes("id,title\n1,Für\n2,Été\n".encode("latin-1"))
    rows = read_rows(path, cells, encoding="latin-1")
    assert [row["title"] for _, row in rows] == ["Für", "Été"]
    with pytest.raises(CorpusError, match=r"not in UTF-8 .*0xfc in row 2"):
        read_rows(path, cells)
    path.write_text("id,title\n1,Für\n", encoding="utf-8")
    assert read_rows(path, cells, encoding="latin-1")[0][1]["title"] == "Für"


def test_a_table_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    with pytest.raises(CorpusError, match=r"labels\.csv can't be read: No such file"):
        read_rows(path, cells)
    path.write_text("file,label\n")
    with pytest.raises(
        CorpusError, match="has no column emotion: its columns are file, label"
    ):
        read_rows(path, cells, ["emotion"])
    path.write_text("")
    with pytest.raises(CorpusError, match="its columns are none"):
        read_rows(path, cells, ["file"])


def test_lines_of_a_text_are_read_and_named_by_their_numbers(tmp_path: Path) -> None:
    def number(line: str) -> int | None:
        if line.startswith("%"):
            return None
        if not line.isdigit():
            raise RowError(f"{line} is no number")
        return int(line)

    path = tmp_path / "turns.txt"
    path.write_bytes(b"\xef\xbb\xbf% header\r\n 1 \r\n2\n")
    assert read_lines(path, number) == [1, 2]
    path.write_text("% header\n1\ntwo\n\n")
    with pytest.raises(CorpusError, match=r"turns.txt, row 3, two is no number; row 4"):
        read_lines(path, number)
    with pytest.raises(CorpusError, match=r"none\.txt can't be read"):
        read_lines(tmp_path / "none.txt", number)


def test_a_row_may_end_early_behind_what_must_be_there(tmp_path: Path) -> None:
    path = tmp_path / "songs.csv"
    path.write_text("id,artist,year,note\n1,a\n2,b,1999\n3,c,2000,good\n")
    rows = read_rows(path, cells, ["id", "artist"])
    assert [row["note"] for _, row in rows] == ["", "", "good"]
    with pytest.raises(CorpusError, match=r"row 2 has 2 cells, and the first row 4"):
        read_rows(path, cells, ["year"])
    with pytest.raises(CorpusError, match=r"row 2 has 2 cells; row 3 has 3 cells, and"):
        read_rows(path, cells)
