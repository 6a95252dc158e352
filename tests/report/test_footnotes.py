from matplotlib.backends.backend_agg import FigureCanvasAgg
from pandas import DataFrame

from crossemo.data.marks import Mark
from crossemo.report.exhibits import Cell, Exhibit, Picture, Section, Table
from crossemo.report.footnotes import with_footnotes
from crossemo.report.style import mark_figure, new_axes, set_title, styled

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


def test_a_figure_has_the_footnotes_of_the_encoders_that_it_shows() -> None:
    pictures = []
    for name in ("base‡", "other"):
        figure, _ = new_axes()
        set_title(figure, name)
        pictures.append(Picture(name, figure, ""))
    exhibit = Exhibit("a", "", "", pictures=pictures)
    (section,) = with_footnotes([Section("", [exhibit])], RUNS)
    both = ["‡ base: tuned on c", "† base: pretrained on c"]
    assert section.exhibits[0].notes == both
    titles = [picture.figure.get_suptitle() for picture in pictures]
    assert titles == ["\n".join([*both, "base‡"]), "other"]


def test_a_mark_is_as_large_as_the_title_and_no_line_is_cut_off() -> None:
    with styled():
        figure, _ = new_axes()
        set_title(figure, "wav2vec2-large-robust‡: Layer weights after the last epoch")
    before = figure._suptitle.get_fontsize()  # type: ignore[attr-defined]
    mark_figure(figure, Mark(labels="fine-tuned on ravdess, emo-db, crema-d, iemocap"))
    title = figure._suptitle  # type: ignore[attr-defined]
    assert title.get_fontsize() == before
    assert title.get_text().startswith("‡ fine-tuned on ravdess")
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    assert title.get_window_extent(renderer).width < figure.bbox.width
