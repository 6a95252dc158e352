"""Runs of a grid as jobs: of submitit's local executor, and of tools like SLURM's."""

import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from crossemo.errors import CrossEmoError
from crossemo.grids import cluster, submission
from crossemo.grids.cluster import submit_all
from crossemo.grids.home import home_of, locked, outcome_in, write_outcome
from crossemo.grids.outcome import Outcome
from crossemo.grids.plan import Plan, Run
from crossemo.grids.submission import ClusterOptions
from tests.shell import quick

DIGESTS = ("0123456789ab", "123456789abc", "23456789abcd")
LOCAL = ClusterOptions(scheduler="local", parallel=2, minutes=10)
SLURM = ClusterOptions(
    scheduler="slurm",
    partition="gpu",
    minutes=30,
    memory=7.5,
    cpus=4,
    gpus=1,
    parallel=2,
    sbatch={"account": "emotion"},
)


def plan_of(logs: Path, *words: str, more: tuple[str, ...] = ("", "", "")) -> Plan:
    """Return a plan of a run for each of `more`."""
    runs = tuple(
        Run(
            digest=digest,
            label=f"run{number}",
            axes={"number": str(number)},
            words=(*words, f"--name=runs/{digest}", f"--logs={logs}", *one.split()),
        )
        for number, (digest, one) in enumerate(zip(DIGESTS, more, strict=False))
    )
    return Plan(name="grid", logs=logs, runs=runs)


def done() -> Outcome:
    return Outcome.now(None, 0, 1.0, 1)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "LOOK", 0.1)
    monkeypatch.setattr(cluster, "PATIENCE", 0.3)


