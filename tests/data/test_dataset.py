from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from crossemo.corpora.base import PARTS, Clip, Part
from crossemo.corpora.facts import FileFacts
from crossemo.data.dataset import ClipDataset, joined
from crossemo.data.examples import Example, middle, take_examples
from crossemo.data.partition import partition, with_units
from crossemo.data.parts import RoleParts, role_parts
from crossemo.data.splits import Scheme, Split, SplitError
from crossemo.data.waveforms import WaveformError, WaveformStore
from crossemo.data.windows import Window, Windowing
from crossemo.tasks.classes import Classes
from tests.data.tones import RATE, SIX, Tones, assert_tone, tone, tone_clip, write_tone
from tests.examples import examples_of

LENGTHS = (700, 1200, 500)
SPLIT = Split(train=("tones/0", "tones/1"), val=("tones/2",), test=("tones/3",))


@pytest.fixture
def dataset(tmp_path: Path) -> ClipDataset:
    paths = [tmp_path / f"speech-0-happy-{n}.wav" for n in range(3)]
    for seed, (path, length) in enumerate(zip(paths, LENGTHS, strict=True)):
        write_tone(path, tone(length, seed))
    examples = examples_of([tone_clip(path) for path in paths], [4, 0, 2])
    cache = tmp_path / "cache"
    store = WaveformStore.prepare(examples, RATE, cache, sample_format="float32")
    return ClipDataset(examples, store)


def listed(corpus: Tones, cache: Path, task: Classes) -> list[Example]:
    corpus.prepare()
    return take_examples(corpus, task.target, cache)


def parts_of(
    examples: list[Example],
    cache: Path,
    task: Classes,
    name: str = "tones",
    strict: bool = False,
) -> RoleParts:
    store = WaveformStore.prepare(examples, RATE, cache)
    members = with_units({"speech": examples}, SPLIT)
    made = partition(members, {"speech": ()}, SPLIT)
    return role_parts(name, members, made, store, task, strict=strict)


def test_a_batch_is_padded_with_zeros_on_the_right(dataset: ClipDataset) -> None:
    batch = dataset[[2, 1]]
    assert batch.inputs.shape == (2, 1200)
    assert batch.inputs.dtype == torch.float32
    np.testing.assert_array_equal(batch.inputs[0, :500], tone(500, 2))
    np.testing.assert_array_equal(batch.inputs[0, 500:], np.zeros(700))
    np.testing.assert_array_equal(batch.inputs[1], tone(1200, 1))
    assert batch.lengths.tolist() == [500, 1200]
    assert batch.targets.tolist() == [2, 0]
    assert batch.indices.tolist() == [2, 1]
    assert batch.counted.tolist() == [True, True]
    integers = (batch.lengths, batch.targets, batch.indices)
    assert {tensor.dtype for tensor in integers} == {torch.int64}
    assert batch.counted.dtype == torch.bool


def test_windows_are_stretches_of_clips_and_repeats_do_not_count(
    dataset: ClipDataset,
) -> None:
    batch = dataset[[Window(1, 200, 900), Window(1, 0, 1200, False), Window(0, 0, 50)]]
    assert batch.indices.tolist() == [1, 1, 0]
    assert batch.lengths.tolist() == [700, 1200, 50]
    assert batch.targets.tolist() == [0, 0, 4]
    assert batch.counted.tolist() == [True, False, True]
    np.testing.assert_array_equal(batch.inputs[0, :700], tone(1200, 1)[200:900])
    np.testing.assert_array_equal(batch.inputs[2, :50], tone(700, 0)[:50])
    assert not batch.inputs[2, 50:].any()


def test_joined_clips_are_cut_as_their_own_corpus_says(dataset: ClipDataset) -> None:
    halves, thirds = (
        ClipDataset(
            [replace(one, windowing=cut) for one in dataset.examples], dataset.store
        )
        for cut in (Windowing(600, 600), Windowing(400, 200))
    )
    both = joined([dataset, halves, thirds])
    pieces = [one.length for one in both.windows()]
    assert pieces == [700, 1200, 500, 700, 600, 600, 500, 400, 500, *[400] * 5, 500]
    crops = both.crops(seed=1, epoch=2)
    assert [one.length for one in crops] == [*LENGTHS, 600, 600, 500, 400, 400, 400]
    assert both.keys[3:6] != dataset.keys
    assert both.keys[5] == dataset.keys[2]  # it is not cut


