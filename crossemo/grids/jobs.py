"""Jobs of a cluster: which one has a run, and what SLURM says of it."""

import json
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from crossemo.errors import CrossEmoError
from crossemo.files import write_text

JOB = "job.json"
State = Literal["queued", "running"]
_STATES: dict[str, State] = {
    **dict.fromkeys(("PENDING", "REQUEUED", "SUSPENDED", "STOPPED"), "queued"),
    **dict.fromkeys(("REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD"), "queued"),
    **dict.fromkeys(("CONFIGURING", "RESIZING", "REQUEUE_FED"), "queued"),
    **dict.fromkeys(("RUNNING", "COMPLETING", "STAGE_OUT", "SIGNALING"), "running"),
}
_HINTS = {
    "OUT_OF_MEMORY": "give it more by --cluster.memory",
    "TIMEOUT": "give it more time by --cluster.minutes",
    "CANCELLED": "it was cancelled",
}


@dataclass(frozen=True)
class Job:
    """A job of SLURM that a run was handed to.

    Args:
        number: Its number, with that of its place in an array.
        log: File of what it prints beside the run's own output.
    """

    number: str
    log: str

    def write(self, home: Path) -> None:
        """Note the job in the folder of its run, for all grids that have the run."""
        write_text(home / JOB, f"{json.dumps(asdict(self))}\n")


def job_in(home: Path) -> Job | None:
    """Return the job that a run was last handed to; None if there was none."""
    try:
        return Job(**json.loads((home / JOB).read_text("utf-8")))
    except (OSError, TypeError, ValueError):
        return None


def states_of(jobs: Iterable[Job]) -> dict[str, str]:
    """Ask SLURM for the states of jobs, with one call, as it serves many.

    Not by submitit, whose `sacct` needs an accounting that small clusters lack.

    Returns:
        SLURM's word for the state by a job's number; of one that ended some minutes
        ago, SLURM knows nothing any more.

    Raises:
        CrossEmoError: SLURM doesn't answer.
    """
    numbers = sorted({job.number.partition("_")[0] for job in jobs})
    if not numbers:
        return {}
    command = ["squeue", "--noheader", "--array", "--states=all", "--format=%i %T"]
    command.append(f"--jobs={','.join(numbers)}")
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CrossEmoError(f"SLURM doesn't answer: {error}.") from error
    if answer.returncode and "Invalid job id" not in answer.stderr:
        raise CrossEmoError(f"SLURM doesn't answer: {' '.join(answer.stderr.split())}.")
    rows = (line.split() for line in answer.stdout.splitlines())
    return {row[0]: row[1] for row in rows if len(row) == 2}


def state_of(word: str | None) -> State | None:
    """Return what SLURM's word for a state means for a run; None if its job is over."""
    return _STATES.get(word) if word else None


def sentence_of_loss(job: Job, word: str | None) -> str:
    """Return why a run whose job is over has come to no end.

    >>> sentence_of_loss(Job("7", "logs/a/jobs/7_0_log.err"), "OUT_OF_MEMORY")
    'Job 7 is over (OUT_OF_MEMORY: give it more by --cluster.memory): \
logs/a/jobs/7_0_log.err has what it printed.'
    """
    why = f"{word}: {_HINTS[word]}" if word in _HINTS else word
    return f"Job {job.number} is over{f' ({why})' if why else ''}: {job.log} has " + (
        "what it printed."
    )
