"""A real SLURM, of one node on this machine: a job goes on wherever it was cut off."""

import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
import torch

from crossemo.grids import cluster
from crossemo.grids.cluster import submit_all
from crossemo.grids.home import home_of, progress_in
from crossemo.grids.jobs import job_in
from crossemo.grids.plan import Plan, Run
from crossemo.grids.submission import ClusterOptions
from tests.cluster.start_slurm import NoSlurmError, client, slurm
from tests.shell import corpora, results, run_alone

DIGEST = "0123456789ab"
PATIENCE = 120.0  # seconds for a job to reach an epoch on a busy machine


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What the environment must hold for SLURM's commands to find it."""
    folder = tmp_path_factory.mktemp("slurm")
    with pytest.MonkeyPatch.context() as patch:
        try:
            with slurm(folder) as environment:
                for name, value in environment.items():
                    patch.setenv(name, value)
                yield environment
        except NoSlurmError as error:
            pytest.skip(f"SLURM can't be started: {error}")


def typed(ravdess: Path, encoder: Path) -> list[str]:
    return [
        "--config=ravdess_speech_to_song.yaml",
        f"--model.encoder={encoder}",
        "--model.tuning=full",
        "--model.dropout=0.3",
        "--model.encoder_dropout=true",
        "--stages.source.max_epochs=2",
        "--stages.target.max_epochs=4",
        "--data.batch_size=8",
        "--fad.enabled=false",
        "--figures=false",
        "--threads=1",
        "--trainer.enable_progress_bar=false",
        *corpora(ravdess),
    ]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    checkpoint = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    state: dict[str, torch.Tensor] = checkpoint["state_dict"]
    return state


def await_stage(home: Path, stage: str, attempt: int, commands: dict[str, str]) -> str:
    """Wait until a run is in a stage; return the number of its job."""
    late = time.monotonic() + PATIENCE
    while time.monotonic() < late:
        time.sleep(0.1)
        if not (job := job_in(home)):
            continue
        # A job that is queued again begins two minutes later, unless it is told to.
        client(commands, "scontrol", "update", f"JobId={job.number}", "StartTime=now")
        progress = progress_in(home)
        if progress.get("stage") == stage and progress["attempt"] == attempt:
            return job.number
    raise AssertionError((home / "output.txt").read_text()[-2000:])


def preempt(commands: dict[str, str]) -> None:
    """Have a job come that may take the node."""
    command = ["sbatch", "--partition=urgent", "--output=/dev/null", "--wrap=sleep 1"]
    client(commands, *command)


@pytest.mark.slow
@pytest.mark.parametrize("partition", ["graceful", "patient"])
def test_a_job_that_is_disturbed_ends_like_one_that_is_not(
    partition: str,
    commands: dict[str, str],
    here: Path,
    ravdess: Path,
    wav2vec2: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cluster, "LOOK", 0.5)
    words = typed(ravdess, wav2vec2)
    logs = here / "logs"
    more = [f"--name=runs/{DIGEST}", f"--logs={logs}"]
    slow = "--trainer.callbacks+=tests.callbacks.slow.Slow"
    run = Run(DIGEST, "run", {}, (*words, slow, *more))
    plan = Plan(name="grid", logs=logs, runs=(run,))
    home = home_of(DIGEST, logs)
    disturbances: list[str] = []

    def disturb() -> None:
        number = await_stage(home, "source", 1, commands)
        if partition == "graceful":  # as two minutes before its time is over
            client(commands, "scancel", "--signal=USR1", number)
        else:
            preempt(commands)
        disturbances.append("source")
        await_stage(home, "target", 2, commands)
        preempt(commands)
        disturbances.append("target")
        await_stage(home, "target", 3, commands)

    thread = Thread(target=disturb)
    thread.start()
    options = ClusterOptions(scheduler="slurm", partition=partition, minutes=10)
    (outcome,) = submit_all(plan, options)
    thread.join()
    assert outcome.done, outcome.sentence
    assert disturbances == ["source", "target"]
    assert outcome.attempts == 3

    whole = run_alone("fit", *words, "--name=whole", f"--logs={logs}", cwd=here)
    assert whole.returncode == 0, whole.stderr[-2000:]
    expected = weights(logs / "whole" / "version_0")
    reached = weights(home / f"version_{outcome.version}")
    assert [
        key for key in expected if not torch.equal(expected[key], reached[key])
    ] == []
    one, other = (
        results(folder)["stages"]
        for folder in (
            logs / "whole" / "version_0",
            home / f"version_{outcome.version}",
        )
    )
    assert one == other
