"""What commands import, each asked in a process of its own."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from crossemo.commands import imports

REPORT = """
import sys
from crossemo.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
print("LOADED", *sys.modules)
{then}
"""
HEAVY = {"torch", "lightning", "transformers", "numpy", "jsonargparse", "matplotlib"}
UNUSED = {
    "datasets",
    "peft",
    "scipy",
    "sklearn",
    "tensorboard",
    "torchvision",
    "transformers.models.bert",
    "transformers.models.vit",
}


def loaded(*typed: str, cwd: Path, then: str = "") -> set[str]:
    """Return the modules that a command has loaded."""
    code = REPORT.format(then=then)
    done = subprocess.run(
        [sys.executable, "-c", code, *typed], cwd=cwd, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (modules,) = [line for line in done.stdout.splitlines() if line[:6] == "LOADED"]
    return set(modules.split())


@pytest.mark.parametrize("typed", [[], ["--help"], ["--version"], ["cache"], ["cahce"]])
def test_what_is_soon_said_waits_for_nothing(typed: list[str], tmp_path: Path) -> None:
    modules = loaded(*typed, cwd=tmp_path)
    assert "crossemo.cli" in modules
    assert not modules & HEAVY


def test_a_config_is_shown_without_an_encoder(tmp_path: Path) -> None:
    typed = ["fit", "--config=demo.yaml", "--print_config"]
    modules = loaded(*typed, cwd=tmp_path)
    assert "lightning.pytorch" in modules
    assert not modules & (UNUSED | {"transformers", "matplotlib", "torchaudio"})


@pytest.mark.slow
def test_a_fit_loads_what_it_uses(tmp_path: Path) -> None:
    typed = ["fit", "--config=demo.yaml", "--trainer.fast_dev_run=true"]
    typed += ["--data.source.takes=1", "--data.target.takes=1", "--fad.enabled=false"]
    # What was left out of torchmetrics is there for whoever asks for it afterwards.
    then = """
import scipy.signal, matplotlib.pyplot
from transformers import Wav2Vec2Model
from transformers.utils import is_scipy_available
from lightning_utilities.core.imports import package_available
assert is_scipy_available() and package_available("scipy")
assert scipy.signal.windows.hamming(3).max() == 1
"""
    modules = loaded(*typed, cwd=tmp_path, then=then)
    assert "transformers.models.wav2vec2.modeling_wav2vec2" in modules
    used = {"scipy"}  # fits the temperature
    assert sorted(modules & (UNUSED - used)) == []


def test_a_library_that_needs_its_extras_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stubborn.py").write_text(
        "import colorsys\nCOLOURS = colorsys.__name__\n"
    )
    (tmp_path / "yielding.py").write_text(
        "from importlib.metadata import PackageNotFoundError, version\n"
        "from importlib.util import find_spec\n"
        "try:\n    NUMBER = version('peft')\n"
        "except PackageNotFoundError:\n    NUMBER = None\n"
        "SPEC = find_spec('colorsys')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("colorsys", "peft"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    extras = {"stubborn": ("colorsys",), "yielding": ("colorsys", "peft")}
    monkeypatch.setattr(imports, "EXTRAS", extras)
    monkeypatch.setattr(sys, "meta_path", [imports._Finder(), *sys.meta_path])
    yielding = import_module("yielding")
    assert (yielding.SPEC, yielding.NUMBER) == (None, None)
    assert import_module("stubborn").COLOURS == "colorsys"
    for name in extras:
        monkeypatch.delitem(sys.modules, name)
