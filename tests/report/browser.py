"""Headless Chromium, where it is installed."""

import os
import shutil
import subprocess
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), "")


def opened(page: Path | str, profile: Path, width: int = 1400, *options: str) -> str:
    """Return a page's elements after its scripts have run."""
    address = page.as_uri() if isinstance(page, Path) else page
    command = [CHROMIUM, "--headless=new", "--disable-gpu", "--no-first-run"]
    command += [f"--user-data-dir={profile}", f"--window-size={width},900"]
    # Chromium's own requests, for updates and the time, stay here as well.
    command += ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    command += ["--no-sandbox"] * (os.geteuid() == 0)  # which root has to
    command += ["--virtual-time-budget=60000", *options, "--dump-dom", address]
    run = subprocess.run(
        command, capture_output=True, text=True, timeout=240, check=True
    )
    return run.stdout
