"""Logs, cache and temporary files on three file systems, one of which fills up."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_interruptions import typed

MOMENTS = int(os.environ.get("CROSSEMO_KILLS", "2"))


@pytest.mark.slow
def test_three_file_systems_one_of_them_full_end_alike(
    tmp_path: Path, ravdess: Path, wav2vec2: Path
) -> None:
    trial = ["unshare", "-Urm", "mount", "-t", "tmpfs", "tmpfs", str(tmp_path)]
    try:
        subprocess.run(trial, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this machine lets no user mount a file system")
    arguments = {
        "folder": str(tmp_path),
        "moments": MOMENTS,
        "typed": [*typed(ravdess, wav2vec2), "--figures=false"],
        "report": str(tmp_path / "report.json"),
    }
    command = ["unshare", "-Urm", sys.executable, "-m", "tests.file_systems"]
    root = Path(__file__).parents[1]
    ended = subprocess.run(
        [*command, json.dumps(arguments)],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    report = json.loads((tmp_path / "report.json").read_text())
    assert [row["differs"] for row in report] == [[]] * len(report), report
    filled = [row for row in report if "full" in row]
    assert len(filled) == len(report) - MOMENTS
    for row in filled:
        if row["full"] == "scratch":  # nothing goes there
            assert row["code"] == 0, row
        else:
            assert row["code"] == 1, row
            assert "make room" in row["text"], row
            assert "Traceback" not in row["text"]
