from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_sample_weight
from torch import Tensor

from crossemo.corpora.base import PARTS
from crossemo.corpora.ravdess import RAVDESS
from crossemo.data.datamodule import EmotionDataModule
from crossemo.data.datamodules import CrossDomainDataModule
from crossemo.data.splits import Split, SplitError
from crossemo.probes.clips import (
    TEST,
    TRAIN,
    VAL,
    class_shares,
    gap_in,
    probed_clips,
    shuffled_targets,
)
from crossemo.tasks.values import Values
from tests.corpora.ravdess_tree import write_ravdess
from tests.data.modules import ready
from tests.probes.fitting import speech, speech_and_song
from tests.probes.made_up import features, made_up, untrained
from tests.probes.made_up_values import made_up_values


@given(st.lists(st.integers(0, 4), min_size=1, max_size=40), st.integers(0, 10))
def test_classes_weigh_the_same_as_in_scikit_learn(labels: list[int], out: int) -> None:
    expected = compute_sample_weight("balanced", labels)
    inside = torch.tensor([True] * len(labels) + [False] * out)
    told = torch.tensor(labels + [3] * out)
    shares = class_shares(told.expand(2, -1), inside.expand(2, -1), 5)
    assert not shares[:, len(labels) :].any()
    for own in shares[:, : len(labels)]:
        torch.testing.assert_close(
            own.double(), torch.tensor(expected / expected.sum())
        )


def counts(labels: Tensor) -> Counter[tuple[int, str, int]]:
    clips = made_up(roles=("speech", "song"))
    return Counter(
        zip(clips.roles.tolist(), clips.groups, labels.tolist(), strict=True)
    )


def test_shuffled_labels_keep_the_counts_of_each_group() -> None:
    clips = made_up(roles=("speech", "song"))
    found = [shuffled_targets(clips, seed) for seed in range(3)]
    for labels in found:
        assert counts(labels) == counts(clips.targets)
        assert not torch.equal(labels, clips.targets)
    assert not torch.equal(found[0], found[1])
    assert torch.equal(found[2], shuffled_targets(clips, 2))


def test_shuffled_labels_are_in_any_order_as_often() -> None:
    clips = made_up(singers=1, folds=1, seed=4)
    few = replace(clips, targets=torch.arange(len(clips.ids)))
    drawn = torch.stack([shuffled_targets(few, seed) for seed in range(2000)])
    share = torch.nn.functional.one_hot(drawn).double().mean(0) * len(clips.ids)
    assert (share - 1).abs().max() < 5 * (len(clips.ids) / 2000) ** 0.5


def test_a_task_holds_the_clips_that_are_learnt_from_and_chosen_by() -> None:
    clips = made_up(roles=("speech", "song"))
    probes = untrained(clips, features(clips), role=1, shuffles=(None, 5))
    task = probes.task
    for fold, parts in enumerate(clips.parts):
        for part, weights in ((TRAIN, probes.learning), (VAL, probes.judging)):
            for variant, labels in enumerate(
                (clips.targets, shuffled_targets(clips, 5))
            ):
                inside = (clips.roles == 1) & (parts == part)
                balanced = compute_sample_weight("balanced", labels[inside].numpy())
                expected = torch.zeros(len(clips.ids), dtype=torch.float64)
                expected[inside] = torch.tensor(balanced / balanced.sum())
                found = torch.zeros_like(expected)
                found[task.rows] = weights[fold, variant].double()
                torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("scheme", ["leave_one_out", "kfold", "official"])
def test_every_clip_is_tested_once_and_no_group_is_on_two_sides(
    ravdess: Path, scheme: str
) -> None:
    data = ready(speech_and_song(ravdess, split=scheme, folds=3))
    clips = probed_clips(data)
    assert (clips.parts == TEST).sum(0).eq(1).all()
    assert (clips.parts >= 0).all()
    groups = torch.tensor([sorted(set(clips.groups)).index(g) for g in clips.groups])
    for parts, told in zip(clips.parts, clips.describe(), strict=True):
        sides = [set(groups[parts == part].tolist()) for part in (TRAIN, VAL, TEST)]
        assert (
            sum(map(len, sides))
            == len(set(clips.groups))
            == len(sides[0].union(*sides))
        )
        assert [len(told[name]) for name in PARTS] == list(map(len, sides))
    listed = [clip.id for corpus in data.roles.values() for clip in corpus.clips()]
    assert set(clips.ids) < set(listed)  # disgust and surprise are not shared
    assert clips.melodies == ((1, 2), (3, 4, 5))  # of neutral, calm, happy, sad, …


