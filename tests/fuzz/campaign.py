"""Many inputs, in workers that may die or hang."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.fuzz import kinds
from tests.fuzz.trial import MEMORY, Outcome, write

START = 180.0  # seconds that the imports of a worker may take
PATIENCE = 60.0  # seconds for one input
COMMAND = 180.0  # seconds for a command, imports and all
ROOT = Path(__file__).parents[2]


def in_workers(
    kind: str, seed: int, numbers: Iterable[int], memory: int = MEMORY
) -> Iterator[tuple[int, Outcome]]:
    """Yield what became of inputs, used in processes; one that dies is replaced."""
    worker: subprocess.Popen[str] | None = None
    for number in numbers:
        worker = worker or _start(kind, seed, memory)
        outcome = _ask(worker, number)
        if outcome is None:
            worker.kill()
            worker.communicate()
            outcome = Outcome("fault", f"hung or died ({worker.returncode})")
            worker = None
        yield number, outcome
    if worker is not None:
        worker.communicate()


def by_command(kind: str, seed: int, number: int) -> Outcome:
    """Return what a real command makes of an input."""
    with TemporaryDirectory(prefix="fuzz-") as home:
        folder = Path(home, "input")
        folder.mkdir()
        path = write(kind, seed, number, folder)
        command = kinds.kind(kind).command(path)
        try:
            ended = subprocess.run(
                [sys.executable, "-m", "crossemo", *map(str, command)],
                cwd=home,
                env=_env() | {"CROSSEMO_CACHE": str(Path(home, "cache"))},
                capture_output=True,
                timeout=COMMAND,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Outcome("fault", f"still running after {COMMAND:g} s")
    text = ended.stderr.decode(errors="replace")
    if "Traceback" in text or "fault of crossemo's" in text or ended.returncode < 0:
        return Outcome("fault", f"{ended.returncode}: {text[-2000:]}")
    last = (text.strip().splitlines() or [""])[-1]
    return Outcome("refused", last) if ended.returncode else Outcome("whole")


def _start(kind: str, seed: int, memory: int) -> subprocess.Popen[str]:
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.fuzz.worker", kind, str(seed), str(memory)],
        cwd=ROOT,
        env=_env(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert _answer(worker, START) == "ready\n", f"no worker for {kind}"
    return worker


def _env() -> dict[str, str]:
    quiet = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
    return os.environ | quiet


def _ask(worker: subprocess.Popen[str], number: int) -> Outcome | None:
    """Return what became of an input; None if the worker died or hangs."""
    assert worker.stdin is not None
    try:
        print(number, file=worker.stdin, flush=True)
    except BrokenPipeError:
        return None
    line = _answer(worker, PATIENCE)
    return Outcome(*json.loads(line)) if line else None


def _answer(worker: subprocess.Popen[str], patience: float) -> str:
    """Return the next line of a worker; an empty one if none comes."""
    assert worker.stdout is not None
    there = select.select([worker.stdout], [], [], patience)[0]
    return worker.stdout.readline() if there else ""
