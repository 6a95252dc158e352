import json
import logging
import multiprocessing
from itertools import chain
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from jsonargparse import ArgumentParser
from lightning import LightningModule, Trainer
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import SequentialSampler

from crossemo import audio
from crossemo.corpora.ravdess import RAVDESS
from crossemo.data.batch import Batch
from crossemo.data.datamodules import (
    CrossDomainDataModule,
    EmotionDataModule,
    MusicEmotionDataModule,
    SpeechEmotionDataModule,
)
from crossemo.data.waveforms import WaveformError
from crossemo.emotions import UnknownEmotionError
from crossemo.errors import CrossEmoError
from crossemo.splits import PARTS, Part, Split, SplitError
from tests.corpora.ravdess_tree import real_ravdess, write_ravdess
from tests.data.gloo import Share, load_in_a_group, module, share
from tests.data.tones import SIX, Tones

QUIET: dict[str, Any] = {
    "accelerator": "cpu",
    "devices": 1,
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
}


class Unfolded(Tones):
    folds = ()


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
        return self.scale * batch.waveforms.mean()

    def validation_step(
        self, batch: Batch, batch_idx: int, dataloader_idx: int
    ) -> None:
        self.note(f"val {dataloader_idx}", batch)

    def test_step(self, batch: Batch, batch_idx: int, dataloader_idx: int) -> None:
        self.note(f"test {dataloader_idx}", batch)

    def predict_step(self, batch: Batch, batch_idx: int, dataloader_idx: int) -> Tensor:
        self.note(f"predict {dataloader_idx}", batch)
        return batch.labels

    def note(self, where: str, batch: Batch) -> None:
        assert isinstance(batch, Batch)
        self.given.setdefault(where, []).append(batch.indices.tolist())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "tones"


def ready(data: EmotionDataModule) -> EmotionDataModule:
    data.prepare_data()
    data.setup()
    return data


def cross(root: Path, **options: Any) -> CrossDomainDataModule:
    corpora = (Tones(root), Tones(root, "song"))
    return CrossDomainDataModule(*corpora, cache_dir=root / "cache", **options)


def groups_in(data: EmotionDataModule, part: Part) -> set[str]:
    datasets = [data.dataset(role, part) for role in data.roles]
    return {clip.group for dataset in datasets for clip in dataset.clips}


def test_parts_share_no_group_in_any_role_and_lose_no_clip(root: Path) -> None:
    for fold in range(6):
        data = ready(cross(root, fold=fold))
        train, val, test = (groups_in(data, part) for part in PARTS)
        assert test == {f"tones/{fold}"}
        assert not train & val
        assert not test & (train | val)
        for role, corpus in data.roles.items():
            parts = [data.dataset(role, part).clips for part in PARTS]
            ids = [clip.id for clip in chain(*parts)]
            assert sorted(ids) == sorted(clip.id for clip in corpus.clips())


def test_labels_are_positions_in_the_classes(root: Path) -> None:
    data = ready(cross(root))
    assert data.classes == SIX
    for role in data.roles:
        dataset = data.dataset(role, "train")
        named = [data.classes[label] for label in dataset.labels]
        assert named == [clip.emotion for clip in dataset.clips]


def test_classes_are_known_before_any_file_is_read(tmp_path: Path) -> None:
    corpus = Tones(tmp_path / "absent")
    data = SpeechEmotionDataModule(corpus, labels="four", neutral_calm="apart")
    assert data.classes == ("angry", "happy", "sad", "neutral", "calm")
    assert corpus.listed == 0


def test_it_works_without_a_trainer(root: Path) -> None:
    corpus = Tones(root)
    data = ready(SpeechEmotionDataModule(corpus, cache_dir=root, batch_size=5))
    batch = next(iter(data.train_dataloader()))
    assert batch.waveforms.shape == (5, batch.lengths.max())
    dataset = data.dataset("speech", "train")
    for row, index in enumerate(batch.indices.tolist()):
        length, clip = int(batch.lengths[row]), dataset.clips[index]
        expected = audio.decode(clip.path, 16_000)
        np.testing.assert_array_equal(batch.waveforms[row, :length], expected)
        assert not batch.waveforms[row, length:].any()
        assert SIX[int(batch.labels[row])] == clip.emotion


