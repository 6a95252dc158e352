"""The page of a report: one HTML file that needs nothing but itself."""

import os
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from pandas import DataFrame, isna

from crossemo.files import printable
from crossemo.report.exhibits import Cell, Section, Table
from crossemo.version import __version__

KINDS = ("png", "pdf", "svg")  # of a figure's files
FILES = ("predictions.csv", "layers.csv", "fad.csv", "results.json", "config.yaml")
COLUMNS = (
    *("state", "kind", "encoder", "strategy", "source", "target", "task", "fold"),
    *("seed", "seconds", "sentence"),
)
ENDS = (
    ("methods", "Methods"),
    ("references", "References"),
    ("machines", "Versions and machines"),
    ("configs", "Configs"),
    ("runs", "Runs"),
    ("origins", "What the numbers are made of"),
)


@dataclass(frozen=True)
class Report:
    """What a report says.

    Args:
        title: Its title.
        sections: Its exhibits.
        runs: A row for every run: `run`, `folder`, `state` and what it is of.
        exclusions: `run`, and the `reason` why it stands in no average.
        methods: How the study was made, Markdown of paragraphs that may begin with a
            bold word.
        methods_latex: The same for LaTeX.
        bibtex: The literature.
        machines: Versions and devices.
        configs: Text of each config by its name.
    """

    title: str
    sections: Sequence[Section]
    runs: DataFrame
    exclusions: DataFrame
    methods: str = ""
    methods_latex: str = ""
    bibtex: str = ""
    machines: DataFrame = field(default_factory=DataFrame)
    configs: Mapping[str, str] = field(default_factory=dict)


class _RunRow(NamedTuple):
    id: str
    name: str
    texts: Sequence[str]
    files: Sequence[tuple[str, str]]
    clips: str


def environment() -> Environment:
    """Return the templates, which show every text as text."""
    made = Environment(
        loader=PackageLoader("crossemo.report"),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    made.filters |= {"digest": _digest, "unbroken": _unbroken}
    return made


def page_of(report: Report, folder: Path) -> str:
    """Return the page.

    Args:
        report: What it says.
        folder: Where it will lie, with its figures in `figures`.
    """
    templates = environment()
    style, script = (_source(templates, name) for name in ("page.css", "page.js"))
    rows = list(_run_rows(report.runs, folder))
    return templates.get_template("page.html").render(
        title=report.title,
        lead=_lead(report),
        sections=report.sections,
        images=dict(_images(report.sections, folder)),
        kinds=KINDS,
        exclusions=plain_table(report.exclusions),
        methods=list(_paragraphs(report.methods)),
        bibtex=report.bibtex,
        machines=plain_table(report.machines),
        configs=report.configs,
        runs={"columns": ("run", *_columns(report.runs)), "rows": rows},
        by_name={row.name: row for row in rows},
        origins=_origins(report.sections),
        ends=ENDS,
        version=__version__,
        style=style,
        script=script,
    )


def plain_table(frame: DataFrame) -> Table:
    """Return a frame as it is, its first column in front."""
    rows = [
        [Cell(_text(value)) for value in row] for row in frame.itertuples(index=False)
    ]
    return Table(list(map(str, frame.columns)), rows)


def _text(value: Any) -> str:  # noqa: ANN401
    if isna(value):
        return ""
    if isinstance(value, float):
        return f"{value:.0f}" if value == round(value) else f"{value:.1f}"
    return printable(str(value))


def _source(templates: Environment, name: str) -> Markup:
    """Return a file of ours that stands in the page as it is."""
    assert templates.loader is not None
    return Markup(templates.loader.get_source(templates, name)[0])


def _unbroken(text: str) -> str:
    """Return a number whose interval a line never breaks."""
    return text.replace(", ", ",\u00a0").replace("± ", "±\u00a0")


def _digest(text: str) -> str:
    """Return what a Content-Security-Policy knows a script or a style by."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _lead(report: Report) -> str:
    done = report.runs[report.runs["state"] == "done"]
    encoders, strategies = (
        sum(1 for one in done[name].dropna().unique() if one) if name in done else 0
        for name in ("encoder", "strategy")
    )
    return (
        f"{len(done)} of {len(report.runs)} runs are done; encoders: {encoders}, "
        f"strategies: {strategies}."
    )


def _images(sections: Sequence[Section], folder: Path) -> Iterator[tuple[str, str]]:
    for section in sections:
        for exhibit in section.exhibits:
            for picture in exhibit.pictures:
                file = folder / "figures" / f"{picture.tag}.svg"
                data = b64encode(file.read_bytes()).decode()
                yield picture.tag, f"data:image/svg+xml;base64,{data}"


def _origins(sections: Sequence[Section]) -> dict[tuple[str, ...], str]:
    """Return a name for each set of runs that a number is made from."""
    tables = [
        one.table for section in sections for one in section.exhibits if one.table
    ]
    cells = (cell for table in tables for row in table.rows for cell in row)
    sets = dict.fromkeys(cell.runs for cell in cells if cell.runs)
    return {runs: f"from-{number + 1}" for number, runs in enumerate(sets)}


def _columns(runs: DataFrame) -> list[str]:
    return [name for name in COLUMNS if name in runs]


def _run_rows(runs: DataFrame, folder: Path) -> Iterator[_RunRow]:
    columns = _columns(runs)
    for number, row in enumerate(runs.to_dict("records")):
        files = []
        if isinstance(place := row.get("folder"), str) and place:
            files = [
                (name, _link(Path(place) / name, folder))
                for name in FILES
                if (Path(place) / name).is_file()
            ]
        clips = dict(files).get(FILES[0], "")
        texts = [_text(row[name]) for name in columns]
        yield _RunRow(f"run-{number + 1}", row["run"], texts, files, clips)


def _link(file: Path, folder: Path) -> str:
    """Return the address of a file, relative to the page."""
    return quote(os.fsencode(os.path.relpath(file, folder)))


def _paragraphs(markdown: str) -> Iterator[dict[str, str]]:
    for paragraph in filter(None, markdown.strip().split("\n\n")):
        bold = re.match(r"\*\*(.+?)\*\*", paragraph)
        text = paragraph[bold.end() :] if bold else paragraph
        yield {"lead": bold[1] if bold else "", "text": text.strip()}
