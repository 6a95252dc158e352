"""Runs handed to a cluster by submitit, as jobs that go on when they are queued again.

submitit pickles what a job calls. The file lies in the grid's own folder, which only
its user may enter, and is read by the job alone; of what jobs leave, crossemo reads
nothing but the outcomes of runs.
"""

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass, field
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any, Literal

from crossemo.errors import CrossEmoError
from crossemo.grids.execution import execute
from crossemo.grids.plan import Plan, Run

MOST = 1000  # runs in one array: SLURM takes 1001 unless it is told otherwise
SAVING = 120  # seconds before the end of its time at which a job saves


@dataclass(frozen=True)
class ClusterOptions:
    """Jobs of a cluster, to which the runs of a grid are handed.

    Args:
        scheduler: `slurm`, or `local`, which starts the jobs on this machine, to see
            whether all is well before they are queued. None hands nothing over.
        partition: Partition of SLURM; the cluster's own choice if left out.
        minutes: Time limit of a job. One that reaches it has saved, is queued again and
            goes on, so that a short one is no harm and often queued for less long.
        memory: GB of memory of a job; the cluster's own choice if left out.
        cpus: Processors of a job.
        gpus: GPUs of a job: 0 or 1.
        parallel: How many jobs run at once at most.
        sbatch: Further options of sbatch, such as `{account: emotion, qos: long}`.
    """

    scheduler: Literal["slurm", "local"] | None = None
    partition: str | None = None
    minutes: int = 120
    memory: float | None = None
    cpus: int = 1
    gpus: int = 0
    parallel: int = 64
    sbatch: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what no job can be.

        Raises:
            CrossEmoError: A number is too small, or too large.
        """
        for name in ("minutes", "cpus", "parallel"):
            if getattr(self, name) < 1:
                number = getattr(self, name)
                raise CrossEmoError(f"cluster.{name} is {number}: give 1 or more.")
        if self.memory is not None and not self.memory > 0:
            raise CrossEmoError(
                f"cluster.memory is {self.memory}: give more than 0 GB."
            )
        if self.gpus not in (0, 1):
            raise CrossEmoError(
                f"cluster.gpus is {self.gpus}: a run of a grid is one process, which "
                "takes 0 or 1. Start one over several GPUs by srun, without a grid."
            )

    def parameters(self, name: str) -> dict[str, Any]:
        """Return submitit's parameters of all jobs.

        Args:
            name: Name of the grid.
        """
        common = {"name": name, "timeout_min": self.minutes}
        common |= {"gpus_per_node": self.gpus} if self.gpus else {}
        if self.scheduler == "local":
            return common
        # submitit would have SIGUSR2, but crossemo listens to SIGUSR1. And srun takes
        # as many processors as it is told, not as many as the job has.
        delay = min(SAVING, 15 * self.minutes)
        return common | {
            "cpus_per_task": self.cpus,
            "mem_gb": self.memory,
            "slurm_partition": self.partition,
            "slurm_array_parallelism": self.parallel,
            "slurm_srun_args": [f"--cpus-per-task={self.cpus}"],
            "slurm_setup": [
                "export SUBMITIT_PREEMPT_SIGNAL=USR1",
                f"export OMP_NUM_THREADS=${{OMP_NUM_THREADS:-{self.cpus}}}",
            ],
            "slurm_additional_parameters": {
                "signal": f"USR1@{delay}",
                "requeue": True,
                **self.sbatch,
            },
        }


class Fit:
    """What a job calls."""

    def __call__(self, run: Run, logs: Path) -> None:
        """Bring a run to its end.

        Raises:
            SystemExit: It failed, so that SLURM's accounts say so as well.
        """
        if not execute(run, logs).done:
            raise SystemExit(1)

    def checkpoint(self, run: Run, logs: Path) -> Any:  # noqa: ANN401 (no types)
        """Return what the job does when it is queued again: the same, which goes on.

        submitit asks for it when the signal comes before the fit or behind it. During
        the fit, `crossemo.callbacks.last.Requeue` hears it in submitit's stead, saves
        between two steps and queues the job again by itself.
        """
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, run, logs)


def refuse_missing_submitit() -> None:
    """Refuse where there is no submitit.

    Raises:
        CrossEmoError: It is not installed.
    """
    if find_spec("submitit") is None:
        raise CrossEmoError(
            "Runs are handed to a cluster by submitit, which is not installed: "
            "pip install 'crossemo[cluster]'."
        )


def submit(runs: Sequence[Run], plan: Plan, options: ClusterOptions) -> list[Any]:
    """Submit a job for each of some runs.

    Args:
        runs: The runs.
        plan: The plan that they are of.
        options: What a job is.

    Returns:
        The jobs, as submitit has them.

    Raises:
        CrossEmoError: There is no such scheduler here, or it refuses the jobs.
    """
    refuse_missing_submitit()
    from submitit import AutoExecutor
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    folder = Path(plan.logs, plan.name, "jobs")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    jobs: list[Any] = []
    try:
        with _deaf_to_ctrl_c(), _outside_of_jobs(), redirect_stderr(StringIO()):
            executor = AutoExecutor(folder, cluster=options.scheduler)
            executor.update_parameters(**options.parameters(plan.name))
            for first in range(0, len(runs), MOST):
                some = runs[first : first + MOST]
                jobs += executor.map_array(Fit(), some, [plan.logs] * len(some))
    except RuntimeError as error:
        if isinstance(error, (FailedJobError, FailedSubmissionError)):
            reason = " ".join(str(error).split())
            raise CrossEmoError(f"SLURM refuses the jobs: {reason}") from error
        if "srun" in str(error):
            raise CrossEmoError(
                "There is no SLURM here (no srun): use a machine of the cluster."
            ) from error
        raise
    return jobs


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Have no job half submitted; jobs on this machine inherit it and go on as well."""
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


@contextmanager
def _outside_of_jobs() -> Iterator[None]:
    """Have jobs inherit nothing of the one that this may run in."""
    from submitit.helpers import clean_env

    settings = {
        name: value
        for name, value in os.environ.items()
        if name == "SLURM_CONF" or name.startswith("SBATCH_")  # the user's, not a job's
    }
    with clean_env():
        os.environ.update(settings)
        yield