def test_corpora_are_listed_and_decoded_once_per_process(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[Path] = []
    decode = audio.decode

    def counting(path: Path, rate: int) -> NDArray[np.float32]:
        decoded.append(path)
        return decode(path, rate)

    monkeypatch.setattr(audio, "decode", counting)
    data = cross(root)
    data.prepare_data()
    data.setup("fit")
    data.setup("test")
    data.prepare_data()
    assert [corpus.listed for corpus in data.roles.values()] == [1, 1]  # type: ignore[attr-defined]
    assert len(decoded) == len(set(decoded)) == 72


def test_the_active_role_trains(root: Path) -> None:
    data = ready(cross(root))
    assert data.active == "source"
    for role in ("source", "target"):
        data.active = role
        assert data.train_dataloader().dataset is data.dataset(role, "train")
    with pytest.raises(CrossEmoError, match="no role 'song': choose source or target"):
        data.active = "song"


def test_judging_loaders_come_in_the_order_of_the_roles(root: Path) -> None:
    data = ready(cross(root))
    for part, loaders in (
        ("val", data.val_dataloader()),
        ("test", data.test_dataloader()),
        ("test", data.predict_dataloader()),
    ):
        expected = [data.dataset(role, part) for role in data.roles]  # type: ignore[arg-type]
        assert [loader.dataset for loader in loaders] == expected


@pytest.mark.parametrize("part", PARTS)
def test_a_loader_gives_every_clip_once(root: Path, part: Part) -> None:
    data = ready(cross(root, batch_size=4))
    batches = list(data.loader("target", part))
    indices = [int(index) for batch in batches for index in batch.indices]
    assert sorted(indices) == list(range(len(data.dataset("target", part))))
    assert all(batch.counted.all() for batch in batches)


def test_class_counts_are_of_the_training_part(root: Path) -> None:
    tested, trained = "speech-0-happy-0", "speech-2-sad-1"
    corpus = Tones(root, takes=2, without=[tested, trained])
    data = ready(SpeechEmotionDataModule(corpus, cache_dir=root))
    assert data.class_counts("speech") == [8, 8, 8, 7, 8, 8]


def test_the_description_is_json_and_complete(root: Path) -> None:
    data = ready(cross(root, fold=4))
    described = data.describe()
    assert json.loads(json.dumps(described)) == described
    assert described["split"] == {
        "scheme": "official",
        "fold": 4,
        "folds": None,
        "seed": None,
        "groups": {
            "train": [f"tones/{n}" for n in range(4)],
            "val": ["tones/5"],
            "test": ["tones/4"],
        },
    }
    assert described["classes"] == list(SIX)
    assert described["labels"] == "shared6"
    assert described["sampling_rate"] == 16_000
    assert described["roles"]["target"] == {
        "corpus": "tones-song",
        "domain": "music",
        "clips": {
            "train": dict.fromkeys(SIX, 4),
            "val": dict.fromkeys(SIX, 1),
            "test": dict.fromkeys(SIX, 1),
        },
        "groups": {"train": 4, "val": 1, "test": 1},
        "skipped": 0,
    }
    dealt = ready(cross(root, split="kfold", folds=3, split_seed=7)).describe()
    assert dealt["split"]["folds"] == 3
    assert dealt["split"]["seed"] == 7
    assert len(dealt["split"]["groups"]["test"]) == 2


def test_a_split_may_be_given(root: Path) -> None:
    split = Split(("tones/5", "tones/1"), ("tones/2",), ("tones/3",))
    data = ready(cross(root, split=split))
    assert data.split is split
    assert groups_in(data, "train") == {"tones/5", "tones/1"}
    assert data.describe()["split"]["scheme"] == "given"
    assert data.describe()["split"]["fold"] is None
    stray = Split(("tones/5",), ("tones/02",), ("tones/3",))
    match = "names tones/02, of which no corpus has a clip.*like tones/0"
    with pytest.raises(SplitError, match=match):
        ready(cross(root, split=stray))


def test_corpora_without_customary_folds_need_another_scheme(root: Path) -> None:
    corpora = (Tones(root), Unfolded(root, "song"))
    data = CrossDomainDataModule(*corpora, cache_dir=root)
    with pytest.raises(SplitError, match="no customary folds: choose kfold"):
        data.prepare_data()
    data = CrossDomainDataModule(*corpora, cache_dir=root, split="leave_one_out")
    assert groups_in(ready(data), "test") == {"tones/0"}


def test_a_split_that_fails_fails_before_decoding(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, rate: int) -> NDArray[np.float32]:
        raise AssertionError("decoded too early")

    monkeypatch.setattr(audio, "decode", refuse)
    with pytest.raises(SplitError, match="Fold 9 holds no clip"):
        cross(root, fold=9).prepare_data()


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
    with pytest.raises(UnknownEmotionError, match="shared6, speech8 or four"):
        MusicEmotionDataModule(song, labels="six")


def test_what_is_not_set_up_says_so(root: Path) -> None:
    data = cross(root)
    with pytest.raises(CrossEmoError, match=r"call prepare_data\(\) and setup\(\)"):
        data.train_dataloader()
    for corpus in data.roles.values():
        corpus.prepare()
    with pytest.raises(WaveformError, match=r"call prepare_data\(\) on this machine"):
        data.setup()


def test_skipped_clips_are_told_once(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    corpus = Tones(root, takes=2)
    corpus.prepare()
    for singer in range(4):
        (root / f"speech-{singer}-calm-0.wav").write_bytes(b"broken")
    data = SpeechEmotionDataModule(corpus, cache_dir=root, fold=4)
    with caplog.at_level(logging.WARNING):
        ready(data)
        data.setup("test")
    (message,) = caplog.messages
    assert message.startswith("In speech tones-speech, 4 of 72 clips can't be used")
    assert message.endswith("and 1 more.")
    assert data.describe()["roles"]["speech"]["skipped"] == 4
    strict = SpeechEmotionDataModule(corpus, cache_dir=root, fold=4, strict=True)
    with pytest.raises(WaveformError, match="4 of 72 clips can't be used"):
        ready(strict)


def test_short_clips_are_left_out_without_another_decoding(root: Path) -> None:
    corpus = Tones(root, takes=2)
    data = ready(SpeechEmotionDataModule(corpus, cache_dir=root / "cache"))
    assert data.describe()["roles"]["speech"]["skipped"] == 0
    lengths = [n for part in PARTS for n in data.dataset("speech", part).lengths]
    shorter = sum(length < 1100 for length in lengths)
    data = SpeechEmotionDataModule(corpus, cache_dir=root / "cache", min_samples=1100)
    assert ready(data).describe()["roles"]["speech"]["skipped"] == shorter > 0
    assert len(list((root / "cache" / "waveforms").iterdir())) == 1


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
    assert (data.batch_size, data.fold, data.strict) == (3, 0, True)
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
