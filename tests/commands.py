"""Run the command line as a user types it."""

import subprocess
import sys
from pathlib import Path

import pytest

from crossemo.cli import main

CONFIGS = Path(__file__).parents[1] / "configs"


def run(*typed: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in this process; about ten seconds of imports faster than a new one."""
    words = [str(word) for word in typed]
    monkeypatch.setattr(sys, "argv", ["lightning", *words])
    main()


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