@pytest.mark.slow
def test_jobs_of_this_machine_end_done_or_with_the_sentence(
    here: Path, ravdess: Path, wav2vec2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = quick("ravdess_speech_to_song.yaml", ravdess, wav2vec2)
    words += ["--model.tuning=frozen", "--fad.enabled=false", "--threads=1"]
    more = ("", "--seed_everything=1", "--data.batch_size=0")
    plan = plan_of(here / "logs", *words, more=more)
    *ends, failure = submit_all(plan, LOCAL)
    assert [outcome.state for outcome in ends] == ["done", "done"]
    assert failure.state == "failed"
    assert "batch_size" in str(failure.sentence)
    for digest in DIGESTS[:2]:
        home = home_of(digest, plan.logs)
        assert (home / "version_0" / "results.json").is_file()
    folder = here / "logs" / "grid" / "jobs"
    assert folder.stat().st_mode & 0o77 == 0  # what is unpickled is the user's own

    submitted: list[str] = []

    def refuse(runs: list[Run], *_: object) -> None:
        submitted.extend(run.label for run in runs)
        raise CrossEmoError("no more")

    monkeypatch.setattr(cluster, "submit", refuse)
    rest = Plan(name="other", logs=plan.logs, runs=plan.runs[:2])
    assert submit_all(rest, LOCAL) == ends
    with pytest.raises(CrossEmoError, match="no more"):
        submit_all(plan, LOCAL)
    assert submitted == ["run2"]  # a failure is tried again, by this command


def tools(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put tools that play SLURM on the PATH; squeue prints what is in `queue`."""
    scripts = {
        "srun": "exit 1",
        "sbatch": f"""cp "$1" {folder}/script; env > {folder}/environment
            echo x >> {folder}/submitted; echo Submitted batch job 70""",
        "squeue": f"""cat {folder}/queue && exit
            echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1""",
    }
    bin = folder / "bin"
    bin.mkdir()
    for name, script in scripts.items():
        (bin / name).write_text(f"#!/bin/sh\n{script}\n")
        (bin / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin}:{os.environ['PATH']}")
    return folder / "queue"


def test_a_second_command_waits_for_the_jobs_of_the_first(
    here: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "crossemo")
    queue = tools(here, monkeypatch)
    monkeypatch.setenv("SLURM_JOB_ID", "1")  # as in a session on a node
    plan = plan_of(here / "logs")

    def leave(_: float) -> None:
        raise KeyboardInterrupt

    queue.write_text("70_0 PENDING\n70_1 RUNNING\n70_2 RUNNING\n")
    monkeypatch.setattr(cluster, "sleep", leave)
    with pytest.raises(SystemExit) as exit:
        submit_all(plan, SLURM)
    assert exit.value.code == 130
    assert "Jobs go on without this command" in caplog.text

    def next_state(_: float) -> None:
        write_outcome(home_of(DIGESTS[0], plan.logs), done())
        write_outcome(home_of(DIGESTS[1], plan.logs), failure)
        queue.write_text("70_2 OUT_OF_MEMORY\n")

    failure = Outcome.now("No such folder.", None, 1.0, 1)
    monkeypatch.setattr(cluster, "sleep", next_state)
    first, second, third = submit_all(plan, SLURM)
    assert (first.state, second) == ("done", failure)
    log = here / "logs" / "grid" / "jobs" / "70_2_0_log.err"
    assert third.sentence == (
        "Job 70_2 is over (OUT_OF_MEMORY: give it more by --cluster.memory): "
        f"{log} has what it printed."
    )
    assert outcome_in(home_of(DIGESTS[2], plan.logs)) == third
    assert (here / "submitted").read_text() == "x\n"

    lines = (here / "script").read_text().splitlines()
    asked = {line.removeprefix("#SBATCH --") for line in lines if "#SBATCH" in line}
    assert asked >= {
        "job-name=grid",
        "partition=gpu",
        "time=30",
        "mem=7680MB",
        "cpus-per-task=4",
        "gpus-per-node=1",
        "array=0-2%2",
        "signal=USR1@120",
        "account=emotion",
        "requeue",
    }
    assert "export SUBMITIT_PREEMPT_SIGNAL=USR1" in lines
    assert any("srun" in line and "--cpus-per-task=4" in line for line in lines)
    assert "SLURM_JOB_ID" not in (here / "environment").read_text()

    queue.unlink()  # by now, SLURM knows nothing of these jobs
    monkeypatch.setattr(cluster, "sleep", leave)
    with pytest.raises(SystemExit):
        submit_all(plan, SLURM)
    assert (here / "submitted").read_text() == "x\nx\n"
    lines = (here / "script").read_text().splitlines()
    assert "#SBATCH --array=0-1%2" in lines  # not what is done

    def end(_: float) -> None:
        for digest in DIGESTS[1:]:
            write_outcome(home_of(digest, plan.logs), done())

    queue.write_text("70_0 RUNNING\n70_1 RUNNING\n")
    monkeypatch.setattr(cluster, "sleep", end)
    # The failures of before are over, although they lie there until the jobs begin.
    assert [outcome.state for outcome in submit_all(plan, SLURM)] == ["done"] * 3
    assert (here / "submitted").read_text() == "x\nx\n"


def test_a_run_that_another_process_is_at_is_waited_for(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools(here, monkeypatch)
    plan = plan_of(here / "logs", more=("",))
    home = home_of(DIGESTS[0], plan.logs)
    home.mkdir(parents=True)
    lock = ExitStack()
    lock.enter_context(locked(home, wait=False))

    def end(_: float) -> None:
        write_outcome(home, done())
        lock.close()

    monkeypatch.setattr(cluster, "sleep", end)
    assert [outcome.state for outcome in submit_all(plan, SLURM)] == ["done"]
    assert not (here / "submitted").exists()


def test_what_can_not_be_is_one_sentence(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of(here / "logs")
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(here))
        with pytest.raises(CrossEmoError, match="There is no SLURM here"):
            submit_all(plan, SLURM)
    tools(here, monkeypatch)
    (here / "bin" / "sbatch").write_text(
        "#!/bin/sh\necho 'sbatch: error: invalid partition: gpu' >&2; exit 1\n"
    )
    with pytest.raises(CrossEmoError, match=r"SLURM refuses .* invalid partition: gpu"):
        submit_all(plan, SLURM)
    monkeypatch.setattr(submission, "find_spec", lambda _: None)
    with pytest.raises(CrossEmoError, match=r"pip install 'crossemo\[cluster\]'"):
        submit_all(plan, SLURM)
    with pytest.raises(CrossEmoError, match=r"cluster.minutes is 0: give 1 or more"):
        ClusterOptions(minutes=0)
    with pytest.raises(CrossEmoError, match=r"cluster.gpus is 4: .*srun"):
        ClusterOptions(gpus=4)


def test_a_busy_slurm_is_asked_again(
    here: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    queue = tools(here, monkeypatch)
    plan = plan_of(here / "logs", more=("",))
    queue.write_text("70 RUNNING\n")
    squeue = here / "bin" / "squeue"
    answer = squeue.read_text()
    squeue.write_text(
        "#!/bin/sh\necho 'Unable to contact slurm controller' >&2; exit 1"
    )

    def recover(_: float) -> None:
        squeue.write_text(answer)
        write_outcome(home_of(DIGESTS[0], plan.logs), done())

    monkeypatch.setattr(cluster, "sleep", recover)
    assert [outcome.state for outcome in submit_all(plan, SLURM)] == ["done"]
    assert "SLURM doesn't answer: Unable to contact slurm controller." in caplog.text
