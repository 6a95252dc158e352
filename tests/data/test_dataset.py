from pathlib import Path

import numpy as np
import pytest
import torch

from crossemo.corpora.base import Clip
from crossemo.data.dataset import ClipDataset, SplitCorpus
from crossemo.data.splits import Split, SplitError
from crossemo.data.waveforms import WaveformError, WaveformStore
from crossemo.emotions import label_space
from tests.data.tones import RATE, SIX, Tones, tone, tone_clip, write_tone

LENGTHS = (700, 1200, 500)
SPLIT = Split(train=("tones/0", "tones/1"), val=("tones/2",), test=("tones/3",))


@pytest.fixture
def dataset(tmp_path: Path) -> ClipDataset:
    paths = [tmp_path / f"speech-0-happy-{n}.wav" for n in range(3)]
    for seed, (path, length) in enumerate(zip(paths, LENGTHS, strict=True)):
        write_tone(path, tone(length, seed))
    clips = [tone_clip(path) for path in paths]
    store = WaveformStore.prepare(clips, RATE, tmp_path / "cache")
    return ClipDataset(clips, [4, 0, 2], store)


def listed(corpus: Tones, cache: Path) -> tuple[list[Clip], WaveformStore]:
    corpus.prepare()
    clips = corpus.clips()
    return clips, WaveformStore.prepare(clips, RATE, cache)


def test_a_batch_is_padded_with_zeros_on_the_right(dataset: ClipDataset) -> None:
    batch = dataset[[2, 1]]
    assert batch.waveforms.shape == (2, 1200)
    assert batch.waveforms.dtype == torch.float32
    np.testing.assert_array_equal(batch.waveforms[0, :500], tone(500, 2))
    np.testing.assert_array_equal(batch.waveforms[0, 500:], np.zeros(700))
    np.testing.assert_array_equal(batch.waveforms[1], tone(1200, 1))
    assert batch.lengths.tolist() == [500, 1200]
    assert batch.labels.tolist() == [2, 0]
    assert batch.indices.tolist() == [2, 1]
    assert batch.counted.tolist() == [True, True]
    integers = (batch.lengths, batch.labels, batch.indices)
    assert {tensor.dtype for tensor in integers} == {torch.int64}
    assert batch.counted.dtype == torch.bool


def test_indices_beyond_the_last_are_repeats(dataset: ClipDataset) -> None:
    batch = dataset[[0, 2 + 3, 1 + 2 * 3]]
    assert batch.indices.tolist() == [0, 2, 1]
    assert batch.lengths.tolist() == [700, 500, 1200]
    assert batch.counted.tolist() == [True, False, False]


def test_one_index_gives_a_batch_of_one(dataset: ClipDataset) -> None:
    batch = dataset[1]
    np.testing.assert_array_equal(batch.waveforms, tone(1200, 1)[None])
    assert batch.labels.tolist() == [0]


def test_a_dataset_lists_what_it_holds(dataset: ClipDataset) -> None:
    assert len(dataset) == 3
    assert dataset.labels == [4, 0, 2]
    assert dataset.lengths == [700, 1200, 500]
    assert [clip.emotion for clip in dataset.clips] == ["happy"] * 3


def test_parts_hold_their_groups_and_their_labels(tmp_path: Path) -> None:
    clips, store = listed(Tones(tmp_path / "tones"), tmp_path)
    data = SplitCorpus("tones", clips, store, label_space("shared6"), SPLIT)
    groups = {part: {c.group for c in data.parts[part].clips} for part in data.parts}
    assert groups == {
        "train": {"tones/0", "tones/1"},
        "val": {"tones/2"},
        "test": {"tones/3"},
    }
    for dataset in data.parts.values():
        named = [SIX[label] for label in dataset.labels]
        assert named == [clip.emotion for clip in dataset.clips]
    assert data.warnings == []
    assert data.describe(SIX) == {
        "clips": {
            "train": dict.fromkeys(SIX, 2),
            "val": dict.fromkeys(SIX, 1),
            "test": dict.fromkeys(SIX, 1),
        },
        "groups": {"train": 2, "val": 1, "test": 1},
        "skipped": 0,
    }


def test_emotions_without_a_class_are_left_out_and_others_merged(
    tmp_path: Path,
) -> None:
    emotions = (*SIX, "disgust")
    clips, store = listed(Tones(tmp_path / "tones", emotions=emotions), tmp_path)
    space = label_space("four")
    data = SplitCorpus("tones", clips, store, space, SPLIT)
    assert space.classes == ("angry", "happy", "sad", "neutral/calm")
    assert data.counts("train", space.classes) == [2, 2, 2, 4]
    assert data.counts("test", space.classes) == [1, 1, 1, 2]


def test_an_unusable_clip_outside_the_classes_is_nobodys_concern(
    tmp_path: Path,
) -> None:
    corpus = Tones(tmp_path / "tones", emotions=(*SIX, "disgust"))
    corpus.prepare()
    (corpus.root / "speech-0-disgust-0.wav").write_bytes(b"broken")
    clips, store = listed(corpus, tmp_path)
    space = label_space("shared6")
    data = SplitCorpus("tones", clips, store, space, SPLIT, strict=True)
    assert data.skipped == {}


def test_skipped_clips_are_counted_or_refused(tmp_path: Path) -> None:
    corpus = Tones(tmp_path / "tones", takes=2)
    corpus.prepare()
    (corpus.root / "speech-0-sad-1.wav").write_bytes(b"broken")
    clips, store = listed(corpus, tmp_path)
    space = label_space("shared6")
    data = SplitCorpus("tones", clips, store, space, SPLIT)
    assert list(data.skipped) == ["tones/speech-0-sad-1"]
    assert data.counts("train", SIX) == [4, 4, 4, 3, 4, 4]
    (warning,) = data.warnings
    assert warning.startswith("In tones, 1 of 72 clips can't be used: tones/speech-0-")
    with pytest.raises(WaveformError, match="1 of 72 clips"):
        SplitCorpus("tones", clips, store, space, SPLIT, strict=True)


def test_a_class_that_can_not_be_learnt_is_refused(tmp_path: Path) -> None:
    clips, store = listed(Tones(tmp_path / "tones"), tmp_path)
    match = r"No train clip of source tones \(tones/0, tones/1\) is disgust or surpr"
    with pytest.raises(SplitError, match=match):
        SplitCorpus("source tones", clips, store, label_space("speech8"), SPLIT)


def test_a_class_that_is_not_judged_is_a_warning(tmp_path: Path) -> None:
    clips, store = listed(Tones(tmp_path / "tones"), tmp_path)
    unheard = {("tones/2", "calm"), ("tones/3", "sad"), ("tones/3", "angry")}
    clips = [clip for clip in clips if (clip.group, clip.emotion) not in unheard]
    data = SplitCorpus("tones", clips, store, label_space("shared6"), SPLIT)
    assert data.warnings == [
        "No val clip of tones (tones/2) is calm.",
        "No test clip of tones (tones/3) is sad or angry.",
    ]


def test_an_empty_part_is_refused(tmp_path: Path) -> None:
    clips, store = listed(Tones(tmp_path / "tones", singers=(0, 1, 2)), tmp_path)
    match = r"The test part holds no clip of tones \(tones/3\): choose another fold"
    with pytest.raises(SplitError, match=match):
        SplitCorpus("tones", clips, store, label_space("shared6"), SPLIT)