def test_melodies_are_cut_to_the_classes_that_there_are(ravdess: Path) -> None:
    data = ready(speech_and_song(ravdess))
    data.roles["target"].melodies = (
        ("calm", "disgust"),  # of which one is left
        ("sad", "surprised", "angry"),
        ("happy", "fearful"),
        ("disgust", "surprised"),
    )
    assert data.classes[2:] == ("happy", "sad", "angry", "fearful")
    assert probed_clips(data).melodies == ((2, 5), (3, 4))


def test_folds_are_those_of_the_datamodule_one_by_one(ravdess: Path) -> None:
    clips = probed_clips(ready(speech(ravdess)))
    for fold, told in enumerate(clips.describe()):
        one = ready(speech(ravdess, fold=fold))
        assert {p: one.describe()["split"]["groups"][p] for p in PARTS} == told
    some = clips.only([3, 1])
    assert torch.equal(some.parts, clips.parts[[3, 1]])
    assert clips.only("all") is clips


def test_a_split_that_was_given_is_the_only_fold(ravdess: Path) -> None:
    names = [f"ravdess/{actor:02d}" for actor in (1, 2, 5, 20)]
    split = Split(tuple(names[:2]), (names[2],), (names[3],))
    clips = probed_clips(ready(speech(ravdess, split=split)))
    assert clips.describe() == [
        {"train": names[:2], "val": names[2:3], "test": names[3:]}
    ]


def test_a_fold_that_is_not_there_is_refused() -> None:
    with pytest.raises(SplitError, match=r"There is no fold 6: choose 0 to 5\.$"):
        made_up().only([0, 6])


def test_a_class_without_a_training_clip_is_refused(tmp_path: Path) -> None:
    write_ravdess(tmp_path, (1, 2, 5, 20), repetitions=(1,), seconds=0.1, rate=16_000)
    for actor in ("01", "05", "20"):
        for path in tmp_path.glob(f"**/03-02-04-*-{actor}.wav"):
            path.unlink()
    data: EmotionDataModule = CrossDomainDataModule(
        RAVDESS(tmp_path),
        RAVDESS(tmp_path, "song"),
        split="leave_one_out",
        fold=2,  # learns from actors 1 and 2
        cache_dir=tmp_path / "cache",
    )
    sentence = "In fold 0, no train clip of target is sad: choose another split"
    with pytest.raises(SplitError, match=sentence):
        probed_clips(ready(data))


def test_targets_that_a_whole_group_shares_are_exchanged_between_groups() -> None:
    clips = made_up(singers=6, folds=1)
    singer = torch.tensor([int(name.partition("-")[2]) for name in clips.groups])
    alike = replace(clips, targets=singer % 3)  # of each singer one class alone
    changed = [(shuffled_targets(alike, n) != alike.targets).any() for n in range(3)]
    assert all(changed)
    for seed in range(3):
        targets = shuffled_targets(alike, seed)
        assert torch.equal(targets.sort()[0], alike.targets.sort()[0])
    # A singer who has all classes keeps them.
    some = replace(alike, targets=torch.where(singer == 0, clips.targets, singer % 3))
    whole = shuffled_targets(some, 0)[singer == 0]
    assert torch.equal(whole.sort()[0], some.targets[singer == 0].sort()[0])


def test_values_are_exchanged_between_songs_as_pairs() -> None:
    clips = made_up_values(units=40, clips=1, roles=("speech", "song"))
    shuffled = shuffled_targets(clips, 0)
    for role in (0, 1):
        rows, there = clips.roles == role, clips.targets[clips.roles == role].tolist()
        assert sorted(shuffled[rows].tolist()) == sorted(there)
    stay = (shuffled == clips.targets).all(1).double().mean()
    assert stay < 0.1


def test_values_that_say_nothing_are_a_gap() -> None:
    same = [(0.1, 0.2), (0.1, 0.4)]
    assert gap_in(Values(), same, TRAIN) == "has another valence than the others"
    assert gap_in(Values(), same, TEST) == ""
    assert gap_in(Values(), [], VAL) == "has valence and arousal"
