from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from crossemo.probes.bank import ProbeBank
from crossemo.probes.clips import TEST, TRAIN, VAL
from crossemo.probes.superb import TrainedProtocol
from crossemo.probes.trained import TrainedProbes
from tests.probes.made_up import (
    RATES,
    features,
    judged_superb,
    made_up,
    other_labels,
    other_where,
    train,
    untrained,
)

CLIPS = made_up(folds=1)  # with more, a clip is in every part once
VALUES = features(CLIPS)
PART = CLIPS.parts[0]


def weights(probes: TrainedProbes) -> list[Tensor]:
    return [tensor.detach() for tensor in probes.banks.parameters()]


def same(one: list[Tensor], other: list[Tensor]) -> bool:
    return all(map(torch.equal, one, other))


def test_clips_are_standardised_by_the_training_clips_of_their_fold() -> None:
    clips = made_up()
    probes = untrained(clips, features(clips).double())
    for fold, parts in enumerate(clips.parts):
        scaler = StandardScaler().fit(features(clips)[parts == TRAIN].double())
        mean, inverse = probes.mean[fold, 0], probes.inverse[fold, 0]
        np.testing.assert_allclose(mean.numpy(), scaler.mean_, rtol=1e-6)
        np.testing.assert_allclose(inverse.numpy(), 1 / scaler.scale_, rtol=1e-6)


def test_training_never_sees_test_clips() -> None:
    changed = other_where(PART == TEST, VALUES)
    found = train(untrained(CLIPS, VALUES), VALUES)
    again = train(untrained(other_labels(CLIPS, PART == TEST), changed), changed)
    assert not torch.equal(changed, VALUES)
    assert same(list(found.state_dict().values()), list(again.state_dict().values()))


def test_weights_never_see_validation_clips() -> None:
    changed = other_where(PART == VAL, VALUES)
    found = train(untrained(CLIPS, VALUES, patience=99), VALUES)
    again = train(
        untrained(other_labels(CLIPS, PART == VAL), changed, patience=99), changed
    )
    torch.testing.assert_close(weights(again), weights(found))
    assert not torch.equal(found.loss, again.loss)
    learnt = other_where(PART == TRAIN, VALUES)
    assert not same(weights(train(untrained(CLIPS, learnt), learnt)), weights(found))


def test_rates_are_chosen_without_test_clips() -> None:
    clips = made_up(singers=12, folds=1)
    values, tested = features(clips), clips.parts[0] == TEST
    found = judged_superb(clips, values)
    changed = other_where(tested, values)
    again = judged_superb(other_labels(clips, tested), changed)
    assert torch.equal(found.choice, again.choice)
    assert torch.equal(found.validation, again.validation)
    assert not torch.equal(found.said, again.said)


def by_hand(labels: Tensor, patience: int) -> TrainedProbes:
    """Probes that say of a clip the class of its largest feature."""
    clips = replace(
        CLIPS,
        ids=CLIPS.ids[:1] * len(labels),
        groups=CLIPS.groups[:1] * len(labels),
        roles=torch.zeros_like(labels),
        targets=labels,
        parts=torch.full((1, len(labels)), VAL),
    )
    clips.parts[0, ::2] = TRAIN
    probes = untrained(clips, torch.zeros(len(labels), 3), patience)
    probes.mean.zero_()
    probes.inverse.fill_(1)
    for bank in probes.banks:
        assert isinstance(bank, ProbeBank)
        for matrix, bias in zip(bank.maps[::2], bank.maps[1::2], strict=True):
            matrix.data[:], bias.data[:] = torch.eye(3), 0
    return probes


LABELS = torch.arange(3).repeat_interleave(14)  # of each class seven to judge on
TOLD = torch.nn.functional.one_hot(LABELS, 3).float()


