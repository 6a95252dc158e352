import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEMPLATES = ("page.html", "page.css", "page.js", "table.md")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    # No build isolation: the build must not ask a package registry.
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps"]
    command += ["--no-build-isolation", "-w", str(folder), str(ROOT)]
    subprocess.run(command, check=True, cwd=folder)
    (archive,) = folder.glob("*.whl")
    zipfile.ZipFile(archive).extractall(folder / "site")
    return folder / "site"


def test_the_wheel_holds_the_configs_the_citations_and_the_licence(wheel: Path) -> None:
    shipped = wheel / "crossemo" / "configs"
    ours, theirs = (
        {path.relative_to(folder) for path in folder.rglob("*.yaml")}
        for folder in (ROOT / "configs", shipped)
    )
    assert theirs == ours
    templates = [f"crossemo/report/templates/{name}" for name in TEMPLATES]
    for file in ("CITATION.cff", "crossemo/studies/methods.bib", *templates):
        name = file.removeprefix("crossemo/")
        assert (wheel / "crossemo" / name).read_bytes() == (ROOT / file).read_bytes()
    (info,) = wheel.glob("crossemo-*.dist-info")
    assert (info / "licenses" / "LICENSE").is_file()
    commands = (info / "entry_points.txt").read_text()
    assert "lightning = crossemo.cli:main" in commands
    assert "crossemo = crossemo.cli:main" in commands
    assert not (wheel / "tests").exists()


def test_the_wheel_finds_its_own_configs(wheel: Path, tmp_path: Path) -> None:
    printed = subprocess.run(
        [
            *(sys.executable, "-m", "crossemo"),
            *("fit", "--config=demo.yaml", "--print_config"),
        ],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(wheel)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert printed.returncode == 0, printed.stderr
    assert "class_path: crossemo.Demo" in printed.stdout


def test_bounds_come_with_a_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    for name in tomllib.loads(text)["project"]["dependencies"]:
        lines = text.splitlines()
        (number,) = [n for n, line in enumerate(lines) if f'"{name}"' in line]
        assert "#" in lines[number] or lines[number - 1].strip().startswith("#"), name
