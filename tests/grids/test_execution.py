"""One run in this process: what becomes of it, and when it is called done."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from crossemo.grids.execution import execute
from crossemo.grids.home import home_of, outcome_in, write_outcome
from crossemo.grids.outcome import Outcome
from tests.grids.runs import attempts, results, run_of
from tests.limits import files_no_larger_than


def test_a_run_is_done_once_and_goes_on_from_where_it_was_cut_off(
    here: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = run_of("whole", here)
    first = execute(run, here)
    assert first.state == "done", first.sentence
    assert (first.version, first.attempts) == (0, 1)
    home = home_of(run.digest, here)
    assert not (home / "progress.json").exists()
    assert "Results: runs/" in (home / "output.txt").read_text()
    expected = results(run, here)
    assert execute(run, here) == first
    assert attempts(run, here) == 1
    # Cut off before its outcome was written: it goes on, at its end.
    (home / "outcome.json").rename(home / "progress.json")
    (home / "progress.json").write_text('{"attempt": 1}')
    again = execute(run, here)
    assert (again.state, again.version, again.attempts) == ("done", 1, 2)
    assert "This run is finished" in caplog.text
    assert results(run, here) == expected
    # A checkpoint of other settings: it begins anew, and says so.
    (home / "outcome.json").unlink()
    other = run_of("whole", here, "--model.lr=1e-2")
    anew = execute(other, here)
    assert anew.state == "done", anew.sentence
    output = (home / "output.txt").read_text()
    assert "model.lr was 0.002, is 0.01" in output
    assert "can't go on from" in output
    assert results(other, here) != expected


def test_a_failure_is_a_sentence_and_tried_again_when_asked_for(here: Path) -> None:
    begun = datetime.now().astimezone()
    run = run_of("lacks", here, "--model.encoder=nowhere")
    outcome = execute(run, here)
    assert (outcome.state, outcome.version) == ("failed", None)
    assert outcome.sentence is not None
    assert "nowhere" in outcome.sentence
    assert outcome_in(home_of(run.digest, here)) == outcome
    # One that came while somebody waited stands; one from before is tried again.
    assert execute(run, here, since=begun) == outcome
    assert execute(run, here, since=begun + timedelta(days=1)).attempts == 2
    assert attempts(run, here) == 2
    typed = execute(run_of("typed", here, "--modle.lr=1"), here)
    assert typed.sentence == "There is no option modle: did you mean model?"


def test_a_fault_of_crossemos_has_its_traceback_in_the_output(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr("crossemo.commands.launch.choose_experiment", fail)
    run = run_of("fault", here)
    assert execute(run, here).sentence == "RuntimeError: a fault"


def test_a_run_that_another_process_has_is_left_alone(here: Path) -> None:
    run = run_of("busy", here)
    home = home_of(run.digest, here)
    home.mkdir(parents=True)
    with FileLock(home / ".lock"), pytest.raises(Timeout):
        execute(run, here, wait=False)
    assert [path.name for path in home.iterdir()] == [".lock"]


def test_a_full_disk_fails_a_run_and_calls_nothing_done(
    here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = run_of("full", here)
    home = home_of(run.digest, here)
    with files_no_larger_than(100_000):  # smaller than a checkpoint
        outcome = execute(run, here)
    assert outcome.state == "failed"
    assert outcome.sentence is not None
    assert "no space left" in outcome.sentence
    assert outcome_in(home) == outcome
    with files_no_larger_than(20), pytest.raises(OSError, match="too large"):
        execute(run, here)
    assert outcome_in(home) in (None, outcome)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"state": "done"}', '{"state": "do', "null"]
)
def test_half_an_outcome_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "outcome.json").write_text(text)
    assert outcome_in(tmp_path) is None


def test_an_outcome_is_read_as_it_was_written(tmp_path: Path) -> None:
    for sentence, version in ((None, 3), ("No room.", None)):
        outcome = Outcome.now(sentence, version, 1.23456, 2)
        write_outcome(tmp_path, outcome)
        assert outcome_in(tmp_path) == outcome
    assert outcome.seconds == 1.235
    assert not outcome.done
    assert outcome.later_than(datetime.now().astimezone() - timedelta(seconds=5))
    assert not outcome.later_than(datetime.now().astimezone() + timedelta(seconds=1))
