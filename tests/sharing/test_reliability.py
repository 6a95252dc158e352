from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from crossemo.sharing.reliability import Reliability, ReliabilityError

WIDTH = 8


def heard(groups: int = 12, clips: int = 20, seed: int = 0) -> tuple[Any, ...]:
    """Return embeddings, levels about -25 dBFS, lengths about 3 s, and groups."""
    generator = torch.Generator().manual_seed(seed)
    alike = torch.randn(groups, 1, WIDTH + 2, generator=generator)
    values = alike + 2 * torch.randn(groups, clips, WIDTH + 2, generator=generator)
    rows = values.flatten(0, 1)
    names = [f"{group:02}" for group in range(groups) for _ in range(clips)]
    return rows[:, 2:], -25 + rows[:, 0], 3 * 1.1 ** rows[:, 1], names


def known(temperature: float | None = 2.0) -> Reliability:
    return Reliability.estimate(temperature, *heard())


def test_few_recordings_of_new_speakers_are_warned_of() -> None:
    # 30 models of 12 speakers, each on 40 other speakers of 20 clips: 5 % at the most
    # are meant, with a spread of the models' own.
    shares = []
    for seed in range(30):
        model = Reliability.estimate(None, *heard(seed=seed))
        assert model.familiarity is not None
        alarms = model.familiarity.alarms(*heard(40, seed=1000 + seed)[:3])
        shares.append(float(alarms.any(1).double().mean()))
    assert 0.02 < sum(shares) / 30 < 0.06


@pytest.mark.parametrize(
    ("place", "move", "word"),
    [
        (0, lambda one: one + 40 * torch.eye(WIDTH)[0], "distance"),
        (1, lambda one: one - 25, "level"),
        (1, lambda one: one + 25, "level"),
        (2, lambda one: one * 8, "length"),
        (2, lambda one: one / 8, "length"),
    ],
)
def test_what_is_far_outside_is_warned_of(place: int, move: Any, word: str) -> None:
    clips = list(heard(seed=5)[:3])
    clips[place] = move(clips[place])
    model, rows = known(), zip(*clips, strict=True)
    warned = [model.warnings(e, float(v), float(s)) for e, v, s in rows]
    assert all(any(word in sentence for sentence in one) for one in warned)
    assert sum(len(one) for one in warned) < 1.1 * len(warned)


def test_embeddings_that_vary_in_one_direction_have_their_own_limit() -> None:
    # As of models that have learnt two classes: nine deviations are far, though over
    # the root of the width they are 0.56.
    embeddings, levels, lengths, names = heard()
    line = embeddings[:, :1] * torch.ones(256)
    known = Reliability.estimate(None, line, levels, lengths, names).familiarity
    assert known is not None
    alarms = [known.alarms(one, levels, lengths)[:, 2] for one in (line, line + 20)]
    assert alarms[0].double().mean() < 0.05
    assert alarms[1].double().mean() > 0.9


def test_a_model_that_says_the_same_of_all_is_not_surprised_by_rounding() -> None:
    _, levels, lengths, names = heard()
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(2, len(names), 64, generator=generator)
    same = 3 * (1 + 1e-7 * noise)
    known = Reliability.estimate(None, same[0], levels, lengths, names).familiarity
    assert known is not None
    assert not known.alarms(same[1], levels, lengths)[:, 2].any()


def test_clips_all_alike_leave_room() -> None:
    embeddings, _, _, names = heard()
    same = torch.full((len(names),), 3.0)
    familiarity = Reliability.estimate(None, embeddings, -20 * same / 3, same, names)
    alarms = familiarity.familiarity
    assert alarms is not None
    assert alarms.level == pytest.approx((-23, -17))
    assert alarms.length == pytest.approx((2.4, 3.75))


def test_the_order_of_clips_changes_nothing() -> None:
    embeddings, levels, lengths, names = heard()
    order = torch.randperm(len(names), generator=torch.Generator().manual_seed(3))
    tensors = embeddings[order], levels[order], lengths[order]
    moved = Reliability.estimate(2.0, *tensors, [names[place] for place in order])
    for name, tensor in known().tensors().items():
        assert moved.tensors()[name].numpy() == pytest.approx(
            tensor.numpy(), rel=1e-5, abs=1e-6
        ), name


@pytest.mark.parametrize("temperature", [None, 2.0])
def test_it_comes_back_from_its_tensors(temperature: float | None) -> None:
    model = known(temperature)
    back = Reliability.of(model.tensors())
    assert (back.temperature, back.clips, back.groups) == (temperature, 240, 12)
    assert model.familiarity is not None
    assert back.familiarity is not None
    clips = heard(seed=7)[:3]
    assert back.familiarity.alarms(*clips).equal(model.familiarity.alarms(*clips))


def test_too_few_speakers_are_said() -> None:
    model = Reliability.estimate(1.5, *heard(groups=2))
    assert "40 validation clips of 2 speakers" in model.caveat
    assert model.warnings(torch.full((WIDTH,), 1e6), -100.0, 1e6) == []
    assert Reliability.of(model.tensors()).familiarity is None
    assert "5 %" in known().caveat


def test_the_rate_that_was_counted_is_said_and_comes_back() -> None:
    model = replace(known(), false_alarms=(0.0375, 0.0, 0.712))
    assert "counted on test clips: 3.8 % [0.0, 71.2] (limits from 240" in model.caveat
    assert Reliability.of(model.tensors()).caveat == model.caveat


def test_probabilities_are_of_the_logits_at_the_temperature() -> None:
    logits = torch.tensor([[2.0, 0.0]])
    assert known(2.0).calibrated(logits)[0, 0] == pytest.approx(1 / (1 + 2.718282**-1))
    assert known(None).calibrated(logits)[0, 0] == pytest.approx(1 / (1 + 2.718282**-2))


def broken() -> dict[str, dict[str, Tensor]]:
    whole = known().tensors()
    return {
        "a lack": {k: v for k, v in whole.items() if k != "whitening"},
        "another": whole | {"more": torch.ones(1)},
        "another width": whole | {"mean": torch.ones(3)},
        "no number": whole | {"temperature": torch.tensor(float("nan"))},
        "a negative temperature": whole | {"temperature": torch.tensor(-1.0)},
        "whole numbers": whole | {"clips": torch.tensor([1, 2])},
    }


@pytest.mark.parametrize("case", sorted(broken()))
def test_what_is_none_is_refused(case: str) -> None:
    with pytest.raises(ReliabilityError, match="reliability of the model"):
        Reliability.of(broken()[case])
