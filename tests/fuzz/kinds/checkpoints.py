"""Checkpoints: damaged bytes, altered content, and other files under their name."""

import gzip
import json
import math
import os
import shutil
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import torch
from lightning import LightningModule, Trainer
from safetensors.torch import save_file
from torch import nn

from crossemo.data.datamodules import CrossDomainDataModule
from crossemo.errors import CrossEmoError
from crossemo.recognizer import EmotionRecognizer
from crossemo.runs import find_checkpoint
from crossemo.runs.checkpoint_files import CheckpointFiles
from crossemo.stages.stage import Stage
from crossemo.stages.switch import StageSwitch
from tests.callbacks.keep import KeepAll
from tests.runs.damage import Intruder
from tests.stages.test_going_on import data_of
from tests.stages.test_switch import QUIET

Make = Callable[[np.random.Generator, Path], None]
LAST = Path("version_1", "checkpoints", "last.ckpt")


def make(rng: np.random.Generator, folder: Path) -> Path:
    """Leave a run's `last.ckpt`; one of `go_on` is tried by a training too."""
    name = "go_on" if rng.random() < 0.03 else "load"
    path = folder / name / LAST
    path.parent.mkdir(parents=True)
    kinds: list[Make] = [_damaged, _altered, _other, _unharmed]
    rng.choice(np.array(kinds), p=[0.3, 0.45, 0.15, 0.1])(rng, path)
    return path


def use(path: Path) -> None:
    ways = [_load, _put_back, _find]
    if path.is_relative_to(path.parents[3] / "go_on"):
        ways.append(_go_on)
    refusals = []
    for way in ways:
        try:
            way(path)
        except CrossEmoError as error:
            refusals.append(error)
    assert all("last.ckpt" in str(error) for error in refusals), refusals
    assert not list(path.parents[3].glob("**/witness"))
    if refusals:
        raise refusals[0]


def command(path: Path) -> list[str]:
    typed = ["demo.yaml", "--fad.enabled=false", "--model.encoder=tiny"]
    return ["test", "--config", *typed, f"--ckpt_path={path}"]


@cache
def whole() -> Path:
    """Train for one batch of each of two stages; return the first one's checkpoint."""
    folder = Path(mkdtemp(prefix="fuzz-checkpoint-"))
    _trainer(folder, KeepAll(folder)).fit(_model(), _data())
    return folder / "epoch=0.ckpt"


@cache
def _data() -> CrossDomainDataModule:
    return data_of()


def _model() -> EmotionRecognizer:
    torch.manual_seed(0)
    return EmotionRecognizer("tiny", classes=_data().classes, dropout=0.1)


def _trainer(folder: Path, *callbacks: Any) -> Trainer:
    options = QUIET | {"limit_train_batches": 1, "limit_val_batches": 1}
    switch = StageSwitch({"source": Stage(1), "target": Stage(1)})
    return Trainer(
        logger=False,
        default_root_dir=folder,
        callbacks=[*callbacks, *switch.callbacks()],
        **options | {"max_epochs": -1},
    )


def _stored() -> dict[str, Any]:
    content: dict[str, Any] = torch.load(whole(), weights_only=True)
    return content


def _damaged(rng: np.random.Generator, path: Path) -> None:
    content = bytearray(whole().read_bytes())
    match rng.integers(6):
        case 0:
            for place in rng.integers(len(content), size=rng.integers(1, 9)):
                content[place] ^= 1 << int(rng.integers(8))
        case 1:
            del content[rng.integers(len(content)) :]
        case 2:
            start = rng.integers(len(content))
            del content[start : start + rng.integers(1, 5000)]
        case 3:
            start, size = rng.integers(len(content)), int(rng.integers(1, 5000))
            content[start : start + size] = bytes(size)
        case 4:
            content += rng.bytes(int(rng.integers(1, 5000)))
        case 5:  # where the table of contents lies
            place = len(content) - rng.integers(1, 3000)
            content[place] = rng.integers(256)
    path.write_bytes(content)


def _altered(rng: np.random.Generator, path: Path) -> None:
    content = _stored()
    for _ in range(rng.integers(1, 4)):
        owner, key = _place(rng, content)
        value = _odd(rng, path)
        match rng.integers(4):
            case 0:
                del owner[key]
            case 1:
                owner[key] = value
            case 2 if isinstance(owner, dict):
                owner[f"{key}x" if rng.random() < 0.5 else 3] = owner.pop(key)
            case 2:
                owner.append(value)
            case 3:
                weights = content.get("state_dict")
                if isinstance(weights, dict) and weights:
                    weights[list(weights)[rng.integers(len(weights))]] = value
    torch.save(content, path)


