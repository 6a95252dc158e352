import json
from pathlib import Path
from typing import Any

import pytest

from crossemo.recognition.answer_table import RECORD, AnswerTable, TableError

COLUMNS = ["file", "start", "end", "emotion", "sad", "calm", "warning"]
MADE_WITH = {"model": "abc", "columns": COLUMNS}


def row(file: str, start: float = 0.0) -> dict[str, Any]:
    values = {"emotion": "sad", "sad": 0.75, "calm": 0.25, "warning": ""}
    return {"file": file, "start": start, "end": start + 1, **values}


def written(path: Path, *files: str) -> str:
    table = AnswerTable(path, COLUMNS, MADE_WITH)
    for file in files:
        if file not in table.present:
            table.add([row(file), row(file, 1.0)])
    table.close()
    return path.read_text()


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
@pytest.mark.parametrize("lost", [1, 40, 400])
def test_a_table_that_was_cut_off_is_gone_on_with(
    tmp_path: Path, ending: str, lost: int
) -> None:
    names = ["a.wav", 'odd, "name"\n.wav', "c.wav", "d.wav"]
    whole = written(tmp_path / f"whole.{ending}", *names)
    path = tmp_path / f"cut.{ending}"
    table = AnswerTable(path, COLUMNS, MADE_WITH)
    table.add([row(names[0]), row(names[0], 1.0)])
    table.add([row(names[1]), row(names[1], 1.0)])
    table._note()
    table.add([row(names[2]), row(names[2], 1.0)])
    table._file.close()  # no more is noted than what was whole
    with path.open("r+b") as file:  # and what wasn't may be there in part
        noted = json.loads(path.with_name(path.name + RECORD).read_text())["bytes"]
        file.truncate(max(noted, path.stat().st_size - lost))
    table = AnswerTable(path, COLUMNS, MADE_WITH)
    assert table.present == {*names[:2]}
    table.close()
    assert written(path, *names) == whole
    assert written(path, *names) == whole  # and nothing twice


def test_a_table_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    content = written(path, "a.wav")
    others = (
        (MADE_WITH | {"model": "xyz"}, "made with model abc, and this would be with"),
        (
            MADE_WITH | {"window": 3.0},
            "made with window None, and this would be with 3",
        ),
    )
    for made_with, why in others:
        with pytest.raises(TableError, match=why):
            AnswerTable(path, COLUMNS, made_with)
    assert path.read_text() == content
    path.write_text(content.replace("0.75", "0.85"))
    with pytest.raises(TableError, match="was altered since crossemo recognise wrote"):
        AnswerTable(path, COLUMNS, MADE_WITH)
    mine = tmp_path / "mine.csv"
    mine.write_text("a,b\n")
    with pytest.raises(TableError, match="nothing beside it says that crossemo"):
        AnswerTable(mine, COLUMNS, MADE_WITH)
    assert mine.read_text() == "a,b\n"
    with pytest.raises(TableError, match=r"neither \.csv nor \.jsonl"):
        AnswerTable(tmp_path / "answers.txt", COLUMNS, MADE_WITH)
