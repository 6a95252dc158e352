"""A shared model's folder, odd or damaged: finite outputs, or one sentence."""

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import yaml
from numpy.random import Generator

from crossemo.recognizer import EmotionRecognizer
from crossemo.sharing.exporting import digests
from crossemo.sharing.model_facts import FILE
from tests.encoders.tiny import write_tiny
from tests.fuzz.kinds import encoders
from tests.sharing.models import moved, shared

MODELS: dict[str, dict[str, Any]] = {
    "stock": {"tuning": "lora"},
    "own": {"tuning": "houlsby", "pooling": "attentive", "peft": {"size": 4}},
    "values": {"task": "values", "layers": 1, "layer_norm": True},
}


@cache
def home() -> TemporaryDirectory[str]:
    folder = TemporaryDirectory(prefix="fuzz-models-")
    encoder = write_tiny(Path(folder.name, "encoder"), "wav2vec2")
    for name, options in MODELS.items():
        shared(moved(encoder, **options), Path(folder.name, name))
    return folder


def make(rng: Generator, folder: Path) -> Path:
    place = folder / "model"
    shutil.copytree(Path(home().name, sorted(MODELS)[rng.integers(3)]), place)
    damages: list[Callable[[Generator, Path], None]] = [
        *(encoders.FIELDS + encoders.TEXTS + encoders.WEIGHTS + encoders.FOLDERS),
        *[change_fact] * 6,
    ]
    for _ in range(rng.integers(1, 3)):
        damages[rng.integers(len(damages))](rng, place)
    if rng.random() < 0.7:
        seal(place)
    if rng.random() < 0.05:
        encoders.odd_file(rng, place)
    return place


def use(path: Path) -> None:
    try:
        model = EmotionRecognizer.from_pretrained(path)
        rate = model.encoder.sampling_rate
        noise = torch.randn(2, rate, generator=torch.Generator().manual_seed(1))
        with torch.no_grad():
            outputs = model(noise, torch.tensor([rate, model.encoder.min_samples]))
        assert outputs.isfinite().all(), "outputs that aren't finite"
        assert outputs.shape == (2, len(model.classes))
    finally:
        assert not (path / "witness").exists(), "code of a file was run"


def command(path: Path) -> list[str]:
    return ["export", str(path), str(path.with_name("again"))]


def change_fact(rng: Generator, place: Path) -> None:
    """Put an odd value to any place in crossemo.yaml."""
    try:
        content = yaml.safe_load((place / FILE).read_text())
        owner: Any = content
        key: Any = None
        while True:
            names = list(owner) if isinstance(owner, dict) else list(range(len(owner)))
            key = names[rng.integers(len(names))]
            inner = owner[key]
            if not isinstance(inner, dict | list) or not inner or rng.random() < 0.3:
                break
            owner = inner
        owner[key] = encoders.VALUES[rng.integers(len(encoders.VALUES))]
        (place / FILE).write_text(yaml.safe_dump(content))
    except (OSError, ValueError, TypeError, RecursionError, yaml.YAMLError):
        return  # an earlier damage was enough


def seal(place: Path) -> None:
    """Have crossemo.yaml say that all files are as they are now."""
    try:
        content = yaml.safe_load((place / FILE).read_text())
        content["sums"] = {k: v for k, v in digests(place).items() if k != FILE}
        (place / FILE).write_text(yaml.safe_dump(content))
    except (OSError, ValueError, TypeError, RecursionError, yaml.YAMLError):
        return  # an earlier damage was enough