def test_sounds_are_levels_and_lengths_of_what_is_heard_at_once(
    dataset: ClipDataset,
) -> None:
    for (level, samples), seed, length in zip(
        dataset.sounds.tolist(), range(3), LENGTHS, strict=True
    ):
        power = np.mean(tone(length, seed).astype(np.float64) ** 2)
        assert level == pytest.approx(10 * np.log10(power), abs=1e-3)
        assert samples == length
    halves = [replace(one, windowing=Windowing(600, 600)) for one in dataset.examples]
    assert ClipDataset(halves, dataset.store).sounds[:, 1].tolist() == [700, 600, 500]


def test_one_index_gives_a_batch_of_one(dataset: ClipDataset) -> None:
    batch = dataset[1]
    np.testing.assert_array_equal(batch.inputs, tone(1200, 1)[None])
    assert batch.targets.tolist() == [0]


def test_iterating_ends_with_the_last_clip(dataset: ClipDataset) -> None:
    indices = [batch.indices.tolist() for batch in islice(dataset, 9)]
    assert indices == [[0], [1], [2]]


def test_a_dataset_lists_what_it_holds(dataset: ClipDataset) -> None:
    assert len(dataset) == 3
    assert dataset.targets == [4, 0, 2]
    assert dataset.lengths == [700, 1200, 500]
    assert [clip.label for clip in dataset.clips] == ["happy"] * 3
    assert dataset.units == ["tones/0"] * 3


def test_parts_hold_their_units_and_their_targets(tmp_path: Path) -> None:
    task = Classes()
    data = parts_of(listed(Tones(tmp_path / "tones"), tmp_path, task), tmp_path, task)
    assert {part: set(data.parts[part].units) for part in PARTS} == {
        "train": {"tones/0", "tones/1"},
        "val": {"tones/2"},
        "test": {"tones/3"},
    }
    for dataset in data.parts.values():
        named = [SIX[int(str(target))] for target in dataset.targets]
        assert named == [clip.label for clip in dataset.clips]
    assert data.warnings == []
    assert data.describe() == {
        "clips": {
            "train": dict.fromkeys(SIX, 2),
            "val": dict.fromkeys(SIX, 1),
            "test": dict.fromkeys(SIX, 1),
        },
        "groups": {"train": 2, "val": 1, "test": 1},
        "skipped": 0,
        "dropped": 0,
    }


def test_emotions_without_a_class_are_left_out_and_others_merged(
    tmp_path: Path,
) -> None:
    task = Classes("four")
    corpus = Tones(tmp_path / "tones", emotions=(*SIX, "disgust"))
    data = parts_of(listed(corpus, tmp_path, task), tmp_path, task)
    classes = ("angry", "happy", "sad", "neutral/calm")
    assert data.counts("train") == dict(zip(classes, (2, 2, 2, 4), strict=True))
    assert data.counts("test") == dict(zip(classes, (1, 1, 1, 2), strict=True))


def test_an_unusable_clip_outside_the_classes_is_nobodys_concern(
    tmp_path: Path,
) -> None:
    corpus = Tones(tmp_path / "tones", emotions=(*SIX, "disgust"))
    corpus.prepare()
    (corpus.root / "speech-0-disgust-0.wav").write_bytes(b"broken")
    examples = listed(corpus, tmp_path, Classes())
    assert parts_of(examples, tmp_path, Classes(), strict=True).skipped == {}


def test_skipped_clips_are_counted_or_refused(tmp_path: Path) -> None:
    corpus = Tones(tmp_path / "tones", takes=2)
    corpus.prepare()
    (corpus.root / "speech-0-sad-1.wav").write_bytes(b"broken")
    examples = listed(corpus, tmp_path, Classes())
    data = parts_of(examples, tmp_path, Classes())
    assert list(data.skipped) == ["tones/speech-0-sad-1"]
    assert list(data.counts("train").values()) == [4, 4, 4, 3, 4, 4]
    (warning,) = data.warnings
    path = corpus.root / "speech-0-sad-1.wav"
    assert warning.startswith(f"In tones, 1 of 72 clips can't be used: {path} is ")
    with pytest.raises(WaveformError, match="1 of 72 clips"):
        parts_of(examples, tmp_path, Classes(), strict=True)


def test_a_class_that_can_not_be_learnt_is_refused(tmp_path: Path) -> None:
    task = Classes("speech8")
    examples = listed(Tones(tmp_path / "tones"), tmp_path, task)
    match = r"No train clip of source tones \(tones/0, tones/1\) is disgust or surpr"
    with pytest.raises(SplitError, match=match):
        parts_of(examples, tmp_path, task, "source tones")


