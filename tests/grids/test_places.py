"""How many runs a machine takes at once, and what each of them has of it."""

from pathlib import Path

import pytest

from crossemo.grids.places import Places, gpus_here, threads_of
from crossemo.grids.plan import Plan, Run


def plan_with(*words: str) -> Plan:
    return Plan("grid", Path("logs"), (Run("0" * 12, "run", {}, words),))


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Eight processors, no GPU, no number of threads in the environment."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    return monkeypatch


@pytest.mark.parametrize(
    ("words", "jobs", "sentence", "variables"),
    [
        ((), None, "8 at once, threads of each: 1.", {"OMP_NUM_THREADS": "1"}),
        (("--threads=3",), None, "2 at once, threads of each: 3.", None),
        (("--threads=3",), 5, "5 at once, threads of each: 3.", None),
        (("--threads=16",), None, "One after another, threads of each: 16.", None),
        ((), 1, "One after another.", {}),
    ],
)
def test_processors_are_shared(
    machine: pytest.MonkeyPatch,
    words: tuple[str, ...],
    jobs: int | None,
    sentence: str,
    variables: dict[str, str] | None,
) -> None:
    places = Places.of(plan_with(*words), jobs)
    assert str(places) == sentence
    if variables is not None:
        assert places.environment(0) == variables


def test_a_gpu_has_one_run(machine: pytest.MonkeyPatch) -> None:
    machine.setattr("torch.cuda.device_count", lambda: 2)
    assert gpus_here() == ["0", "1"]
    # As a cluster shares a machine out; names may be those of parts of a GPU.
    machine.setenv("CUDA_VISIBLE_DEVICES", "3,MIG-af")
    places = Places.of(plan_with(), None)
    assert str(places) == "2 at once, GPUs 3, MIG-af."
    one, other = places.take(), places.take()
    assert not places.free
    assert places.environment(one) == {"CUDA_VISIBLE_DEVICES": "3"}
    assert places.environment(other) == {"CUDA_VISIBLE_DEVICES": "MIG-af"}
    places.give_back(one)
    assert places.take() == one
    crowded = Places.of(plan_with(), 3)
    assert [crowded.environment(n)["CUDA_VISIBLE_DEVICES"] for n in range(3)] == [
        "3",
        "MIG-af",
        "3",
    ]


def test_the_latest_word_on_threads_counts(
    machine: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "a.yaml"
    config.write_text("threads: 2\n")
    other = tmp_path / "b.yaml"
    other.write_text("fit: {seed_everything: 1}\n")
    words = [f"--config={config}", f"--config={other}"]
    assert threads_of(plan_with(*words).runs[0]) == 2
    assert threads_of(plan_with(*words, "--threads=4").runs[0]) == 4
    assert threads_of(plan_with(words[1]).runs[0]) is None
    machine.setenv("OMP_NUM_THREADS", "6")
    assert threads_of(plan_with(words[1]).runs[0]) == 6
