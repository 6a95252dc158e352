import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from crossemo.report.course import course_figure, stage_weights_figure
from crossemo.report.distances import distance_figures
from crossemo.report.figures import (
    confusion_figure,
    fad_heatmap,
)
from crossemo.report.saving import figure_to_tensor, file_stem, save_figure
from crossemo.report.study import Study
from tests.limits import files_no_larger_than
from tests.report.test_distances import EMOTIONS, measures, rows

# What a folder may be called: mathematics that is none, a bracket, a backslash, a byte
# that is not UTF-8, Chinese, an emoji, a right-to-left mark, a line break, a long one.
NAMES = [
    "$x^$",
    "$\\frac{$",
    "[bold]{}_%",
    "a\\b$",
    "sad\udcff",
    "\u60b2\u3057\u3044",
    "\U0001f600",
    "\u202egnp",
    "one\ntwo\x07",
    "x" * 250,
]


def hostile(figure: str) -> Figure:
    names = [*EMOTIONS, *NAMES]
    values = np.arange(float(len(names) ** 2)).reshape(len(names), -1)
    if figure == "confusion":
        return confusion_figure(values, names, "; ".join(NAMES))
    if figure == "heatmap":
        return fad_heatmap(values, names, names, NAMES[0], NAMES[-1], NAMES[1])
    if figure == "weights":
        return stage_weights_figure({name: [0.5, 0.5] for name in NAMES}, NAMES[1])
    if figure == "course":
        scores = {name: [(0, 0.5), (1, 0.7)] for name in NAMES[:6]}
        return course_figure(scores, [(0, NAMES[0]), (1, NAMES[-1])], 0.2, NAMES[4])
    corpora = {"speech": NAMES[1], "song": NAMES[4]}
    study = Study("$e^$", corpora, dict.fromkeys(corpora, "music"))
    table = rows("test", [1.0, 2, 3, 4], 0.5)
    return distance_figures(table, measures("test"), "test", EMOTIONS, study)[figure]


FIGURES = ["confusion", "heatmap", "weights", "course"]
FIGURES += ["fad_above_chance", "fad_layers", "fad_over_layers"]


@pytest.mark.parametrize("name", FIGURES)
def test_any_name_is_shown_and_written(name: str, tmp_path: Path) -> None:
    figure = hostile(name)
    figure_to_tensor(figure)  # warnings, such as of a missing glyph, are errors
    save_figure(figure, tmp_path, name)
    texts = [text for text in figure.findobj(Text) if isinstance(text, Text)]
    shown = " ".join(text.get_text() for text in texts)
    assert "$" in shown
    assert not {"\udcff", "\u60b2", "\u202e", "\x07"} & set(shown)
    assert not any(text.get_parse_math() for text in texts)
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == [
        f"{name}.pdf",
        f"{name}.png",
    ]


def test_a_figure_is_a_column_wide_and_sharp_enough_for_print(tmp_path: Path) -> None:
    save_figure(confusion_figure(np.eye(6), "abcdef", "title"), tmp_path, "a/b")
    with Image.open(tmp_path / "figures" / "a_b.png") as picture:
        assert picture.size == (1050, 810)  # 3.5 by 2.7 inches, 300 pixels each
        assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    pdf = (tmp_path / "figures" / "a_b.pdf").read_bytes()
    assert b"/MediaBox [ 0 0 252 194.4 ]" in pdf  # in points, 72 to the inch
    # Type 3 fonts, which journals refuse, are what matplotlib embeds by default.
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf
    assert b"CreationDate" not in pdf


def test_the_same_numbers_give_the_same_bytes_in_any_process(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from crossemo.report.figures import layer_weights_figure
from crossemo.report.saving import save_figure
save_figure(layer_weights_figure([0.5, 0.5], "title"), Path(sys.argv[1]), "weights")
print("matplotlib.pyplot" in sys.modules)
"""
    for number in "12":
        folder = tmp_path / number
        typed = [sys.executable, "-c", code, str(folder)]
        environment = {"PYTHONHASHSEED": number, "SOURCE_DATE_EPOCH": number}
        done = subprocess.run(
            typed, capture_output=True, text=True, env=os.environ | environment
        )
        assert done.stdout.strip() == "False", done.stderr
    for kind in ("png", "pdf"):
        one, other = (tmp_path / n / "figures" / f"weights.{kind}" for n in "12")
        assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("tag", ["../../etc/passwd", "/a", "..", "a" * 300, "é/\udcff"])
def test_a_tag_names_one_file_in_the_folder(tag: str, tmp_path: Path) -> None:
    stem = file_stem(tag)
    assert "/" not in stem
    assert not stem.startswith(".")
    assert len(stem.encode()) <= 120
    (tmp_path / f"{stem}.png").touch()
    assert [path.stem for path in tmp_path.iterdir()] == [stem]


def test_long_tags_that_differ_at_their_end_name_two_files() -> None:
    assert file_stem("a" * 300 + "b") != file_stem("a" * 300 + "c")


def test_a_disk_that_is_full_leaves_the_figure_that_was_there(tmp_path: Path) -> None:
    first = confusion_figure(np.eye(6), "abcdef", "first")
    save_figure(first, tmp_path, "one", kinds=["png"])
    path = tmp_path / "figures" / "one.png"
    before = path.read_bytes()
    other = confusion_figure(np.eye(6), "abcdef", "another")
    with files_no_larger_than(4096), pytest.raises(OSError, match="too large"):
        save_figure(other, tmp_path, "one", kinds=["png"])
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == ["one.png"]
