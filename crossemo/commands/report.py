"""Tables, figures and one page from many runs: crossemo report PATH …."""

import logging
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from pandas import DataFrame

from crossemo.commands.parser import Parser
from crossemo.errors import CrossEmoError, reason_of, shortened
from crossemo.files import expanded, from_here
from crossemo.report.report_files import PAGE, write_report
from crossemo.report.study_page import Report
from crossemo.report.study_sections import sections_of, terminal_tables
from crossemo.report.tables import show
from crossemo.runs.folder import claim_version, folder_of_runs
from crossemo.studies.explanation import explanation_of
from crossemo.studies.findings import Findings, findings_of
from crossemo.studies.methods import methods_of_records
from crossemo.studies.run_configs import configs_of, records_of
from crossemo.studies.run_folders import GRID

logger = logging.getLogger(__name__)


def main(typed: list[str]) -> None:
    """Run `report_runs`."""
    parser = Parser(prog="crossemo report")
    parser.add_argument(
        "paths",
        nargs="*",
        type=Path,
        help="Folders of grids, or any with runs below them.",
    )
    parser.add_function_arguments(report_runs, skip={"paths"})
    report_runs(**parser.instantiate_classes(parser.parse_args(typed)).as_dict())


def report_runs(
    paths: list[Path], name: str = "report", logs: Path = Path("logs")
) -> Path:
    """Write what runs say together: tables, figures and a page.

    Args:
        paths: Folders of grids, such as `logs/paper_demo`, or any with runs below them.
        name: Folder of the report: in that of the grid or, of anything else than one
            grid, below `logs`.
        logs: Folder of logs.

    Returns:
        The folder of the report: `report.html`, `tables`, `figures`.

    Raises:
        CrossEmoError: There is no run that is done, or the report can't be written.
    """
    if not paths:
        raise CrossEmoError("Give folders of grids or runs, such as logs/paper_demo.")
    findings = findings_of(paths)
    done = findings.runs[findings.runs["state"] == "done"]
    if done.empty:
        _, reason = findings.exclusions.iloc[0]
        raise CrossEmoError(
            f"None of the {len(findings.runs)} runs is done (the first: "
            f"{shortened(reason, 200).rstrip('.')}): run them, and then crossemo "
            "report again."
        )
    frames = _frames(findings)
    paired = not findings.tests.empty
    methods = methods_of_records(list(records_of(done)), paired=paired)
    report = Report(
        title=_title(paths),
        sections=sections_of(frames, findings.confusions),
        runs=findings.runs,
        exclusions=findings.exclusions,
        methods=methods.text,
        methods_latex=methods.latex,
        bibtex=methods.bibtex,
        machines=methods.machines,
        configs=configs_of(paths, done),
    )
    folder = _folder(paths, name, logs)
    try:
        write_report(report, frames, folder)
    except OSError as error:
        raise CrossEmoError(
            f"Can't write the report to {folder}: {reason_of(error)}; choose another "
            "folder with --name and --logs."
        ) from error
    _show(report, folder)
    return folder


def _frames(findings: Findings) -> dict[str, DataFrame]:
    """Return all tables by name."""
    tables = {one.name: getattr(findings, one.name) for one in fields(findings)}
    frames = {name: t for name, t in tables.items() if isinstance(t, DataFrame)}
    if len(findings.distances) and "true" in findings.predictions:  # of classes
        explained = explanation_of(findings)
        frames |= {f"explanation_{name}": t for name, t in explained._asdict().items()}
    return frames


def _folder(paths: Sequence[Path], name: str, logs: Path) -> Path:
    """Return where a report goes: into the folder of its grid, or a new one."""
    first = expanded(paths[0])
    if len(paths) == 1 and (first / GRID).is_file():
        return folder_of_runs(first, name)
    home = folder_of_runs(logs, name)
    return home / f"version_{claim_version(home)}"


def _title(paths: Sequence[Path]) -> str:
    return ", ".join(expanded(path).resolve().name for path in paths)


def _show(report: Report, folder: Path) -> None:
    for table in terminal_tables(report.sections):
        show(table)
    if number := len(report.exclusions):
        logger.warning(
            f"{number} of {len(report.runs)} runs are left out: the page says why."
        )
    print(f"Report: {from_here(folder / PAGE)}")
