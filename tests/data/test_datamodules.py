import multiprocessing
from itertools import chain, product
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
import yaml
from jsonargparse import ArgumentParser
from lightning import LightningModule, Trainer
from torch import Tensor, nn
from torch.utils.data import SequentialSampler

from crossemo.corpora.base import PARTS
from crossemo.corpora.folders import Folders
from crossemo.corpora.ravdess import RAVDESS
from crossemo.data.batch import Batch
from crossemo.data.datamodules import (
    CrossDomainDataModule,
    EmotionDataModule,
    MusicEmotionDataModule,
    SpeechEmotionDataModule,
)
from crossemo.data.splits import Split, SplitError
from crossemo.emotions import UnknownEmotionError
from crossemo.errors import CrossEmoError
from tests.corpora.ravdess_tree import real_ravdess, write_ravdess
from tests.data.gloo import Share, load_in_a_group, module, share
from tests.data.modules import cross, groups_in, ready
from tests.data.tones import Tones

QUIET: dict[str, Any] = {
    "accelerator": "cpu",
    "devices": 1,
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
}


class Listener(LightningModule):
    """Notes which clips it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.given: dict[str, list[list[int]]] = {}

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.1)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        self.note(f"train {self.current_epoch}", batch)
        return self.scale * batch.inputs.mean()

    def validation_step(
        self, batch: Batch, batch_idx: int, dataloader_idx: int
    ) -> None:
        self.note(f"val {dataloader_idx}", batch)

    def test_step(self, batch: Batch, batch_idx: int, dataloader_idx: int) -> None:
        self.note(f"test {dataloader_idx}", batch)

    def predict_step(self, batch: Batch, batch_idx: int, dataloader_idx: int) -> Tensor:
        self.note(f"predict {dataloader_idx}", batch)
        return batch.targets

    def note(self, where: str, batch: Batch) -> None:
        assert isinstance(batch, Batch)
        self.given.setdefault(where, []).append(batch.indices.tolist())


def test_corpora_are_refused_in_the_wrong_place(root: Path) -> None:
    speech, song = Tones(root), Tones(root, "song")
    with pytest.raises(CrossEmoError, match="tones-song is a corpus of music, not of"):
        SpeechEmotionDataModule(song)
    with pytest.raises(CrossEmoError, match="use SpeechEmotionDataModule"):
        MusicEmotionDataModule(speech)
    with pytest.raises(CrossEmoError, match="Source and target are both tones-speech"):
        CrossDomainDataModule(speech, Tones(root))
    with pytest.raises(CrossEmoError, match="a corpus in at least one role"):
        EmotionDataModule({})
    with pytest.raises(UnknownEmotionError, match="shared6, speech8, four or"):
        MusicEmotionDataModule(song, labels="six")


def test_a_trainer_takes_it_as_it_is(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A machine with many cores, where Lightning would ask for workers.
    where = "lightning.pytorch.trainer.connectors.data_connector"
    monkeypatch.setattr(f"{where}.suggested_max_num_workers", lambda devices: 15)
    data, model = cross(root, batch_size=5), Listener()
    trainer = Trainer(max_epochs=2, num_sanity_val_steps=0, **QUIET)
    trainer.fit(model, datamodule=data)
    trainer.test(model, datamodule=data, verbose=False)
    trainer.predict(model, datamodule=data)
    first, second = model.given["train 0"], model.given["train 1"]
    assert sorted(chain(*first)) == sorted(chain(*second)) == list(range(24))
    assert first != second
    for judged in ("test 0", "test 1", "predict 0", "predict 1"):
        assert sorted(chain(*model.given[judged])) == list(range(6))
    assert "source" in str(data.roles)
    assert "size=24" in str(data)


def test_a_trainer_may_overfit(root: Path) -> None:
    data, model = cross(root), Listener()
    trainer = Trainer(max_epochs=1, overfit_batches=2, **QUIET)
    with pytest.warns(UserWarning, match="turning off the .* shuffling"):
        trainer.fit(model, datamodule=data)
    sampler = trainer.train_dataloader.sampler  # type: ignore[union-attr]
    assert isinstance(sampler, SequentialSampler)
    assert model.given["train 0"] == [[0], [1]]


# jsonargparse 4.49 renamed `instantiate_classes`; older ones are supported too.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_yaml_names_class_and_corpora() -> None:
    config = """
    data:
      class_path: CrossDomainDataModule
      init_args:
        source:
          class_path: crossemo.corpora.ravdess.RAVDESS
          init_args: {root: data/ravdess, channel: speech}
        target:
          class_path: tests.data.tones.Tones
          init_args: {root: x, channel: song}
        labels: four
        neutral_calm: drop
        split: {train: [a/1, a/2], val: [a/3], test: [a/4]}
        cache_dir: null
        batch_size: 3
        strict: true
    """
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(EmotionDataModule, "data")
    parsed = parser.parse_object(yaml.safe_load(config))
    data = parser.instantiate_classes(parsed).data
    assert isinstance(data, CrossDomainDataModule)
    assert isinstance(data.roles["source"], RAVDESS)
    assert data.roles["target"].name == "tones-song"
    assert data.classes == ("angry", "happy", "sad", "calm")
    assert data.scheme == Split(("a/1", "a/2"), ("a/3",), ("a/4",))
    assert (data.batch_size, data.strict) == (3, True)
    assert (data.sampling_rate, data.min_samples) == (16_000, 400)


@pytest.mark.slow
def test_processes_of_a_group_share_the_clips(root: Path) -> None:
    root.mkdir()
    context = multiprocessing.get_context("spawn")
    results: Queue[tuple[int, Share]] = context.Queue()
    processes = [
        context.Process(target=load_in_a_group, args=(rank, 2, root, results))
        for rank in range(2)
    ]
    for process in processes:
        process.start()
    shares = dict(results.get(timeout=300) for _ in processes)
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    data = module(root, batch_size=10)
    ready(data)
    trained, ((a, b, c, d, e),), counted = share(data)
    assert counted == [True] * 5
    # 23 clips make batches of 10, 10 and 3, of which two processes share 2.
    assert sorted(len(batch) for batch in trained) == [3, 10, 10]
    for rank in range(2):
        expected = [batch[: len(batch) // 2 * 2][rank::2] for batch in trained]
        assert shares[rank][0] == expected
    assert shares[0][1:] == ([[a, c, e]], [True, True, True])
    assert shares[1][1:] == ([[b, d, e]], [True, True, False])


def test_an_actor_without_song_can_not_be_tested_on_song(tmp_path: Path) -> None:
    root = tmp_path / "ravdess"
    write_ravdess(root, (17, 18, 19), intensities=(1,), statements=(1,), seconds=0.1)
    corpora = (RAVDESS(root, "speech"), RAVDESS(root, "song"))
    cache = tmp_path / "cache"
    data = CrossDomainDataModule(
        *corpora, cache_dir=cache, split="leave_one_out", fold=1
    )
    match = r"test part holds no clip of target ravdess-song \(ravdess/18\)"
    with pytest.raises(SplitError, match=match):
        ready(data)


def test_real_ravdess_keeps_actors_apart(tmp_path: Path) -> None:
    root = real_ravdess()
    corpora = (RAVDESS(root, "speech"), RAVDESS(root, "song"))
    data = ready(CrossDomainDataModule(*corpora, cache_dir=tmp_path))
    clips = {
        part: sum(data.describe()["roles"]["source"]["clips"][part].values())
        for part in PARTS
    }
    assert clips == {"train": 44, "val": 44, "test": 88}
    assert groups_in(data, "test") == {"ravdess/01", "ravdess/20"}


def test_a_recording_in_two_corpora_of_a_role_is_one_unit_and_decoded_once(
    tmp_path: Path,
) -> None:
    random = np.random.default_rng(0)
    for corpus, speaker in product("ab", range(6)):
        for emotion in ("sad", "happy"):
            path = tmp_path / corpus / emotion / f"{corpus}{speaker}" / "clip.wav"
            path.parent.mkdir(parents=True)
            soundfile.write(path, 0.1 * random.standard_normal(2000), 16_000)
    copy = tmp_path / "b" / "sad" / "b0" / "clip.wav"
    copy.write_bytes((tmp_path / "a" / "sad" / "a0" / "clip.wav").read_bytes())
    data = SpeechEmotionDataModule(
        [Folders(tmp_path / "a"), Folders(tmp_path / "b")],
        task={"sad": ["sad"], "happy": ["happy"]},
        split="kfold",
        cache_dir=tmp_path / "cache",
    )
    data.prepare_data()
    data.setup()
    units = {one.clip.id: one.unit for d in data.datasets() for one in d.examples}
    assert len(units) == 24
    assert len(set(units.values())) == 11
    assert units["a/sad/a0/clip.wav"] == units["b/happy/b0/clip.wav"]
    keys = [one.key for d in data.datasets() for one in d.examples]
    assert len(set(keys)) == 23
    for batch in data.loader("speech", "train"):
        assert batch.inputs.shape[1] == 2000
    for dataset in data.datasets():
        assert sorted(set(dataset.corpora)) == ["a", "b"]
