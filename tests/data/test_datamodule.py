import json
import logging
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from crossemo import audio
from crossemo.corpora.base import PARTS, Part
from crossemo.data.datamodule import EmotionDataModule
from crossemo.data.datamodules import CrossDomainDataModule, SpeechEmotionDataModule
from crossemo.data.splits import Split, SplitError
from crossemo.data.waveforms import WaveformError
from crossemo.errors import CrossEmoError
from tests.data.modules import cross, groups_in, ready
from tests.data.tones import SIX, Tones, assert_tone


class Unfolded(Tones):
    folds = ()


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
        named = [data.classes[int(str(target))] for target in dataset.targets]
        assert named == [clip.label for clip in dataset.clips]


def test_classes_are_known_before_any_file_is_read(tmp_path: Path) -> None:
    corpus = Tones(tmp_path / "absent")
    data = SpeechEmotionDataModule(corpus, labels="four", neutral_calm="apart")
    assert data.classes == ("angry", "happy", "sad", "neutral", "calm")
    assert corpus.listed == 0


def test_it_works_without_a_trainer(root: Path) -> None:
    corpus = Tones(root)
    data = ready(
        SpeechEmotionDataModule(
            corpus, cache_dir=root, batch_size=5, sample_format="float32"
        )
    )
    batch = next(iter(data.train_dataloader()))
    assert batch.inputs.shape == (5, batch.lengths.max())
    dataset = data.dataset("speech", "train")
    for row, index in enumerate(batch.indices.tolist()):
        length, clip = int(batch.lengths[row]), dataset.clips[index]
        expected = audio.decode(clip.path, 16_000)
        assert_tone(batch.inputs[row, :length].numpy(), expected)
        assert not batch.inputs[row, length:].any()
        assert SIX[int(batch.targets[row])] == clip.label


