from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import LightningModule, Trainer
from lightning.fabric.plugins.io import torch_io
from lightning.pytorch.callbacks import ModelCheckpoint

from crossemo.data.datamodules import CrossDomainDataModule, SpeechEmotionDataModule
from crossemo.errors import CrossEmoError
from crossemo.probes import LayerwiseProbes
from crossemo.recognizer import EmotionRecognizer
from crossemo.stages.stage import Stage
from crossemo.stages.switch import StageSwitch
from tests.callbacks.keep import KeepAll
from tests.runs.damage import NOT_WHOLE, OTHERS, damage
from tests.stages.test_going_on import data_of
from tests.stages.test_switch import QUIET

STAGES = {"source": Stage(1), "target": Stage(1)}


def recogniser(**options: Any) -> EmotionRecognizer:
    torch.manual_seed(0)
    return EmotionRecognizer("tiny", classes=data_of().classes, **options)


def trainer(folder: Path, *callbacks: Any, **options: Any) -> Trainer:
    usual = QUIET | {"limit_train_batches": 1, "limit_val_batches": 1, "max_epochs": -1}
    return Trainer(
        logger=False,
        default_root_dir=folder,
        callbacks=[*callbacks],
        **usual | options,
    )


def staged(folder: Path, stages: dict[str, Stage] = STAGES) -> Trainer:
    return trainer(folder, KeepAll(folder), *StageSwitch(stages).callbacks())


@pytest.fixture(scope="module")
def data() -> CrossDomainDataModule:
    return data_of()


