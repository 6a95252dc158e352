"""Small runs: a fit of one epoch on six made-up speakers, and what tells them apart."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from crossemo.grids.home import home_of
from crossemo.grids.plan import Plan, Run

ROOT = Path(__file__).parents[2]
SMALL = (
    f"--config={ROOT / 'configs' / 'demo.yaml'}",
    "--data.source.takes=1",
    "--data.target.takes=1",
    "--data.source.speakers=6",
    "--data.target.speakers=6",
    "--stages={target: {max_epochs: 1}}",
    "--fad.enabled=false",
    "--figures=false",
)


def run_of(label: str, logs: Path, *words: str) -> Run:
    """Return a run that is called, and known by, its label."""
    digest = label.encode().hex()[:12].ljust(12, "0")
    place = (f"--name=runs/{digest}", f"--logs={logs}")
    return Run(digest, label, {}, (*SMALL, *words, *place), {})


def plan_of(logs: Path, runs: Sequence[Run]) -> Plan:
    return Plan("grid", logs, tuple(runs), (), {}, ())


def results(run: Run, logs: Path) -> Any:
    """Return all numbers of a run that is done, without times and places."""
    home = home_of(run.digest, logs)
    version = json.loads((home / "outcome.json").read_text())["version"]
    folder = home / f"version_{version}"
    content = json.loads((folder / "results.json").read_text())
    scores = {stage: one["scores"] for stage, one in content["stages"].items()}
    return scores, (folder / "predictions.csv").read_text()


def attempts(run: Run, logs: Path) -> int:
    """Return how often a run began, as it printed."""
    output = home_of(run.digest, logs) / "output.txt"
    return output.read_text().count("== attempt ")
