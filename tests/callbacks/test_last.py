"""A job of SLURM is queued again when it is cut off, and only then."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest
from lightning.pytorch.utilities.exceptions import SIGTERMException

from crossemo.callbacks.last import Requeue, note_of


class Job:
    """A job 7 of SLURM, as far as the callback sees it.

    Args:
        folder: Where its tools lie and note what they are asked.
        patch: What puts them on the PATH.
    """

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.last, self.trainer, self.module = Mock(), Mock(), Mock()
        self.last.best_model_path = str(folder / "last.ckpt")
        self.last.save_within_epoch.return_value = False
        self.trainer.is_global_zero = True
        decide = self.trainer.strategy.reduce_boolean_decision
        decide.side_effect = lambda decision, **_: decision
        patch.setenv("SLURM_JOB_ID", "7")
        patch.delenv("SLURM_ARRAY_JOB_ID", raising=False)
        patch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        self.tool("scontrol", f'echo "$@" >> {folder}/asked')
        self.requeue = Requeue(self.last, folder)

    def tool(self, name: str, script: str) -> None:
        (self.folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.folder / name).chmod(0o755)

    @property
    def asked(self) -> str:
        path = self.folder / "asked"
        return path.read_text() if path.exists() else ""


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Job]:
    handler = signal.getsignal(signal.SIGUSR1)
    yield Job(tmp_path, monkeypatch)
    signal.signal(signal.SIGUSR1, handler)


@pytest.mark.parametrize(
    ("answer", "asked"),
    [
        ("echo RUNNING", "requeue 7\n"),  # preempted, with a grace time
        ("echo COMPLETING", ""),  # cancelled, or queued again by SLURM
        ("echo down >&2; exit 1", ""),
    ],
)
def test_a_job_that_is_told_to_end_while_it_runs_is_queued_again(
    job: Job, answer: str, asked: str
) -> None:
    job.tool("squeue", answer)
    error = SIGTERMException()
    job.requeue.on_exception(job.trainer, job.module, error)
    job.last.on_exception.assert_called_once_with(job.trainer, job.module, error)
    assert job.asked == asked
    # Where SLURM queues it again by itself, it goes on as well.
    assert note_of(job.folder, "7").read_text() == job.last.best_model_path


def test_another_error_queues_nothing(job: Job) -> None:
    job.tool("squeue", "echo RUNNING")
    job.requeue.on_exception(job.trainer, job.module, ValueError())
    assert job.asked == ""


def test_a_signal_is_heard_in_epochs_of_one_batch(job: Job) -> None:
    job.requeue.on_fit_start(job.trainer, job.module)
    job.requeue.on_train_epoch_start(job.trainer, job.module)
    signal.raise_signal(signal.SIGUSR1)
    job.requeue.on_train_batch_end(job.trainer, job.module, None, None, 0)
    assert job.asked == ""  # as it can't be saved here
    with pytest.raises(SystemExit) as exit:
        job.requeue.on_train_epoch_start(job.trainer, job.module)
    assert (exit.value.code, job.asked) == (0, "requeue 7\n")


def test_a_signal_in_the_last_steps_leaves_the_tests_to_the_next_job(job: Job) -> None:
    job.requeue.on_fit_start(job.trainer, job.module)
    signal.raise_signal(signal.SIGUSR1)
    with pytest.raises(SystemExit):
        job.requeue.on_fit_end(job.trainer, job.module)
    assert job.asked == "requeue 7\n"


def test_a_signal_in_the_tests_is_heard_at_once(job: Job) -> None:
    job.requeue.on_test_start(job.trainer, job.module)
    with pytest.raises(SystemExit) as exit:
        signal.raise_signal(signal.SIGUSR1)
    assert (exit.value.code, job.asked) == (0, "requeue 7\n")
