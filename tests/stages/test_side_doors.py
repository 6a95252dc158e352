"""No way round leads weights to a judge that they know, in Python."""

import json
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import torch
from lightning.pytorch.loggers import CSVLogger
from torch.utils.data import ConcatDataset, DataLoader, Subset

from crossemo.callbacks.writers import AdapterWriter
from crossemo.corpora.base import PARTS
from crossemo.data.provenance import LeakError
from crossemo.encoders import EncoderError, load_encoder
from crossemo.stages.stage import Stage
from crossemo.stages.switch import StageSwitch
from tests.data.tones import Tones
from tests.probes.fitting import fit
from tests.stages.side_doors import (
    Choir,
    data_of,
    judge,
    loaded,
    recogniser,
    trained,
    trainer,
)

ITS_OWN, CHOSEN_BY, TRAINED_ON = 0, 1, 3  # folds, by what fold 0 has made of their test


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("songs") / "tones"


@pytest.fixture(scope="module")
def first(root: Path, wav2vec2: Path) -> Path:
    """A checkpoint of fold 0, whose whole encoder was trained."""
    model = recogniser(wav2vec2, tuning="full")
    return trained(model, data_of(root), root.parent / "first.ckpt")


@pytest.mark.parametrize("fold", [CHOSEN_BY, TRAINED_ON])
def test_what_a_loaded_checkpoint_has_seen(first: Path, root: Path, fold: int) -> None:
    with pytest.raises(LeakError, match=f"have seen tones/{fold} and 2 files in train"):
        judge(loaded(first), data_of(root, fold))
    with pytest.raises(LeakError, match="the test part"):
        trainer().predict(loaded(first), data_of(root, fold))


def test_its_own_parts_may_judge(first: Path, root: Path) -> None:
    model = loaded(first)
    judge(model, data_of(root, ITS_OWN))
    trainer().validate(model, data_of(root, ITS_OWN), verbose=False)
    assert not model.mark
    with pytest.raises(LeakError, match=r"tones/4 and 2 files .* the val part"):
        trainer().validate(model, data_of(root, 3), verbose=False)


@pytest.mark.parametrize("wrap", [list, Subset, ConcatDataset], ids=str)
def test_loaders_without_a_datamodule(first: Path, root: Path, wrap: type) -> None:
    dataset = data_of(root).dataset("speech", "train")
    wraps = {list: dataset, Subset: Subset(dataset, [0])}
    joined = wraps.get(wrap) or ConcatDataset([dataset])
    loader = DataLoader(joined, batch_size=None)
    with pytest.raises(LeakError, match="tones/2, tones/3, tones/4, tones/5 and 8"):
        trainer().test(loaded(first), {"one": [loader]}, verbose=False)
    model = recogniser("tiny")
    assert not model.provenance
    data = data_of(root, TRAINED_ON)
    trainer().fit(model, data.loader("speech", "train"), data.loader("speech", "val"))
    with pytest.raises(LeakError, match="have seen tones/2, tones/4, tones/5 and 6"):
        trainer().test(model, DataLoader(dataset, batch_size=None), verbose=False)


@pytest.mark.parametrize(
    ("corpus", "singers"), [(Choir, 5), (Tones, 3)], ids=["other corpus", "fewer"]
)
@pytest.mark.parametrize("by", ["loading", "start_from"])
def test_a_run_between_hides_nothing(
    first: Path, root: Path, tmp_path: Path, corpus: type[Tones], singers: int, by: str
) -> None:
    between = data_of(tmp_path / "tones", 0, corpus, singers)
    path = tmp_path / "second.ckpt"
    if by == "loading":
        second = trained(loaded(first), between, path)
    else:
        switch = StageSwitch({"speech": Stage(1, start_from=str(first))})
        model = recogniser(loaded(first).hparams["encoder"], tuning="full")
        saving = {"callbacks": switch.callbacks(), "default_root_dir": tmp_path}
        second = trained(model, between, path, **saving)
    for fold in (CHOSEN_BY, TRAINED_ON):
        with pytest.raises(LeakError, match=f"have seen tones/{fold} and 2 files"):
            judge(loaded(second), data_of(root, fold))
        switch = StageSwitch({"speech": Stage(1, start_from=str(second))})
        model = recogniser(loaded(first).hparams["encoder"], tuning="full")
        saving = {"callbacks": switch.callbacks(), "default_root_dir": tmp_path}
        with pytest.raises(LeakError, match=f"have seen tones/{fold} and 2 files"):
            trainer(**saving).fit(model, data_of(root, fold))
    judge(loaded(second), data_of(root, ITS_OWN))


