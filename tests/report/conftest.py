from pathlib import Path
from typing import NamedTuple

import pytest
from pandas import DataFrame

from crossemo.report.report_files import write_report
from crossemo.report.study_page import Report
from crossemo.report.study_sections import sections_of
from tests.report.frames import HOSTILE, made_up_confusions, made_up_frames


class Written(NamedTuple):
    """A report that was written, and what of."""

    folder: Path
    frames: dict[str, DataFrame]
    report: Report


def write(folder: Path, logs: Path) -> Written:
    """Write a report of one direction, encoder and two strategies."""
    few = (["voices"], ["tiny"], ["baseline", "PEFT"])
    frames = made_up_frames(HOSTILE, *few, logs)
    report = Report(
        title=f"Study {HOSTILE}",
        sections=sections_of(frames, made_up_confusions(frames)),
        runs=frames["runs"],
        exclusions=frames["exclusions"],
        methods=f"**Data.** Clips of {HOSTILE} [@a].\n\nPlain words.",
        methods_latex="\\paragraph{Data.} Clips",
        bibtex=f"@misc{{a, title = {{{HOSTILE}}}}}",
        machines=DataFrame([{"runs": 3, "crossemo": "0.9", "name": HOSTILE}]),
        configs={f"{HOSTILE}.yaml": f"name: {HOSTILE}"},
    )
    write_report(report, frames, folder)
    return Written(folder, frames, report)


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """A report whose names are markup, beside what its runs left."""
    logs = tmp_path_factory.mktemp("logs")
    few = made_up_frames(HOSTILE, ["voices"], ["tiny"], ["baseline", "PEFT"], logs)
    for folder in map(Path, few["runs"]["folder"].dropna()):
        folder.mkdir(parents=True)
        (folder / "predictions.csv").write_text("stage,clip\n")
        (folder / "config.yaml").write_text("name: a\n")
    return write(logs / "study" / "report", logs)