@pytest.fixture(scope="module")
def first(
    tmp_path_factory: pytest.TempPathFactory, data: CrossDomainDataModule
) -> Path:
    """The checkpoint of a first stage's end."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch_io, "_atomic_save", lightnings_own)
        staged(folder).fit(recogniser(), data)
    return folder / "epoch=0.ckpt"


def lightnings_own(*_: object) -> None:
    raise AssertionError("written by way of $TMPDIR")


@pytest.mark.parametrize("kind", ["recogniser", "probes"])
def test_a_plain_trainer_writes_them_whole(
    tmp_path: Path,
    data: CrossDomainDataModule,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    monkeypatch.setattr(torch_io, "_atomic_save", lightnings_own)
    run = trainer(tmp_path, ModelCheckpoint(tmp_path, save_last=True), max_epochs=1)
    if kind == "probes":
        speech = SpeechEmotionDataModule(data.roles["source"])
        probes = LayerwiseProbes("tiny", references=[], shuffles=0, layers=[0])
        run.fit(probes.on(speech))
    else:
        run.fit(recogniser(), data)
    run.save_checkpoint(tmp_path / "by_hand.ckpt")
    assert {"by_hand.ckpt", "last.ckpt"} < {path.name for path in tmp_path.iterdir()}


def load(path: Path, data: CrossDomainDataModule) -> None:
    EmotionRecognizer.load_from_checkpoint(path, weights_only=False)


def go_on(path: Path, data: CrossDomainDataModule) -> None:
    staged(path.parent).fit(recogniser(), data, ckpt_path=path, weights_only=False)


def judge(path: Path, data: CrossDomainDataModule) -> None:
    for name in ("validate", "test", "predict"):
        run = getattr(trainer(path.parent, max_epochs=1), name)
        run(recogniser(), datamodule=data, ckpt_path=path, weights_only=False)


def start(path: Path, data: CrossDomainDataModule) -> None:
    stages = {"source": Stage(1, start_from=str(path))}
    staged(path.parent, stages).fit(recogniser(), data)


@pytest.mark.parametrize("kind", [*NOT_WHOLE, *OTHERS])
@pytest.mark.parametrize("use", [load, go_on, judge, start])
def test_nothing_else_is_loaded(
    first: Path,
    tmp_path: Path,
    data: CrossDomainDataModule,
    use: Callable[[Path, CrossDomainDataModule], None],
    kind: str,
) -> None:
    path = damage(tmp_path / "bad.ckpt", first, kind, tmp_path / "witness")
    with pytest.raises(CrossEmoError, match=r"bad\.ckpt.*\.$") as refusal:
        use(path, data)
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "witness").exists()


def test_altered_ones_are_loaded_but_no_run_goes_on(
    first: Path, tmp_path: Path, data: CrossDomainDataModule
) -> None:
    stored = torch.load(first, weights_only=True)
    stored["loops"]["test_loop"] = stored["callbacks"]["StageSwitch"] = "no state"
    stored["CrossDomainDataModule"] = 5
    path = tmp_path / "bad.ckpt"
    torch.save(stored, path)
    with pytest.raises(CrossEmoError, match=r"bad\.ckpt was altered since"):
        go_on(path, data)
    for use in (load, judge, start):
        use(path, data)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(
    first: Path, tmp_path: Path, data: CrossDomainDataModule, value: float
) -> None:
    stored = torch.load(first, weights_only=True)
    stored["state_dict"]["head.classifier.bias"][1] = value
    torch.save(stored, tmp_path / "bad.ckpt")
    for use in (load, judge, start):
        with pytest.raises(CrossEmoError, match=r"bad\.ckpt are no numbers any more"):
            use(tmp_path / "bad.ckpt", data)
    later = STAGES | {"target": Stage(1, start_from=str(tmp_path / "bad.ckpt"))}
    with pytest.raises(CrossEmoError, match="are no numbers any more"):
        staged(tmp_path, later).fit(recogniser(), data)
    assert not list(tmp_path.glob("epoch=*")), "nothing is trained before"


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        ("hyper_parameters", "encoder", 5),
        ("hyper_parameters", "classes", 3),
        ("hyper_parameters", "lr", "0.1"),
        ("hyper_parameters", "dropout", None),
        ("hyper_parameters", "pooling", "median"),
        ("hyper_parameters", "extra", 1),
        ("hyper_parameters", "layer_norm", ...),
        ("encoder", "name", ...),
        ("encoder", "classes", 3),
        ("encoder", "classes", ["a", "b"]),
        ("encoder", "adapters", {"names": 3}),
        ("state_dict", "head.classifier.bias", ...),
        ("state_dict", "head.classifier.bias", 0.5),
        ("state_dict", "head.classifier.bias", torch.zeros(6, dtype=torch.int64)),
        ("state_dict", "head.classifier.bias", torch.zeros(6).to_sparse()),
        ("state_dict", "extra", torch.zeros(6)),
        ("provenance", "model", {"train": {"groups": "abc", "contents": []}}),
        ("split", "train", [1]),
        ("split", "train", ...),
    ],
    ids=str,
)
def test_what_is_altered_within_is_refused(
    first: Path, tmp_path: Path, section: str, name: str, value: Any
) -> None:
    stored = torch.load(first, weights_only=True)
    if value is ...:
        del stored[section][name]
    else:
        stored[section][name] = value
    torch.save(stored, tmp_path / "bad.ckpt")
    with pytest.raises(CrossEmoError, match=r"bad\.ckpt.*\.$"):
        EmotionRecognizer.load_from_checkpoint(tmp_path / "bad.ckpt")


def test_settings_can_be_replaced(first: Path) -> None:
    model = EmotionRecognizer.load_from_checkpoint(first, lr=0.5, map_location="cpu")
    assert model.hparams["lr"] == 0.5
    with pytest.raises(CrossEmoError, match="leave hparams_file out"):
        EmotionRecognizer.load_from_checkpoint(first, hparams_file="hparams.yaml")


def test_another_module_s_checkpoint_is_refused(tmp_path: Path) -> None:
    other = LightningModule()
    run = trainer(tmp_path, max_epochs=1)
    run.strategy.connect(other)
    run.save_checkpoint(tmp_path / "bad.ckpt")
    with pytest.raises(CrossEmoError, match=r"bad\.ckpt"):
        EmotionRecognizer.load_from_checkpoint(tmp_path / "bad.ckpt")


def test_probes_are_not_loaded_without_their_data(tmp_path: Path) -> None:
    with pytest.raises(CrossEmoError, match="made of their data"):
        LayerwiseProbes.load_from_checkpoint(tmp_path / "last.ckpt")