def test_a_probe_keeps_the_best_recall_and_then_the_least_loss() -> None:
    probes = by_hand(LABELS, patience=99)
    half = torch.where(torch.arange(42)[:, None] % 4 == 1, -TOLD, TOLD)
    course = [
        # values, whether they are better than those before
        (-TOLD, True),
        (-TOLD, False),
        (-TOLD / 2, True),  # as wrong, less sure of it
        (half * 9, True),  # a higher recall at a higher loss
        (TOLD / 9, True),
        (half / 9, False),
        (TOLD, True),
        (TOLD * 2, True),
        (TOLD, False),
        (TOLD * 3, True),
        (TOLD * 3.0005, False),  # by less than a thousandth
    ]
    waited = 0
    for values, better in course:
        probes.learn(values)
        waited = 0 if better else waited + 1
        assert probes.waited.flatten().tolist() == [waited] * len(RATES)
    assert probes.recall.flatten().tolist() == pytest.approx([1] * len(RATES))
    loss = float(torch.tensor([3.0, 0, 0]).logsumexp(0)) - 3
    assert probes.loss.flatten().tolist() == pytest.approx(
        [loss] * len(RATES), rel=1e-4
    )


def test_rounding_is_no_improvement() -> None:
    probes = by_hand(LABELS, patience=99)
    right = torch.rand(42, generator=torch.Generator().manual_seed(0)) < 0.5
    sign = torch.where(right, 1.0, -1.0)[:, None]
    probes.learn(TOLD * sign)
    judging = torch.arange(42).view(3, 14)[:, 1::2]
    for seed in range(30):
        # Others of a class are recognised, equally many, and the loss is higher.
        order = torch.randperm(7, generator=torch.Generator().manual_seed(seed))
        sign[judging] = sign[judging[:, order]]
        probes.learn(TOLD * sign * torch.where(sign > 0, 1, 1.5 + seed))
        assert probes.waited.flatten().tolist() == [seed + 1] * len(RATES)


def test_a_probe_that_has_waited_too_long_has_stopped() -> None:
    probes = by_hand(LABELS, patience=3)
    for _ in range(4):
        assert probes.running() == [0, 1]
        probes.learn(-TOLD)
    assert probes.running() == []
    probes.waited[:, 1] = 0
    assert probes.running() == [1]
    probes.learn(TOLD)  # better, which the first learning rate is past
    assert probes.recall.flatten().tolist() == pytest.approx([0, 1])
    first, second = probes.banks
    assert all(p.grad is not None for p in second.parameters())
    probes.waited[:] = 3
    for parameter in probes.banks.parameters():
        parameter.grad = None
    probes.learn(TOLD)
    assert all(p.grad is None for p in first.parameters())


def test_the_rate_of_highest_recall_is_chosen_and_then_of_least_loss() -> None:
    clips = made_up(folds=4)
    probes = train(untrained(clips, features(clips)), features(clips), epochs=5)
    probes.recall[:, :, 0] = torch.tensor(
        [[0.5, 0.6], [0.6, 0.5], [0.5, 0.5], [0.5, 0.5]]
    )
    probes.loss[:, :, 0] = torch.tensor(
        [[1.0, 2.0], [2.0, 1.0], [1.0, 2.0], [2.0, 1.0]]
    )
    maps, recall, rate = probes.chosen()
    numbers = [1, 0, 0, 1]
    assert rate.flatten().tolist() == pytest.approx([RATES[n] for n in numbers])
    assert recall.flatten().tolist() == pytest.approx([0.6, 0.6, 0.5, 0.5])
    assert torch.equal(recall, probes.scores())
    for fold, number in enumerate(numbers):
        bank = probes.best[number]
        assert isinstance(bank, ProbeBank)
        for chosen, best in zip(maps, bank.maps, strict=True):
            assert torch.equal(chosen[fold], best[fold])


def test_probes_that_had_not_stopped_are_warned_of() -> None:
    probes = [by_hand(LABELS, patience=3) for _ in range(2)]
    for share in (100, 50, 25):
        (sentence,) = superb().warnings(probes)
        end = "of the probes had not stopped by the last epoch: give --trainer.max_ep"
        assert sentence.startswith(f"{share} % {end}")
        if share == 100:
            probes[0].waited[:] = 3
        else:
            probes[1].waited[0, 0] = 3


def superb() -> TrainedProtocol:
    return TrainedProtocol(rates=RATES)


def test_a_few_probes_that_had_not_stopped_are_worth_no_word() -> None:
    probes = [by_hand(LABELS, patience=3) for _ in range(60)]
    for one in probes:
        one.waited[:] = 3
    probes[0].waited[0, 0] = 0  # one of 120
    assert not list(superb().warnings(probes))
    probes[1].waited[0, 0] = 0
    assert list(superb().warnings(probes))
