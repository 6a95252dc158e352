"""Where runs can be at once on a machine: its GPUs, or shares of its processors."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from crossemo.commands.configs import read_settings
from crossemo.grids.plan import Plan, Run

THREADS = "OMP_NUM_THREADS"
GPUS = "CUDA_VISIBLE_DEVICES"


class Places:
    """Places that runs take and give back.

    Args:
        count: How many there are.
        threads: CPU threads of each; torch's choice if None.
        gpus: Their GPUs, each by the name that CUDA knows it by; none if empty.
    """

    def __init__(self, count: int, threads: int | None, gpus: Sequence[str]) -> None:
        self.threads, self.gpus, self._count = threads, list(gpus), count
        self.free = list(range(count))

    @classmethod
    def of(cls, plan: Plan, jobs: int | None) -> Self:
        """Return those of this machine.

        Args:
            plan: What is run on it.
            jobs: How many there are; if None, one on each GPU, or as many as the
                processors bear.
        """
        gpus = gpus_here()
        threads = threads_of(plan.runs[0]) if plan.runs else None
        count = jobs or len(gpus) or max(1, processors() // (threads or 1))
        if threads is None and count > 1 and not gpus:
            threads = 1
        return cls(count, threads, gpus)

    def __len__(self) -> int:
        return self._count

    def __str__(self) -> str:
        """Return how runs share the machine, as a sentence."""
        sentence = f"{self._count} at once" if self._count > 1 else "One after another"
        if self.gpus:
            sentence += f", GPUs {', '.join(self.gpus)}"
        if self.threads is None:
            return f"{sentence}."
        return f"{sentence}, threads of each: {self.threads}."

    def take(self) -> int:
        """Return the number of a place that is free, and take it."""
        return self.free.pop(0)

    def give_back(self, place: int) -> None:
        """Have a place free again."""
        self.free = sorted([*self.free, place])

    def environment(self, place: int | None) -> dict[str, str]:
        """Return the variables of the environment by which a run keeps to its place.

        Args:
            place: Its number; None for what holds in all.
        """
        variables = {} if self.threads is None else {THREADS: str(self.threads)}
        if place is not None and self.gpus:
            variables[GPUS] = self.gpus[place % len(self.gpus)]
        return variables


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def gpus_here() -> list[str]:
    """Return the GPUs that this process sees, each by the name that CUDA knows."""
    import torch

    count = torch.cuda.device_count()
    names = os.environ.get(GPUS, "").split(",")
    return (
        names[:count]
        if len(names) >= count > 0 and all(names)
        else list(map(str, range(count)))
    )


def threads_of(run: Run) -> int | None:
    """Return the threads that a run is given; None if it leaves them to torch."""
    threads = os.environ.get(THREADS)
    for word in run.words:
        option, _, value = word.partition("=")
        if option in ("-c", "--config"):
            settings = read_settings(Path(value))
            threads = settings.get("fit", settings).get("threads") or threads
        elif option == "--threads":
            threads = value
    return int(threads) if threads and str(threads).isdigit() else None
