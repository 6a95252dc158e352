from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from crossemo.encoders.masking import masked_mean
from crossemo.heads import (
    AttentiveStatisticsPooling,
    EmotionHead,
    MeanPooling,
    PoolingName,
)

POOLINGS: tuple[PoolingName, ...] = ("mean", "attentive")


def clips(width: int = 4) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    frames = torch.randn(3, 7, width, generator=generator)
    return frames, torch.arange(7) < torch.tensor([[7], [4], [1]])


def test_masked_mean_by_hand() -> None:
    frames = torch.tensor([[[1.0, 10.0], [3.0, 20.0], [9.0, 9.0]], [[5.0, 6.0]] * 3])
    mask = torch.tensor([[True, True, False], [True, False, False]])
    expected = torch.tensor([[2.0, 15.0], [5.0, 6.0]])
    assert torch.equal(masked_mean(frames, mask), expected)
    assert torch.equal(MeanPooling(2)(frames, mask), expected)


def test_padding_may_hold_anything() -> None:
    frames, mask = clips()
    spoilt = frames.masked_fill(~mask.unsqueeze(-1), torch.nan)
    torch.testing.assert_close(masked_mean(spoilt, mask), masked_mean(frames, mask))


def test_attentive_pooling_without_preference_is_mean_and_deviation() -> None:
    pooling = AttentiveStatisticsPooling(2)
    for parameter in pooling.parameters():
        nn.init.zeros_(parameter)
    frames = torch.tensor([[[1.0, 0.0], [3.0, 4.0], [50.0, 50.0]]])
    pooled = pooling(frames, torch.tensor([[True, True, False]]))
    torch.testing.assert_close(pooled, torch.tensor([[2.0, 2.0, 1.0, 2.0]]))


def test_attentive_pooling_by_hand() -> None:
    pooling = AttentiveStatisticsPooling(1, hidden=1)
    inner, outer = pooling.score[0], pooling.score[2]
    assert isinstance(inner, nn.Linear)
    assert isinstance(outer, nn.Linear)
    with torch.no_grad():
        inner.weight.fill_(1.0)
        inner.bias.zero_()
        outer.weight.fill_(2.0)
    h = np.array([0.3, -0.5, 1.2])
    weights = np.exp(2 * np.tanh(h)) / np.exp(2 * np.tanh(h)).sum()
    mean = (weights * h).sum()
    deviation = np.sqrt((weights * h**2).sum() - mean**2)
    frames = torch.tensor([*h, 9.0], dtype=torch.float32).view(1, 4, 1)
    pooled = pooling(frames, torch.tensor([[True, True, True, False]]))
    np.testing.assert_allclose(pooled.detach().numpy(), [[mean, deviation]], rtol=1e-5)


def test_constant_frames_have_a_finite_gradient() -> None:
    pooling = AttentiveStatisticsPooling(2)
    frames = torch.ones(1, 5, 2, requires_grad=True)
    pooled = pooling(frames, torch.ones(1, 5, dtype=torch.bool))
    pooled.sum().backward()
    assert frames.grad is not None
    assert frames.grad.isfinite().all()
    assert pooled[0, 2:].max() < 1e-3  # the deviation of a constant


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("filler", [0.0, 1e4, float("nan")])
def test_padding_never_changes_the_answer(pooling: PoolingName, filler: float) -> None:
    torch.manual_seed(0)
    head = EmotionHead(4, 3, pooling, hidden=8)
    frames, mask = clips()
    batched = head(frames.masked_fill(~mask.unsqueeze(-1), filler), mask)
    for clip, length in enumerate(mask.sum(1).tolist()):
        alone = frames[clip : clip + 1, :length]
        logits = head(alone, torch.ones(1, length, dtype=torch.bool))
        torch.testing.assert_close(batched[clip], logits[0])


@pytest.mark.parametrize("pooling", POOLINGS)
def test_gradients_reach_all_weights_and_no_padding(pooling: PoolingName) -> None:
    torch.manual_seed(0)
    head = EmotionHead(4, 3, pooling, hidden=8)
    frames, mask = clips()
    frames.requires_grad_()
    head(frames, mask).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in head.parameters())
    assert frames.grad is not None
    assert torch.equal(frames.grad.any(-1), mask)


def test_the_head_projects_pools_and_classifies() -> None:
    head = EmotionHead(2, 2, hidden=1)
    with torch.no_grad():
        head.projection.weight.copy_(torch.tensor([[1.0, -1.0]]))
        head.projection.bias.fill_(0.5)
        head.classifier.weight.copy_(torch.tensor([[2.0], [-3.0]]))
        head.classifier.bias.copy_(torch.tensor([0.0, 1.0]))
    frames = torch.tensor([[[1.0, 4.0], [2.0, 9.0], [7.0, 0.0]]])
    # projections -2.5 and -6.5, mean -4.5: negative, so no rectifier hides here
    logits = head(frames, torch.tensor([[True, True, False]]))
    torch.testing.assert_close(logits, torch.tensor([[-9.0, 14.5]]))


def test_superb_sizes() -> None:
    head = EmotionHead(768, 6)
    sizes = {name: tuple(p.shape) for name, p in head.named_parameters()}
    assert sizes == {
        "projection.weight": (256, 768),
        "projection.bias": (256,),
        "classifier.weight": (6, 256),
        "classifier.bias": (6,),
    }


def test_dropout_acts_in_training_only() -> None:
    head = EmotionHead(4, 3, dropout=0.5)
    frames, mask = clips()
    assert not torch.equal(head(frames, mask), head(frames, mask))
    head.eval()
    assert torch.equal(head(frames, mask), head(frames, mask))


@pytest.mark.parametrize("pooling", POOLINGS)
def test_reset_draws_what_a_new_head_draws(pooling: PoolingName) -> None:
    torch.manual_seed(3)
    fresh = EmotionHead(4, 3, pooling)
    head = EmotionHead(4, 3, pooling)
    torch.manual_seed(3)
    head.reset_parameters()
    pairs = zip(head.parameters(), fresh.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_a_clip_without_frames_is_refused() -> None:
    frames, mask = clips()
    mask[1] = False
    modules: list[Any] = [masked_mean, *(EmotionHead(4, 3, p) for p in POOLINGS)]
    for pool in modules:
        with pytest.raises(ValueError, match="Clip 1 of the batch has no frame"):
            pool(frames, mask)


def test_an_unknown_pooling_is_refused() -> None:
    name: Any = "max"
    with pytest.raises(ValueError, match="'max': choose mean or attentive"):
        EmotionHead(4, 3, name)
