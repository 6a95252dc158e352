"""Two processes on a CPU (gloo) against one with the same effective batch."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.commands import corpora, run_alone

pytestmark = pytest.mark.slow


def fit(folder: Path, ravdess: Path, encoder: Path, *typed: str) -> Path:
    done = run_alone(
        "fit",
        "--config=ravdess_speech_to_song.yaml",
        f"--model.encoder={encoder}",
        "--model.lr=1e-2",
        "--model.encoder_lr=1e-3",
        "--stages.source.max_epochs=2",
        "--stages.target.max_epochs=2",
        "--stages.target.reset_head=true",
        "--trainer.enable_progress_bar=false",
        "--trainer.callbacks+=tests.callbacks.digests.Digests",
        "--name=run",
        *corpora(ravdess),
        *typed,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder / "logs" / "run" / "version_0"


@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_two_processes_do_what_one_does(
    tmp_path: Path, ravdess: Path, wav2vec2: Path, tuning: str
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    typed = [f"--model.tuning={tuning}", "--model.encoder_dropout=false"]
    single = fit(one, ravdess, wav2vec2, *typed, "--data.batch_size=8")
    double = fit(
        two,
        ravdess,
        wav2vec2,
        *typed,
        "--data.batch_size=4",
        "--trainer.devices=2",
        "--trainer.strategy=ddp",
    )
    # After every epoch of both stages the processes hold the same bits.
    digests = [sorted(two.glob(f"digest-{rank}-*")) for rank in (0, 1)]
    assert [len(files) for files in digests] == [4, 4]
    for first, second in zip(*digests, strict=True):
        assert first.read_text() == second.read_text()
    same_scores(results(single), results(double))
    same_weights(single, double)
    same_distances(single, double)


def results(folder: Path) -> Any:
    return json.loads((folder / "results.json").read_text())["stages"]


def same_scores(single: Any, double: Any) -> None:
    for stage, test in single.items():
        for role, scores in test["scores"].items():
            other = double[stage]["scores"][role]
            assert other["n"] == scores["n"]
            assert other["confusion"] == scores["confusion"], (stage, role)
            assert other["UA_interval"] == pytest.approx(scores["UA_interval"])


def same_weights(single: Path, double: Path) -> None:
    for stage in ("source", "target"):
        ours, theirs = (
            torch.load(run / "checkpoints" / f"{stage}.ckpt", weights_only=True)
            for run in (single, double)
        )
        for name, tensor in ours["state_dict"].items():
            other = theirs["state_dict"][name]
            assert torch.allclose(tensor, other, rtol=1e-3, atol=1e-4), name


def same_distances(single: Path, double: Path) -> None:
    ours, theirs = (
        list(csv.DictReader((run / "fad.csv").read_text().splitlines()))
        for run in (single, double)
    )
    assert len(ours) == len(theirs) > 0
    for row, other in zip(ours, theirs, strict=True):
        assert row["source_n"] == other["source_n"]
        assert float(other["fad"]) == pytest.approx(float(row["fad"]), rel=1e-2)