def test_a_class_that_is_not_judged_is_a_warning(tmp_path: Path) -> None:
    examples = listed(Tones(tmp_path / "tones"), tmp_path, Classes())
    unheard = {("tones/2", "calm"), ("tones/3", "sad"), ("tones/3", "angry")}
    examples = [e for e in examples if (e.unit, e.clip.label) not in unheard]
    assert parts_of(examples, tmp_path, Classes()).warnings == [
        "No val clip of tones (tones/2) is calm.",
        "No test clip of tones (tones/3) is sad or angry.",
    ]


def test_an_empty_part_is_refused(tmp_path: Path) -> None:
    examples = listed(Tones(tmp_path / "tones"), tmp_path, Classes())
    lacking = [e for e in examples if e.unit != "tones/3"]
    store = WaveformStore.prepare(examples, RATE, tmp_path)
    made = partition({"speech": examples}, {"speech": ()}, SPLIT)
    match = r"The test part holds no clip of tones \(tones/3\): choose another fold"
    with pytest.raises(SplitError, match=match):
        role_parts("tones", {"speech": lacking}, made, store, Classes())


def test_clips_that_the_authors_put_in_no_part_are_counted(tmp_path: Path) -> None:
    corpus, task = Tones(tmp_path / "tones"), Classes()
    parts: dict[str, Part | None] = {"0": "train", "1": "val", "2": "test"}
    examples = [
        replace(one, clip=replace(one.clip, part=parts.get(one.clip.groups[0][-1])))
        for one in listed(corpus, tmp_path / "cache", task)
    ]
    members = with_units({"speech": examples}, Scheme())
    made = partition(members, {"speech": ()}, Scheme())
    store = WaveformStore.prepare(examples, RATE, tmp_path / "cache")
    role = role_parts("tones", members, made, store, task)
    assert "In tones, 18 clips are in no part of the authors' split" in str(
        role.warnings
    )


def test_a_long_clip_is_cut_to_its_middle(tmp_path: Path) -> None:
    corpus = Tones(tmp_path / "corpus", singers=[0], emotions=["sad", "happy"])
    corpus.prepare()
    noise = tone(16_000)
    write_tone(tmp_path / "corpus" / "speech-0-angry-0.wav", noise)
    examples = take_examples(corpus, lambda *_: 0, tmp_path, excerpt=0.25)
    long, *others = examples
    assert long.clip.start == 0.375
    assert long.clip.end == 0.625
    assert long.seconds == 0.25
    assert [one.clip.end for one in others] == [None, None]
    assert [one.seconds for one in others] == [837 / RATE, 800 / RATE]
    whole, *same = take_examples(corpus, lambda *_: 0, tmp_path)
    assert same == others
    assert whole.key != long.key
    assert whole.seconds == 1
    store = WaveformStore.prepare(examples, RATE, tmp_path)
    assert_tone(store[long.key], noise[6000:10_000])
    assert store.lengths[others[0].key] == 837
    more = WaveformStore.prepare([whole], RATE, tmp_path)
    assert_tone(more[whole.key], noise)


@pytest.mark.parametrize(
    ("stretch", "middle_of_it"),
    [((0.0, None), (4.0, 6.0)), ((4.0, 20.0), (6.0, 8.0)), ((9.0, None), (9.0, None))],
)
def test_the_middle_of_a_stretch(
    stretch: tuple[float, float | None], middle_of_it: tuple[float, float | None]
) -> None:
    clip = Clip("a", Path("a.wav"), ("a",), "sad", start=stretch[0], end=stretch[1])
    short = middle(clip, FileFacts("1f", 9, 80_000, 8000), 2.0)  # of ten seconds
    assert (short.start, short.end) == middle_of_it


def test_the_middle_of_a_file_of_unknown_length_is_not_known() -> None:
    clip = Clip("a", Path("a.wav"), ("a",), "sad")
    assert middle(clip, FileFacts("1f", 9, None, 8000), 2.0) is clip
    stretch = Clip("a", Path("a.wav"), ("a",), "sad", start=2, end=12)
    short = middle(stretch, FileFacts("1f", 9), 2.0)
    assert (short.start, short.end) == (6.0, 8.0)


def test_what_is_computed_of_other_samples_is_another_thing(tmp_path: Path) -> None:
    path = tmp_path / "speech-0-happy-0.wav"
    write_tone(path, tone(700))
    examples = examples_of([tone_clip(path)])
    keys = [
        ClipDataset(examples, store).keys
        for store in (
            WaveformStore.prepare(examples, RATE, tmp_path),
            WaveformStore.prepare(examples, RATE, tmp_path, sample_format="float32"),
        )
    ]
    assert keys[0] == [examples[0].key]
    assert keys[1] == [f"{examples[0].key}#float32"]
