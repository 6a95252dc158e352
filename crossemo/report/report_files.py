"""The files of a report: tables, figures and the page, each whole."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from pandas import DataFrame

from crossemo.files import write_text
from crossemo.report.exhibits import Frames, Table
from crossemo.report.saving import save_figure
from crossemo.report.study_page import KINDS, Report, environment, page_of

PAGE = "report.html"


def write_report(report: Report, frames: Frames, folder: Path) -> None:
    """Write a report, the page last.

    Args:
        report: What it says.
        frames: Tables in long form by name.
        folder: Where to; files of an earlier report that this one doesn't have go.

    Raises:
        OSError: The folder can't be written or the disk is full.
    """
    exhibits = [one for section in report.sections for one in section.exhibits]
    tables = {one.tag: one.table for one in exhibits if one.table}
    files = {f"tables/{name}.csv": csv_of(frame) for name, frame in frames.items()}
    for tag, table in tables.items():
        files[f"tables/{tag}.md"] = markdown_of(table)
        files[f"tables/{tag}.tex"] = latex_of(table)
    files |= {"methods.md": report.methods, "methods.tex": report.methods_latex}
    files["references.bib"] = report.bibtex
    for name, text in files.items():
        write_text(folder / name, text)
    pictures = [picture for one in exhibits for picture in one.pictures]
    for picture in pictures:
        save_figure(picture.figure, folder, picture.tag, KINDS)
    write_text(folder / PAGE, page_of(report, folder))
    figures = (f"figures/{one.tag}.{kind}" for one in pictures for kind in KINDS)
    _remove_others(folder, {*files, *figures})


def csv_of(frame: DataFrame) -> str:
    """Return a table in long form; names of several runs are joined by `;`."""
    runs = {"runs": frame["runs"].map(";".join)} if "runs" in frame else {}
    return frame.assign(**runs).to_csv(index=False, lineterminator="\n")


def markdown_of(table: Table) -> str:
    """Return a table as Markdown."""
    templates = environment().overlay(autoescape=False)
    templates.filters["cell"] = _markdown_cell
    return templates.get_template("table.md").render(table=table)


def latex_of(table: Table) -> str:
    """Return a table as LaTeX's `tabular`, which needs the package booktabs.

    Footnotes stand behind it, a paragraph each.
    """
    columns = "l" * table.names + "r" * (len(table.columns) - table.names)
    style = table.texts.style.hide(axis="index").format(escape="latex")
    text = style.format_index(escape="latex", axis="columns").to_latex(
        hrules=True, column_format=columns
    )
    notes = (f"\\par{{\\footnotesize {one}}}\n" for one in _for_latex(table.notes))
    return "".join([text, *notes])


def _for_latex(texts: Sequence[str]) -> list[str]:
    style = DataFrame(texts).style.hide(axis="index").hide(axis="columns")
    return style.format(escape="latex").to_string().splitlines() if texts else []


def _markdown_cell(text: str) -> str:
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|")


def _remove_others(folder: Path, names: Iterable[str]) -> None:
    for place in ("tables", "figures"):
        for path in (folder / place).glob("[!.]*"):
            if f"{place}/{path.name}" not in names:
                path.unlink()