def test_corpora_are_listed_and_decoded_once_per_process(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[Path] = []
    decode = audio.decode

    def counting(path: Path, rate: int, *stretch: Any) -> NDArray[np.float32]:
        decoded.append(path)
        return decode(path, rate, *stretch)

    monkeypatch.setattr(audio, "decode", counting)
    data = cross(root)
    data.prepare_data()
    data.setup("fit")
    data.setup("test")
    data.prepare_data()
    assert [corpus.listed for corpus in data.roles.values()] == [1, 1]  # type: ignore[attr-defined]
    # Speech and song hold the same samples, in files that bear the second's date: those
    # that are alike in that too are decoded once.
    contents = {path.read_bytes() for path in root.glob("*.wav")}
    assert len({path.read_bytes() for path in decoded}) == len(decoded) == len(contents)


def test_the_active_role_trains(root: Path) -> None:
    data = ready(cross(root))
    assert data.active == ("source",)
    assert not data.train_on(["source"])  # as before
    for role in ("target", "source"):
        assert data.train_on([role])
        assert data.train_dataloader().dataset is data.dataset(role, "train")
    with pytest.raises(CrossEmoError, match="no role 'song': choose source or target"):
        data.train_on(["song"])


def test_several_roles_train_together(root: Path) -> None:
    data = ready(cross(root))
    data.train_on(["source", "target"], batch_size=5)
    clips = [data.dataset(role, "train") for role in ("source", "target")]
    served = list(data.train_dataloader())
    assert sum(len(batch.targets) for batch in served) == sum(map(len, clips))
    assert max(len(batch.targets) for batch in served) == 5
    assert len(served) == data.batches_per_epoch(["source", "target"], 5)
    samples = sum(int(batch.lengths.sum()) for batch in served)
    assert samples == sum(sum(part.lengths) for part in clips)
    counts = [data.class_counts([role]) for role in ("source", "target")]
    both = data.class_counts(["source", "target"])
    assert both == [one + other for one, other in zip(*counts, strict=True)]


def test_an_epoch_can_be_cut_short_and_gone_on_with(root: Path) -> None:
    data = ready(cross(root, batch_size=4))
    whole = [batch.indices.tolist() for batch in data.train_dataloader()]
    data.train_on(["source"], batches=2)
    assert [batch.indices.tolist() for batch in data.train_dataloader()] == whole[:2]
    data.train_on(["source"])
    loader = data.train_dataloader()
    batches = iter(loader)
    next(batches)
    next(batches)
    state = loader.state_dict()  # type: ignore[attr-defined]
    assert state == {"served": 2}
    again = data.train_dataloader()
    again.load_state_dict(state)  # type: ignore[attr-defined]
    assert [batch.indices.tolist() for batch in again] == whole[2:]
    # The epoch after it is whole, and a finished epoch leaves nothing to go on with.
    assert len(list(again)) == len(whole)
    assert again.state_dict() == {"served": 0}  # type: ignore[attr-defined]


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
    assert data.class_counts(["speech"]) == [8, 8, 8, 7, 8, 8]


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
        "window": 10.0,
        "hop": 10.0,
        "clips": {
            "train": dict.fromkeys(SIX, 4),
            "val": dict.fromkeys(SIX, 1),
            "test": dict.fromkeys(SIX, 1),
        },
        "groups": {"train": 4, "val": 1, "test": 1},
        "skipped": 0,
        "dropped": 0,
        "left_out": {},
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


def test_a_corpus_without_customary_folds_is_dealt_beside_one_that_has_some(
    root: Path,
) -> None:
    corpora = (Tones(root), Unfolded(root, "song", singers=range(6, 12)))
    data = ready(CrossDomainDataModule(*corpora, cache_dir=root, fold=2))
    clips = [data.dataset(role, "test").clips for role in data.roles]
    assert {clip.groups[0] for clip in clips[0]} == {"tones/2"}
    assert len({clip.groups[0] for clip in clips[1]}) == 1
    assert groups_in(data, "train").isdisjoint(groups_in(data, "test"))


def test_a_split_that_fails_fails_before_decoding(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, rate: int, *stretch: Any) -> NDArray[np.float32]:
        raise AssertionError("decoded too early")

    monkeypatch.setattr(audio, "decode", refuse)
    with pytest.raises(SplitError, match="Fold 9 holds no clip"):
        cross(root, fold=9).prepare_data()


def test_no_checkpoint_holds_data(tmp_path: Path) -> None:
    with pytest.raises(CrossEmoError, match=r"holds no data: .* config\.yaml"):
        EmotionDataModule.load_from_checkpoint(tmp_path / "any.ckpt")


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
        (root / f"speech-{singer}-calm-0.wav").write_bytes(b"broken %d" % singer)
    data = SpeechEmotionDataModule(corpus, cache_dir=root, fold=4)
    with caplog.at_level(logging.WARNING):
        ready(data)
        data.setup("test")
    (message,) = caplog.messages
    assert message.startswith("In speech tones-speech, 4 of 72 clips can't be used")
    assert message.endswith("and 1 more.")
    described = data.describe()["roles"]["speech"]
    assert described["skipped"] == 4
    assert len(described["left_out"]) == 4
    assert "speech-0-calm-0" in " ".join(described["left_out"])
    assert all("is not audio" in reason for reason in described["left_out"].values())
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


@pytest.mark.parametrize("seconds", [0, -1, 1e-9, 0.02, float("nan"), float("inf")])
def test_an_excerpt_too_short_for_the_encoder_is_refused(
    root: Path, seconds: float
) -> None:
    with pytest.raises(CrossEmoError, match=r"excerpt is .* s: choose 0\.025 s"):
        cross(root, excerpt=seconds)


def test_fewer_than_no_processes_are_refused(root: Path) -> None:
    with pytest.raises(CrossEmoError, match="num_workers is -1: choose 0 or more"):
        cross(root, num_workers=-1)


def test_music_is_cut_and_speech_is_not_unless_it_is_said(root: Path) -> None:
    speech, song, own = Tones(root), Tones(root, "song"), Tones(root, "song")
    own.window = 5.0
    for options, seconds in (
        ({}, (None, 10.0, 5.0)),
        ({"window": 2, "hop": 1}, (2.0, 2.0, 2.0)),
        ({"window": 0}, (None, None, None)),
    ):
        data = cross(root, **options)
        cuts = [data.windowing(one).describe(16_000) for one in (speech, song, own)]
        assert tuple(one["window"] for one in cuts) == seconds
        assert cuts[1]["hop"] == options.get("hop", cuts[1]["window"])
    with pytest.raises(
        CrossEmoError, match=r"window is 0\.04 s: choose 0\.05 s or more"
    ):
        cross(root, window=0.04)
