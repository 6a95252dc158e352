"""Two processes on a CPU (gloo) against one with the same effective batch."""

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.shell import corpora, run_alone

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


def test_two_processes_do_what_one_does(
    tmp_path: Path, ravdess: Path, wav2vec2: Path
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    typed = ["--model.tuning=lora", "--model.encoder_dropout=false"]
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
        known = theirs["reliability"]
        for name, tensor in ours["reliability"].items():
            assert torch.allclose(known[name], tensor, rtol=0.05, atol=1e-2), name
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
        for name in ("stage", "layer", "x_emotion", "y_emotion", "estimator", "x_n"):
            assert row[name] == other[name]
        if row["estimator"] == "fad":
            value = pytest.approx(float(row["value"]), rel=1e-2, nan_ok=True)
            assert float(other["value"]) == value


def test_distances_of_clips_and_frames_are_those_of_one_process(
    tmp_path: Path, ravdess: Path, wav2vec2: Path
) -> None:
    tables = []
    for name, more in (
        ("one", ["--data.batch_size=8"]),
        (
            "two",
            ["--data.batch_size=4", "--trainer.devices=2", "--trainer.strategy=ddp"],
        ),
    ):
        done = run_alone(
            "validate",
            "--config=ravdess_speech_to_song.yaml",
            f"--model.encoder={wav2vec2}",
            "--fad.part=all",
            "--fad.unit=both",
            "--fad.estimate.splits=2",
            "--fad.estimate.permutations=19",
            "--trainer.enable_progress_bar=false",
            f"--name={name}",
            *corpora(ravdess),
            *more,
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        folder = tmp_path / "logs" / name / "validate_0"
        tables.append(
            list(csv.DictReader((folder / "fad.csv").read_text().splitlines()))
        )
    one, two = tables
    assert {row["unit"] for row in one} == {"clip", "frame"}
    assert len(one) == len(two)
    by_trace = ("by_trace", "by_trace_low", "by_trace_high", "mean_trace")
    numbers = ("x_n", "y_n", "value", "low", "high", "p", "q", *by_trace)
    for row, other in zip(one, two, strict=True):
        for column in row.keys() - set(numbers):
            assert row[column] == other[column]
        for column in numbers:
            # A gather's order changes the last digits, which covariances of few
            # clips of a random encoder make much of.
            value = pytest.approx(float(row[column]), rel=1e-3, abs=1e-6, nan_ok=True)
            assert float(other[column]) == value, (column, row, other)


SOURCE, TARGET = "--stages.source", "--stages.target"
CASES = {
    "frozen": ["--model.tuning=frozen"],
    "bitfit": ["--model.tuning=bitfit"],
    "houlsby": ["--model.tuning=houlsby"],
    "dora": ["--model.tuning=dora", "--model.gradient_checkpointing=true"],
    "adalora": ["--model.tuning=adalora"],
    "one_layer": ["--model.tuning=full", "--model.layers=1"],
    "head_to_all": [f"{SOURCE}.train=head", f"{TARGET}.train=all"],
    "all_to_head": [f"{SOURCE}.train=all", f"{TARGET}.train=head"],
    "layers_to_pattern": [
        f"{SOURCE}.train=layers",
        f'{TARGET}.train=["head.*", "encoder.model.encoder.layers.1.*"]',
    ],
    "second_adapter": ["--model.tuning=lora", f"{TARGET}.adapter=add"],
    "merged_adapter": ["--model.tuning=lora", f"{TARGET}.adapter=merge"],
    "new_parts": [
        "--model.tuning=full",
        f"{TARGET}.reset=[head, projector, layers, encoder]",
    ],
    "joint": [f"{TARGET}.data=[source, target]", "--model.tuning=full"],
    "accumulated": ["--model.tuning=full", "--trainer.accumulate_grad_batches=2"],
    "steps": ["--model.tuning=full", f"{SOURCE}.max_steps=4", f"{TARGET}.max_steps=5"],
}


def test_every_strategy_and_switch_is_shared_rightly(
    tmp_path: Path, ravdess: Path, wav2vec2: Path
) -> None:
    typed = [
        "fit",
        "--config=ravdess_speech_to_song.yaml",
        f"--model.encoder={wav2vec2}",
        "--model.encoder_dropout=false",
        "--model.lr=1e-2",
        "--model.encoder_lr=1e-3",
        f"{SOURCE}.max_epochs=1",
        f"{TARGET}.max_epochs=1",
        f"{TARGET}.start_from=last",  # rounding may choose another best epoch
        "--fad.enabled=false",
        "--figures=false",
        "--trainer.limit_val_batches=1",
        "--trainer.limit_test_batches=1",
        "--trainer.precision=64-true",
        "--trainer.enable_progress_bar=false",
        "--trainer.callbacks+=tests.callbacks.digests.Digests",
        "--name=run",
        *corpora(ravdess),
    ]
    bf16 = [*CASES["head_to_all"], "--trainer.precision=bf16-mixed"]
    cases = CASES | {"bf16": bf16}
    arguments = json.dumps({"folder": str(tmp_path), "typed": typed, "cases": cases})
    done = subprocess.run(
        [sys.executable, "-m", "tests.two_process_cases", arguments],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    report = json.loads((tmp_path / "report.json").read_text())
    for name, found in report.items():
        assert found["moved"], name
        assert found["ranks_agree"], name
        # AdamW divides by the gradient's size: where that is as small as its eps, a
        # weight moves by up to lr / eps = 1e6 times the rounding of float64.
        assert found["far"] < (0.2 if name == "bf16" else 1e-6), (name, found)


def test_a_run_goes_on_with_another_number_of_processes(
    tmp_path: Path, ravdess: Path, wav2vec2: Path
) -> None:
    typed = [
        "fit",
        "--config=ravdess_speech_to_song.yaml",
        f"--model.encoder={wav2vec2}",
        "--model.tuning=full",
        "--model.encoder_dropout=false",
        "--model.lr=1e-2",
        "--model.encoder_lr=1e-3",
        f"{SOURCE}.max_epochs=2",
        f"{TARGET}.max_epochs=1",
        f"{TARGET}.start_from=last",  # rounding may choose another best epoch
        "--fad.enabled=false",
        "--figures=false",
        "--save_every_n_steps=1",
        "--trainer.precision=64-true",
        "--trainer.enable_progress_bar=false",
        "--name=run",
        *corpora(ravdess),
    ]
    # Processes before and after; epoch and batch that the run is cut off at.
    moves = [((1, 2), (0, 4)), ((2, 1), (1, 2))]
    arguments = json.dumps({"folder": str(tmp_path), "typed": typed, "moves": moves})
    done = subprocess.run(
        [sys.executable, "-m", "tests.moving", arguments],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    report = json.loads((tmp_path / "report.json").read_text())
    # Epochs of six steps, as 48 clips in batches of eight are.
    assert [move["step"] for move in report] == [4, 6 + 2]
    assert all(move["far"] < 1e-6 for move in report), report