def test_a_later_stage_is_refused_before_the_first_is_trained(
    first: Path, root: Path, wav2vec2: Path, tmp_path: Path
) -> None:
    later = Stage(1, data="speech", start_from=str(first))
    switch = StageSwitch({"speech": Stage(1), "later": later})
    saving = {"callbacks": switch.callbacks(), "default_root_dir": tmp_path}
    run = trainer(max_epochs=-1, **saving)
    with pytest.raises(LeakError, match="have seen tones/3"):
        run.fit(recogniser(wav2vec2, tuning="full"), data_of(root, TRAINED_ON))
    assert run.global_step == 0


def test_copies_under_other_names(first: Path, root: Path, tmp_path: Path) -> None:
    copies = tmp_path / "tones"
    copytree(root, copies)
    for fold in (CHOSEN_BY, TRAINED_ON):
        with pytest.raises(LeakError, match="have seen 2 files in training"):
            judge(loaded(first), data_of(copies, fold, Choir))
    judge(loaded(first), data_of(copies, ITS_OWN, Choir))


@pytest.mark.parametrize("way", ["crossemo", "transformers", "twice", "without file"])
def test_an_encoder_saved_from_a_checkpoint(
    first: Path, root: Path, tmp_path: Path, way: str
) -> None:
    encoder, folder = loaded(first).encoder, tmp_path / "encoder"
    if way == "transformers":
        encoder.model.save_pretrained(folder)
    else:
        encoder.save_pretrained(folder)
    if way == "twice":
        load_encoder(str(folder)).save_pretrained(folder)
    if way == "without file":  # of which a copy by hand may lose either
        record = json.loads((folder / "provenance.json").read_text())
        assert len(record["train"]["contents"]) == 8
        (folder / "provenance.json").unlink()
    else:
        assert (folder / "provenance.json").exists() == (way != "transformers")
    model = recogniser(folder)
    for fold in (CHOSEN_BY, TRAINED_ON):
        with pytest.raises(LeakError, match=f"have seen tones/{fold} and 2 files"):
            judge(model, data_of(root, fold))
        with pytest.raises(LeakError, match=f"have seen tones/{fold} and 2 files"):
            trainer().fit(model, data_of(root, fold))
    second = trained(model, data_of(root), tmp_path / "second.ckpt")
    with pytest.raises(LeakError, match="have seen tones/3"):
        judge(loaded(second), data_of(root, TRAINED_ON))


def test_an_encoder_has_seen_what_it_was_trained_on_itself(
    root: Path, wav2vec2: Path, tmp_path: Path
) -> None:
    model = recogniser(wav2vec2)  # frozen
    trained(model, data_of(root), tmp_path / "frozen.ckpt")
    assert model.provenance
    assert not model.encoder.provenance
    model.encoder.save_pretrained(tmp_path / "encoder")
    judge(recogniser(tmp_path / "encoder"), data_of(root, TRAINED_ON))
    with pytest.raises(LeakError, match="tones/3"):
        judge(model, data_of(root, TRAINED_ON))  # without any checkpoint


def test_probes_of_a_trained_encoder(first: Path, root: Path, tmp_path: Path) -> None:
    loaded(first).encoder.save_pretrained(tmp_path)
    with pytest.raises(LeakError, match="the test part holds them"):
        fit(data_of(root), tmp_path)
    probes = fit(data_of(root), tmp_path, folds=[ITS_OWN])
    assert probes.judgements
    assert not probes.mark


def test_every_stage_has_seen_what_it_inherits(root: Path, tmp_path: Path) -> None:
    stages = {
        "speech": Stage(1),
        "more": Stage(1, data="speech"),
        "anew": Stage(1, data="speech", start_from="scratch"),
    }
    switch = StageSwitch(stages)
    saving = {"callbacks": switch.callbacks(), "default_root_dir": tmp_path}
    run = trainer(max_epochs=-1, **saving)
    model = recogniser("tiny")
    run.fit(model, data_of(root))
    names = {"tones/2", "tones/3", "tones/4", "tones/5"}
    for path in switch.best_checkpoints().values():
        provenance = loaded(Path(path)).provenance
        assert provenance.train.groups == names
        assert provenance.val.groups == {"tones/1"}


