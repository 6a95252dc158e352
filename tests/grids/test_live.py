"""The table of a grid, and the lines where there is no terminal."""

import io
import json
import logging
from pathlib import Path

import pytest
from rich.console import Console

from crossemo.grids.home import home_of
from crossemo.grids.live import ALL, FAILURES, Board
from crossemo.grids.outcome import Outcome
from crossemo.grids.plan import Plan, Run

STATE = {"stage": "target", "epoch": 2, "epochs": 4, "share": 0.5, "best": 0.25}


def plan_of(count: int, logs: Path) -> Plan:
    runs = [Run(f"{n:012x}", f"run{n}", {}, ()) for n in range(count)]
    return Plan("grid", logs, tuple(runs))


def outcome(state: str, seconds: float = 20.0) -> Outcome:
    sentence = None if state == "done" else "No [memory] is left."
    return Outcome(state, sentence, 0, seconds, 1, "2026-01-01T00:00:00+00:00", "here")  # type: ignore[arg-type]


def write_progress(run: Run, logs: Path) -> None:
    home = home_of(run.digest, logs)
    home.mkdir(parents=True)
    (home / "progress.json").write_text(json.dumps(STATE))


def shown(board: Board, progress: dict[str, dict[str, object]]) -> list[str]:
    console = Console(file=io.StringIO(), width=90)
    console.print(board.table(progress))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return [" ".join(line.split()) for line in text.splitlines()]


def test_a_few_runs_have_a_row_each(tmp_path: Path) -> None:
    plan = plan_of(4, tmp_path)
    digests = [run.digest for run in plan.runs]
    outcomes = {digests[0]: outcome("done"), digests[2]: outcome("failed")}
    lines = shown(Board(plan, outcomes, 2), {digests[1]: STATE})
    assert lines[1] == "run0 done 20 s"
    assert lines[2].startswith("run1 ━")
    assert lines[2].endswith("target, epoch 2 of 4, best 0.250")
    assert lines[3] == "run2 failed No [memory] is left."
    assert lines[4] == "run3 queued"
    # Half a run of 20 s and a whole one, two at once.
    assert lines[5] == (
        "1 of 4 runs done, 1 failed, 1 under way, 1 left, about 15 s left"
    )


def test_of_many_runs_those_are_shown_that_matter(tmp_path: Path) -> None:
    plan = plan_of(ALL + 60, tmp_path)
    digests = [run.digest for run in plan.runs]
    outcomes = {digest: outcome("done") for digest in digests[:20]}
    outcomes |= {digest: outcome("failed") for digest in digests[20:40]}
    lines = shown(Board(plan, outcomes, 2), {digests[40]: STATE})
    assert len(lines) == 1 + 1 + FAILURES + 1
    assert lines[-2] == "run39 failed No [memory] is left."


def test_without_a_terminal_each_event_is_a_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plan = plan_of(3, tmp_path)
    first, second, _ = plan.runs
    outcomes: dict[str, Outcome] = {}
    write_progress(first, tmp_path)
    console = Console(file=io.StringIO())
    with (
        caplog.at_level(logging.INFO, "crossemo"),
        Board(plan, outcomes, 1, console=console) as board,
    ):
        board.show([first])
        board.show([first])
        outcomes[first.digest] = outcome("done")
        board.show([second])
        outcomes[second.digest] = outcome("failed")
        board.show([])
    assert caplog.messages == [
        "0 of 3 runs done, 3 left.",
        "run0: begun.",
        "run1: begun.",
        "run0: done (20 s); 1 of 3 runs done, 1 under way, 1 left, about 40 s left.",
        "run1: failed: No [memory] is left; 1 of 3 runs done, 1 failed, 1 left.",
        "1 of 3 runs done, 1 failed, 1 left.",
        "The same command goes on where it was cut off.",
    ]


def test_a_terminal_has_a_table_that_stays(tmp_path: Path) -> None:
    plan = plan_of(1, tmp_path)
    outcomes: dict[str, Outcome] = {}
    console = Console(file=io.StringIO(), force_terminal=True, width=90)
    with Board(plan, outcomes, 1, console=console) as board:
        board.show([plan.runs[0]])
        outcomes[plan.runs[0].digest] = outcome("done")
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "run0 " in text
    assert "1 of 1 runs done" in text
