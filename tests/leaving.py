"""What docs/results.md says that a run leaves, to compare with what it does leave."""

import csv
import json
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "results.md"
TABLES = ("split.csv", "predictions.csv", "fad.csv", "similarity.csv", "layers.csv")
ALWAYS, SOMETIMES = "●", "○"
# Figures of one kind of task.
OF_CLASSES = ("confusion", "reliability", "layer_recalls", "layer_similarity")
OF_PUBLISHED = {"repository", "revision", "feature_extractor"}
OF_VALUES = ("agreement", "layer_values")


def tables() -> Iterator[list[list[str]]]:
    """Yield the cells of every table, its head first."""
    text = PAGE.read_text("utf-8")
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        lines = [re.split(r"(?<!\\)\|", line)[1:-1] for line in block.splitlines()]
        yield [[cell.strip() for cell in line] for line in [lines[0], *lines[2:]]]


def names_under(head: str, before: str = "", page: Path = PAGE) -> list[str]:
    """Return the names of the first table of a head behind a passage."""
    text = page.read_text("utf-8")
    passage = text[text.index(before) :]
    block = passage[passage.index(f"| {head} |") :].partition("\n\n")[0]
    cells = [line.split(" | ")[0] for line in block.splitlines()[2:]]
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def files_of(kind: str) -> dict[str, str]:
    """Return the mark of every file that a kind of run may leave."""
    head, *rows = next(one for one in tables() if one[0][0] == "file")
    place = head.index(kind)
    marks = {row[0].strip("`"): row[place] for row in rows}
    return {name: mark for name, mark in marks.items() if mark}


def check_files(kind: str, folder: Path) -> None:
    """Compare a run's folder with the page, both ways."""
    marks = files_of(kind)
    present = [path.name for path in folder.iterdir()]
    for name in present:
        assert any(fnmatch(name, pattern) for pattern in marks), name
    for pattern, mark in marks.items():
        if mark == ALWAYS:
            assert any(fnmatch(name, pattern) for name in present), pattern
    check_figures(kind, folder)
    check_columns(folder)
    check_keys(kind, folder)


def outputs_of(folder: Path) -> list[str]:
    """Return the values that a run learnt; none where it learnt classes."""
    content = json.loads((folder / "results.json").read_text())
    outputs: list[str] = content.get("values", {}).get("outputs", [])
    return outputs


def check_figures(kind: str, folder: Path) -> None:
    """Compare the figures with those of the page, each in both formats."""
    other = OF_CLASSES if outputs_of(folder) else OF_VALUES
    head, *rows = next(one for one in tables() if one[0][0] == "figure")
    assert head[1] == "of"
    named = [row[0].strip("`") for row in rows if kind in row[1].split(", ")]
    named = [name for name in named if not name.startswith(other)]
    patterns = [re.sub("_?(STAGE|ROLE)", "*", name) for name in named]
    paths = list((folder / "figures").glob("*"))
    stems = {path.stem for path in paths}
    assert sorted(path.name for path in paths) == sorted(
        f"{stem}.{end}" for stem in stems for end in ("pdf", "png")
    )
    for stem in stems:
        assert any(fnmatch(stem, pattern) for pattern in patterns), stem
    if kind == "validate":
        assert stems
    for pattern in patterns:  # distances may have no value
        drawn = any(fnmatch(stem, pattern) for stem in stems)
        assert drawn or pattern.startswith(("fad", "emotions_over", "kernel")), pattern


def check_columns(folder: Path) -> None:
    """Compare the columns of the tables with those of the page, both ways."""
    outputs = outputs_of(folder)
    for name in TABLES:
        if not (folder / name).is_file():
            continue
        title = f"`{name}`:" if name == "layers.csv" else f"## {name}\n"
        columns = {*names_under("column", title), *more_columns(name, outputs)}
        with (folder / name).open(encoding="utf-8") as lines:
            header = set(next(csv.reader(lines)))
        if name == "predictions.csv" and not outputs:  # a column for each class too
            header -= set(json.loads((folder / "results.json").read_text())["classes"])
        extra = {"encoder"} if name == "layers.csv" else set()  # of a comparison
        assert header - extra == columns, name


def more_columns(name: str, outputs: list[str]) -> list[str]:
    """Return the columns that a table has where classes or where values are learnt."""
    if name == "predictions.csv" and not outputs:
        title = "column of classes"
        return [one for one in names_under(title) if one != "EMOTION"]
    if name not in ("predictions.csv", "split.csv"):
        return []
    names = names_under("column of values", f"## {name}\n")
    own = [one for one in names if "OUTPUT" not in one] if outputs else []
    of_each = [one for one in names if "OUTPUT" in one]
    return own + [
        one.replace("OUTPUT", output) for output in outputs for one in of_each
    ]


def check_keys(kind: str, folder: Path) -> None:
    """Compare the keys of results.json with those of the page."""
    content = json.loads((folder / "results.json").read_text())
    always = set(names_under("key", "Of every run:"))
    more = set(names_under("key", "Of `fit`, `test`"))
    more |= {"rates", "emotions", "settings", "runs", "corpora", "leak", "pretraining"}
    assert set(content) <= always | more
    assert always - set(content) <= ({"seed", "roles"} if kind == "compare" else set())
    known = set(names_under("key of a stage"))
    if "judged" in content:
        forms = {"transformers": {"hyperparameters"}, "crossemo": OF_PUBLISHED}
        facts = set(names_under("key of `judged`"))
        assert facts - set(content["judged"]) == forms[content["judged"]["form"]]
        assert set(content["judged"]) <= facts
    optional = {"leak", "pretraining", "best_epoch", "best_score", "monitor"}
    for stage in content.get("stages", {}).values():
        assert set(stage) <= known
        assert known - set(stage) <= optional


def check_scalars(folder: Path) -> None:
    """Compare the columns of metrics.csv of a fit with those of the page."""
    kind = "values" if outputs_of(folder) else "classes"
    patterns = names_under("scalar") + names_under(f"scalar of {kind}")
    with (folder / "metrics.csv").open(encoding="utf-8") as lines:
        header = set(next(csv.reader(lines)))
    unnamed = set(header)
    for pattern in patterns:
        shape = re.sub("ROLE|STAGE|EMOTION|OUTPUT", "*", pattern)
        if not pattern.endswith("/score"):  # of layerwise analysis alone
            assert any(fnmatch(name, shape) for name in header), pattern
        unnamed -= {name for name in header if fnmatch(name, shape)}
    assert unnamed == set()