def test_an_encoder_that_begins_anew_has_seen_less_than_its_head(
    first: Path, wav2vec2: Path, tmp_path: Path
) -> None:
    stages = {
        "speech": Stage(1, start_from=str(first)),
        "anew": Stage(1, data="speech", reset=["encoder"]),
    }
    switch = StageSwitch(stages)
    saving = {"callbacks": switch.callbacks(), "default_root_dir": tmp_path}
    data = data_of(tmp_path / "tones", 0, Choir, 5)
    model = recogniser(wav2vec2, tuning="full")
    trainer(max_epochs=-1, **saving).fit(model, data)
    best = loaded(Path(switch.best_checkpoints()["anew"]))
    of_choir = {"choir/2", "choir/3", "choir/4"}
    assert best.encoder.provenance.train.groups == of_choir
    assert best.provenance.train.groups > {"tones/3", *of_choir}


def test_going_on_forgets_nothing(first: Path, root: Path, tmp_path: Path) -> None:
    steady: dict[str, Any] = {"schedule": "constant", "warmup": 0.0}  # may last longer
    model = loaded(first, **steady)
    data = data_of(tmp_path / "tones", 0, Choir, 5)
    last = trained(model, data, tmp_path / "last.ckpt")
    again = recogniser(model.hparams["encoder"], tuning="full", **steady)
    trainer(max_epochs=2).fit(again, data, ckpt_path=last)
    assert again.provenance == model.provenance
    assert {"tones/3", "choir/3"} <= again.provenance.train.groups
    with pytest.raises(LeakError, match="tones/3"):
        judge(again, data_of(root, TRAINED_ON))


@pytest.mark.parametrize("record", ["groups", "split"])
def test_a_checkpoint_of_before_names_its_groups(
    first: Path, root: Path, tmp_path: Path, record: str
) -> None:
    content = torch.load(first, weights_only=True)
    train = content.pop("provenance")["model"]["train"]["groups"]
    content.pop("split")
    content[record] = dict(zip(PARTS, (train, ["tones/1"], ["tones/0"]), strict=True))
    old = tmp_path / "old.ckpt"
    torch.save(content, old)
    for fold in (CHOSEN_BY, TRAINED_ON):
        with pytest.raises(LeakError, match=f"have seen tones/{fold} in training"):
            judge(loaded(old), data_of(root, fold))
    judge(loaded(old), data_of(root, ITS_OWN))


def test_an_allowed_leak_is_marked_and_stays_with_its_run(
    first: Path, root: Path, tmp_path: Path
) -> None:
    model = loaded(first, allow_leak=True)
    judge(model, data_of(root, TRAINED_ON))
    assert "the weights have seen test clips of tones/3 and 2 files" in str(model.mark)
    logged = trainer()
    logged.test(model, data_of(root, TRAINED_ON), verbose=False)
    assert {name.partition("/")[0] for name in logged.callback_metrics} == {
        "leak_test",
        "leak_test_recall",
    }
    judge(model, data_of(root, ITS_OWN))
    assert not model.mark
    path = trained(model, data_of(root, TRAINED_ON), tmp_path / "allowed.ckpt")
    with pytest.raises(LeakError):
        judge(loaded(path), data_of(root, TRAINED_ON))


def test_a_broken_record_is_no_clean_one(
    first: Path, root: Path, tmp_path: Path
) -> None:
    loaded(first).encoder.save_pretrained(tmp_path)
    (tmp_path / "provenance.json").write_text('{"train": []}')
    with pytest.raises(LeakError, match="is broken: they can't be judged fairly"):
        recogniser(tmp_path)


def test_adapters_say_what_they_have_seen(
    root: Path, wav2vec2: Path, tmp_path: Path
) -> None:
    model = recogniser(wav2vec2, tuning="lora")
    trained(model, data_of(root), tmp_path / "lora.ckpt")
    options = {"callbacks": [AdapterWriter()], "logger": CSVLogger(tmp_path)}
    run = trainer(**options)
    run.test(model, data_of(root), verbose=False)
    folder = Path(str(run.log_dir), "adapters", "test")
    record = json.loads((folder / "provenance.json").read_text())
    assert record == model.provenance.plain()
    with pytest.raises(EncoderError, match="has adapters"):
        model.encoder.save_pretrained(tmp_path / "encoder")
