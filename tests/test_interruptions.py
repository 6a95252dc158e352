"""A run that was cut off, wherever it was, ends like one that was not."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shell import corpora

STEPS = 4 * 6  # two stages of two epochs of six batches


def typed(ravdess: Path, encoder: Path) -> list[str]:
    return [
        "fit",
        "--config=ravdess_speech_to_song.yaml",
        f"--model.encoder={encoder}",
        "--model.tuning=full",
        "--model.dropout=0.3",
        "--model.encoder_dropout=true",
        "--model.lr=1e-2",
        "--model.encoder_lr=1e-3",
        "--stages.source.max_epochs=2",
        "--stages.target.max_epochs=2",
        "--stages.target.reset_head=true",
        "--data.batch_size=8",
        "--fad.enabled=false",
        "--save_every_n_steps=1",
        "--trainer.enable_progress_bar=false",
        "--name=run",
        *corpora(ravdess),
    ]


@pytest.mark.slow
def test_twenty_random_moments_end_alike(
    tmp_path: Path, ravdess: Path, wav2vec2: Path
) -> None:
    arguments = {
        "folder": str(tmp_path),
        "moments": 20,
        "typed": [*typed(ravdess, wav2vec2), "--figures=false"],
    }
    command = [sys.executable, "-m", "tests.killing", json.dumps(arguments)]
    root = Path(__file__).parents[1]
    done = subprocess.run(
        command, cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    *report, interrupted, requeued, full, worker, process = json.loads(
        (tmp_path / "report.json").read_text()
    )
    assert [told["differs"] for told in report] == [[]] * 20, report
    # As shells have it: 128 and the number of the signal.
    terminated = [told for told in report if told["how"] == "SIGTERM"]
    cut = [told["code"] for told in terminated if 0 < told["step"] < STEPS]
    assert cut == [143] * len(cut), report
    assert interrupted["code"] == 130
    assert interrupted["differs"] == []
    assert requeued["asked"] == "requeue 42\n"
    assert 0 < requeued["step"] < STEPS
    assert requeued["differs"] == []
    assert full["code"] == 1
    assert "There is no space left" in full["said"]
    assert set(full["files"]) <= {"last.ckpt", "source.ckpt", "target.ckpt"}
    assert 0 < full["step"] < STEPS
    assert full["differs"] == []
    assert worker["code"] == process["code"] == 1
    assert "A process that loads clips ended" in worker["said"]
    assert worker["differs"] == []
    assert "Another process of this run ended" in process["said"]
    assert max(worker["seconds"], process["seconds"]) < 60
    # Ends of epochs are multiples of six.
    ended = {told["step"] for told in report if told["how"] == "SIGTERM"}
    assert any(step % 6 for step in ended if step > 0), ended
    # They were cut off all over the run.
    steps = {told["step"] for told in report}
    assert len(steps) >= 5
    assert any(0 < step < STEPS // 2 for step in steps), steps
    assert any(STEPS // 2 <= step < STEPS for step in steps), steps
