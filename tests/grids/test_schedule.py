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
from tests.grids.process import begin
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


def wait_until(true: Callable[[], bool], grid: subprocess.Popen[str]) -> None:
    late = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < late
        assert grid.poll() is None, grid.communicate()[1][-3000:]
        time.sleep(0.05)


def test_a_grid_that_is_cut_off_or_begun_twice_ends_like_any_other(here: Path) -> None:
    logs = here / "logs"
    slow = callback("Slow", seconds=1)
    runs = {f"seed{seed}": [f"--seed_everything={seed}"] for seed in (0, 1)}
    slowly = {label: [*words, slow] for label, words in runs.items()}
    seeds = [run_of(label, logs) for label in runs]
    homes = [home_of(run.digest, logs) for run in seeds]

    def trained() -> bool:
        return all("step" in progress_in(home) for home in homes)

    # Ctrl-C: they save where they are, within the epoch.
    grid = begin(logs, slowly)
    wait_until(trained, grid)
    grid.send_signal(signal.SIGINT)
    said = grid.communicate(timeout=PATIENCE)[1]
    assert grid.returncode == 130, said
    assert "0 of 2 runs done, 2 left.\nThe same command goes on" in said
    assert all((home / "version_0/checkpoints/last.ckpt").exists() for home in homes)
    assert [outcome_in(home) for home in homes] == [None, None]
    # SIGKILL: no process of it stays behind.
    grid = begin(logs, slowly)
    wait_until(
        lambda: all(progress_in(home).get("attempt") == 2 for home in homes), grid
    )
    children = [int(progress_in(home)["process"]) for home in homes]
    grid.kill()
    grid.communicate()
    late = time.monotonic() + PATIENCE
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < late
        time.sleep(0.05)
    assert [outcome_in(home) for home in homes] == [None, None]
    # Two at once: each run goes to its end in one of them.
    grids = [begin(logs, runs), begin(logs, runs)]
    for grid in grids:
        said = grid.communicate(timeout=PATIENCE)[1]
        assert grid.returncode == 0, said
        assert "2 of 2 runs done.\n" in said
    assert [attempts(run, logs) for run in seeds] == [3, 3]
    whole = plan_of(
        here, [run_of(label, here, *words) for label, words in runs.items()]
    )
    run_all(whole, jobs=2)
    for run, same in zip(seeds, whole.runs, strict=True):
        assert results(run, logs) == results(same, here)
    assert results(seeds[0], logs) != results(seeds[1], logs)
