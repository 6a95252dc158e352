"""Runs side by side: what stops one stops no other, and nothing is run twice."""

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from crossemo.grids.home import home_of, outcome_in, progress_in
from crossemo.grids.schedule import run_all
from tests.grids.moments import callback
from tests.grids.process import grid_of
from tests.grids.runs import attempts, plan_of, results, run_of

pytestmark = pytest.mark.slow
PATIENCE = 120.0  # seconds
STEP = "--save_every_n_steps=1"


def test_a_run_that_fails_or_is_killed_stops_no_other(here: Path) -> None:
    logs = here / "logs"
    killed = callback("Dying", step=2, mark=here / "mark")
    plan = plan_of(
        logs,
        [
            run_of("lacks", logs, "--model.encoder=nowhere"),
            run_of("dies", logs, callback("Dying", step=1)),
            run_of("killed", logs, STEP, killed),
            run_of("whole", logs, STEP),
        ],
    )
    outcomes = run_all(plan, jobs=2, retries=1)
    assert [one.state for one in outcomes] == ["failed", "failed", "done", "done"]
    assert [attempts(run, logs) for run in plan.runs] == [1, 2, 2, 1]
    assert [one.attempts for one in outcomes] == [1, 2, 2, 1]
    lacks, dies, *_ = (str(one.sentence) for one in outcomes)
    assert "nowhere" in lacks
    assert "killed (SIGKILL)" in dies
    *_, cut, whole = plan.runs
    assert results(cut, logs) == results(whole, logs)
    assert (
        "Restored all states" in (home_of(cut.digest, logs) / "output.txt").read_text()
    )
    # What failed is begun again by the next grid, what is done by none.
    again = plan_of(logs, [plan.runs[0], cut, whole])
    assert run_all(again, jobs=2)[1:] == outcomes[2:]
    assert [attempts(run, logs) for run in again.runs] == [2, 2, 1]


def lives(process: int) -> bool:
    """Return whether there is a process, other than one that nobody waits for."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2]
    except FileNotFoundError:
        return False
    return not state.startswith("Z")


def wait_until(true: Callable[[], bool], grid: subprocess.Popen[str]) -> None:
    late = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < late
        assert grid.poll() is None, grid.communicate()[1][-3000:]
        time.sleep(0.05)


def test_a_grid_that_is_cut_off_or_begun_twice_ends_like_any_other(here: Path) -> None:
    logs, mark = here / "logs", here / "mark"
    waiting = callback("Waiting", mark=mark)
    runs = {f"seed{seed}": [f"--seed_everything={seed}", waiting] for seed in (0, 1)}
    seeds = [run_of(label, logs) for label in runs]
    homes = [home_of(run.digest, logs) for run in seeds]

    def all_in(attempt: int) -> bool:
        progress = [progress_in(home) for home in homes]
        trained = all("step" in one for one in progress) or attempt > 1
        return trained and all(one.get("attempt") == attempt for one in progress)

    # Ctrl-C: they save where they are, within the epoch.
    with grid_of(logs, runs) as grid:
        wait_until(lambda: all_in(1), grid)
        grid.send_signal(signal.SIGINT)
        output = grid.communicate(timeout=PATIENCE)[1]
    assert grid.returncode == 130, output
    assert "0 of 2 runs done, 2 left.\nThe same command goes on" in output
    assert all((home / "version_0/checkpoints/last.ckpt").exists() for home in homes)
    with grid_of(logs, runs) as first:
        wait_until(lambda: all_in(2), first)
        with grid_of(logs, runs) as second:
            # Of two grids, the second leaves to the first what that has.
            assert second.stderr is not None
            lines = [second.stderr.readline() for _ in range(4)]
            assert sorted(lines[2:]) == ["seed0: begun.\n", "seed1: begun.\n"]
            assert all_in(2)
            # SIGKILL of the first: its runs end, and the second takes over.
            children = [int(progress_in(home)["process"]) for home in homes]
            first.kill()
            wait_until(lambda: all_in(3) and not any(map(lives, children)), second)
            assert [outcome_in(home) for home in homes] == [None, None]
            mark.touch()
            output = second.communicate(timeout=PATIENCE)[1]
    assert second.returncode == 0, output
    assert "2 of 2 runs done.\n" in output
    assert [attempts(run, logs) for run in seeds] == [3, 3]
    # As a run that nobody disturbed.
    whole = run_of("seed0", here)
    run_all(plan_of(here, [whole]), jobs=1)
    assert results(seeds[0], logs) == results(whole, here)
    assert results(seeds[1], logs) != results(whole, here)
