"""A datamodule whose task is of values."""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from crossemo.corpora.base import Clip
from crossemo.data.clip_tables import prediction_rows, split_rows
from crossemo.data.datamodule import EmotionDataModule
from crossemo.data.datamodules import MusicEmotionDataModule
from crossemo.data.samplers import LengthBucketSampler, train_batches
from crossemo.data.splits import SplitError
from crossemo.errors import CrossEmoError
from crossemo.tasks.classes import Classes
from crossemo.tasks.values import Values
from tests.data.modules import ready
from tests.data.valued import Valued


class Rated(Valued):
    """Corpora of other ratings, by what becomes of each clip."""

    change: Callable[[Clip], Clip]

    def clips(self) -> list[Clip]:
        return [self.change(clip) for clip in super().clips()]


def rated(root: Path, change: Callable[[Clip], Clip]) -> Rated:
    corpus = Rated(root)
    corpus.change = change
    return corpus


def music(root: Path, corpus: Valued | None = None, **options: Any) -> Any:
    settings = {"task": "valence_arousal", "split": "kfold", "folds": 3} | options
    return MusicEmotionDataModule(
        corpus or Valued(root / "music"), cache_dir=root / "cache", **settings
    )


def test_a_batch_holds_the_values_of_its_clips(tmp_path: Path) -> None:
    data = ready(music(tmp_path))
    assert (data.classes, data.task_kind) == (("valence", "arousal"), "values")
    batch = next(iter(data.train_dataloader()))
    assert batch.targets.dtype == torch.float32
    clips = data.dataset("music", "train").clips
    for place, target in zip(batch.indices.tolist(), batch.targets, strict=True):
        clip = clips[place]  # rated from 0 to 1
        expected = [2 * float(str(v)) - 1 for v in (clip.valence, clip.arousal)]
        assert target.tolist() == pytest.approx(expected)
    facts = data.describe()
    assert facts["roles"]["music"]["clips"]["test"] == 16
    scale = {"low": 0, "high": 1, "middle": 0.5}
    assert facts["roles"]["music"]["scales"] == {"valued-music": scale}
    assert facts["values"]["outputs"] == ["valence", "arousal"]
    assert data.class_counts(["music"]) == []


def test_tables_have_both_scales(tmp_path: Path) -> None:
    speech = Valued(tmp_path / "speech", "speech")
    roles: Any = {"both": [speech], "music": [Valued(tmp_path / "music")]}
    options: Any = {"task": "valence_arousal", "split": "kfold", "folds": 3}
    data = ready(EmotionDataModule(roles, cache_dir=tmp_path / "cache", **options))
    said = torch.tensor([[0.5, -1.5]])
    (row,) = prediction_rows(data, "both", [2], said)
    clip = data.dataset("both", "test").clips[2]
    assert (row["valence_published"], row["valence_predicted_published"]) == (
        clip.valence,
        7,
    )
    assert row["valence_true"] == pytest.approx((float(str(clip.valence)) - 5) / 4)
    assert (row["arousal_predicted"], row["arousal_predicted_published"]) == (-1.5, -1)
    assert row["scale"] == "1 to 9 about 5"
    of_clip = next(r for r in split_rows(data) if r["clip"] == clip.id)
    assert (of_clip["valence"], of_clip["arousal"]) == (clip.valence, clip.arousal)


def test_labels_is_the_former_name_of_task(tmp_path: Path) -> None:
    four, named = music(tmp_path, task="four"), music(tmp_path, task="shared6")
    alias = music(tmp_path, task="shared6", labels="four")
    assert alias.classes == four.classes != named.classes
    assert alias.settings == four.settings
    positional = EmotionDataModule({"music": Valued(tmp_path)}, "four")
    assert positional.classes == four.classes
    task = Classes("quadrants", margin=0.2)
    given = music(tmp_path, task=task)
    assert given.task is task
    assert given.settings["task"]["margin"] == 0.2
    assert (
        music(tmp_path, task=Values(loss="mse")).settings
        != music(tmp_path, task=Values()).settings
    )
    with pytest.raises(CrossEmoError, match="give task alone"):
        music(tmp_path, task="valence_arousal", labels="four")


def test_a_part_where_nothing_differs_is_refused(tmp_path: Path) -> None:
    same = rated(tmp_path / "music", lambda clip: replace(clip, arousal=0.25))
    with pytest.raises(SplitError, match="have the same arousal") as error:
        ready(music(tmp_path, same))
    assert "In the train part, all clips of music valued-music" in str(error.value)


def test_a_corpus_without_values_is_refused(tmp_path: Path) -> None:
    bare = rated(tmp_path / "music", lambda clip: replace(clip, valence=None))
    with pytest.raises(SplitError, match="no clip with valence and arousal on a scale"):
        ready(music(tmp_path, bare))
    data = ready(music(tmp_path, bare, task=Values(["arousal"])))
    assert data.classes == ("arousal",)


@pytest.mark.parametrize(("clips", "world"), [(23, 1), (19, 2), (24, 1), (40, 2)])
def test_a_small_rest_is_left_out_of_its_epoch_alone(clips: int, world: int) -> None:
    lengths = np.random.default_rng(0).integers(1, 100, clips).tolist()
    rest = clips % 16
    whole, shared = clips - rest, 0 if rest < 8 else rest - rest % world
    seen: set[int] = set()
    counts = set()
    for epoch in range(30):
        batches = train_batches(lengths, 16 // world, world, epoch=epoch, least=8)
        assert min(map(len, batches)) >= 8
        once = [clip for batch in batches for clip in batch]
        assert len(once) == len(set(once)) == whole + shared
        seen |= set(once)
        counts.add(len(batches))
    assert seen == set(range(clips))
    assert len(counts) == 1


def test_batches_that_are_too_small_are_refused(tmp_path: Path) -> None:
    data = ready(music(tmp_path, batch_size=7))
    with pytest.raises(CrossEmoError, match="8 clips or more, and batches of 7"):
        data.train_dataloader()
    assert next(iter(data.loader("music", "test"))).targets.shape == (7, 2)
    mse = ready(music(tmp_path, batch_size=3, task=Values(loss="mse")))
    assert len(next(iter(mse.train_dataloader())).targets) == 3
    dataset = data.dataset("music", "train")
    shared = LengthBucketSampler(dataset, 7, True, world=2, rank=0, least=8)
    assert {len(batch) for batch in shared} <= {7, 4, 5, 6}
    seconds = ready(music(tmp_path, batch_seconds=1.0))  # five of 0.2 s
    with pytest.raises(
        CrossEmoError, match=r"larger data.batch_size or data.batch_sec"
    ):
        seconds.batches_per_epoch(["music"])


def test_folds_have_clips_on_both_sides_of_the_middle(tmp_path: Path) -> None:
    def by_singer(clip: Clip) -> Clip:
        high = int(clip.groups[0][-1]) < 3
        jitter = int(clip.id.split("/")[1]) / 1000
        valence, arousal = (0.8, 0.7) if high else (0.2, 0.4)
        return replace(clip, valence=valence + jitter, arousal=arousal + jitter)

    corpus = rated(tmp_path / "music", by_singer)
    for seed in range(8):
        data = ready(music(tmp_path, corpus, split_seed=seed))
        for part in ("train", "val", "test"):
            targets = torch.tensor(data.dataset("music", part).targets)
            assert 0 < (targets[:, 0] > 0).float().mean() < 1, (seed, part)


def test_balancing_classes_of_values_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        data = ready(music(tmp_path, balance="classes"))
        with pytest.raises(CrossEmoError, match="values have no classes"):
            data.train_dataloader()