def _odd(rng: np.random.Generator, path: Path) -> Any:
    values: list[Any] = [
        *(None, True, 0, -1, 3.5, math.nan, 10**30, "", "x", b"x", [], {}, ()),
        *([1], ["a"], {"a": 1}, {3: 4}, "../..", "\x00", "9" * 1000, {"train": "abc"}),
        *(torch.zeros(()), torch.zeros(0), torch.full((3,), math.nan), torch.zeros(6)),
        *(torch.zeros(6, dtype=torch.long), torch.zeros(6, dtype=torch.complex64)),
        *(torch.zeros(6).to_sparse(), torch.zeros(1).expand(10**12)),
        *(
            torch.zeros(6, device="meta"),
            torch.quantize_per_tensor(torch.zeros(6), 1, 0, torch.qint8),
        ),
        Intruder(path.parent / "witness"),
    ]
    return values[rng.integers(len(values))]


def _place(rng: np.random.Generator, owner: Any) -> tuple[Any, Any]:
    """Return a dict or list somewhere in a nested content, and a key of it."""
    while True:
        keys = list(owner) if isinstance(owner, dict) else range(len(owner))
        key = keys[rng.integers(len(keys))]
        below = owner[key]
        if not isinstance(below, dict | list) or not below or rng.random() < 0.3:
            return owner, key
        owner = below


def _other(rng: np.random.Generator, path: Path) -> None:
    stored = _stored()
    match rng.integers(17):
        case 0:
            path.write_bytes(b"")
        case 1:
            path.write_bytes(rng.bytes(int(rng.integers(1, 5000))))
        case 2:
            path.write_text("hello\n" * int(rng.integers(1, 100)))
        case 3:
            path.mkdir()
        case 4:
            os.mkfifo(path)
        case 5:
            path.symlink_to(path)
        case 6:
            path.write_bytes(gzip.compress(whole().read_bytes()))
        case 7:
            path.write_text(json.dumps({"state_dict": [1]}))
        case 8:
            save_file(nn.Linear(2, 3).state_dict(), path)
        case 9:
            torch.save(nn.Linear(2, 3).state_dict(), path)
        case 10:
            torch.save(nn.Linear(2, 3), path)
        case 11:
            torch.save(stored, path, _use_new_zipfile_serialization=False)
        case 12:
            torch.save([stored], path)
        case 13:
            np.savez(path.with_suffix(".npz"), a=np.zeros(3))
            path.with_suffix(".npz").rename(path)
        case 14:
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("archive/data.pkl", b"cos\nsystem\n(S'true'\ntR.")
        case 15:
            with zipfile.ZipFile(whole()) as old, zipfile.ZipFile(path, "w") as new:
                for one in old.infolist():
                    packed = zipfile.ZIP_DEFLATED
                    new.writestr(one.filename, old.read(one), packed)
        case 16:
            other = LightningModule()
            run = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
            run.strategy.connect(other)
            run.save_checkpoint(path)


def _unharmed(rng: np.random.Generator, path: Path) -> None:
    if rng.random() < 0.5:
        shutil.copy(whole(), path)
    else:
        torch.save(_stored(), path)


def _load(path: Path) -> None:
    _check(EmotionRecognizer.load_from_checkpoint(path), path)


def _put_back(path: Path) -> None:
    model = _model()
    stored = CheckpointFiles().load_checkpoint(path, weights_only=False)
    model.on_load_checkpoint(stored)
    model.load_state_dict(stored["state_dict"])
    _check(model, path)


def _find(path: Path) -> None:
    before = path.parents[2] / "version_0" / "checkpoints" / "last.ckpt"
    if not before.exists():
        before.parent.mkdir(parents=True)
        shutil.copy(whole(), before)
    place = find_checkpoint("last", path.parents[2])
    assert place in (str(path), str(before))


def _go_on(path: Path) -> None:
    run = _trainer(path.parents[2])
    run.fit(_model(), _data(), ckpt_path=path, weights_only=False)
    assert run.current_epoch == 2


def _check(model: EmotionRecognizer, path: Path) -> None:
    expected = _stored()
    weights = model.state_dict()
    assert model.classes == tuple(expected["encoder"]["classes"])
    assert weights.keys() == expected["state_dict"].keys()
    for name, value in expected["state_dict"].items():
        assert torch.equal(weights[name], value), name
