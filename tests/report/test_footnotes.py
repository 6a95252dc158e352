from pandas import DataFrame

from crossemo.report.exhibits import Cell, Exhibit, Section, Table
from crossemo.report.footnotes import with_footnotes

RUNS = DataFrame(
    [
        ("base†", "", "pretrained on a"),
        ("hubert-base†", "", "pretrained on b"),
        ("base‡", "tuned on c", "pretrained on c"),
    ],
    columns=["encoder", "leak", "pretraining"],
)


def notes(*texts: str) -> list[str]:
    """Return the footnotes of a table of some cells, each of which must have them."""
    table = Table(["encoder"], [[Cell(text)] for text in texts])
    (section,) = with_footnotes([Section("", [Exhibit("a", "", "", table)])], RUNS)
    (exhibit,) = section.exhibits
    assert exhibit.table is not None
    assert exhibit.notes == exhibit.table.notes
    return list(exhibit.notes)


def test_an_exhibit_has_the_footnotes_of_its_encoders_alone() -> None:
    assert notes("hubert-base†") == ["† hubert-base: pretrained on b"]
    assert notes("PEFT, base† (2 runs)") == ["† base: pretrained on a"]
    both = ["‡ base: tuned on c", "† base: pretrained on c"]
    assert notes("base‡") == both
    assert notes("base‡", "base†") == [*both, "† base: pretrained on a"]
    assert notes("other") == []
