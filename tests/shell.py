"""Run the command line as a user types it."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from crossemo.cli import main

CONFIGS = Path(__file__).parents[1] / "configs"


def run(*typed: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in this process; about ten seconds of imports faster than a new one."""
    words = [str(word) for word in typed]
    monkeypatch.setattr(sys, "argv", ["lightning", *words])
    main()


def status(words: Sequence[object], monkeypatch: pytest.MonkeyPatch) -> object:
    """Return what a command exits with, run in this process."""
    try:
        run(*words, monkeypatch=monkeypatch)
    except SystemExit as ended:
        return ended.code
    return 0


def run_alone(*typed: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run in a process of its own."""
    command = [sys.executable, "-m", "crossemo", *map(str, typed)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def corpora(root: Path) -> list[str]:
    """Return what points a RAVDESS config to a made-up tree, in three parts."""
    return [
        f"--data.source.init_args.root={root}",
        f"--data.target.init_args.root={root}",
        "--data.split=leave_one_out",
    ]


def briefly(
    encoder: Path, *configs: str | Path, stages: Sequence[str] = ("source", "target")
) -> list[str]:
    """Return what makes the stages of some configs one epoch each."""
    return [
        *(f"--config={config}" for config in configs),
        f"--model.encoder={encoder}",
        *(f"--stages.{stage}.max_epochs=1" for stage in stages),
        "--figures=false",
        "--trainer.enable_progress_bar=false",
    ]


def quick(config: str, ravdess: Path, encoder: Path) -> list[str]:
    """Return what runs a config on little data."""
    typed = briefly(encoder, config)
    if config.startswith("ravdess"):
        return typed + corpora(ravdess)
    return [*typed, "--data.source.takes=1", "--data.target.takes=1"]


def results(folder: Path) -> Any:
    """Return the content of a run's results.json."""
    return json.loads((folder / "results.json").read_text())
