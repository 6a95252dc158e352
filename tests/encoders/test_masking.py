import numpy as np
import pytest
import torch
import transformers
from torch import nn

from crossemo.encoders.masking import convolve, group_norm, normalise, valid_mask

CPU = torch.device("cpu")


def test_the_mask_is_true_within_each_length() -> None:
    mask = valid_mask([2, 0, 3], 3, CPU)
    assert mask.tolist() == [[True, True, False], [False] * 3, [True] * 3]


def test_normalising_agrees_with_the_feature_extractor_clip_by_clip() -> None:
    extractor = transformers.Wav2Vec2FeatureExtractor()
    lengths = [4000, 401, 2500, 400]
    rng = np.random.default_rng(0)
    scales, offsets = [0.1, 3e-4, 1.0, 1e-3], [0.0, 0.01, -0.5, 0.0]
    rows = [
        (offset + scale * rng.standard_normal(length)).astype(np.float32)
        for length, scale, offset in zip(lengths, scales, offsets, strict=True)
    ]
    batch = torch.zeros(4, 4000)
    for clip, row in enumerate(rows):
        batch[clip, : len(row)] = torch.from_numpy(row)
    result = normalise(batch, valid_mask(lengths, 4000, CPU))
    for clip, row in enumerate(rows):
        expected = extractor(row, sampling_rate=16000, return_tensors="pt")
        torch.testing.assert_close(
            result[clip, : len(row)], expected.input_values[0], rtol=1e-4, atol=1e-5
        )
        assert not result[clip, len(row) :].any()


def test_normalising_silence_gives_silence() -> None:
    assert not normalise(torch.zeros(1, 9), torch.ones(1, 9, dtype=torch.bool)).any()


def test_a_group_norm_sees_the_frames_of_a_clip_only() -> None:
    norm = nn.GroupNorm(2, 2)
    nn.init.constant_(norm.weight, 2.0)
    nn.init.constant_(norm.bias, 1.0)
    # Over the valid frames both channels have mean 2 and variance 1.
    hidden = torch.tensor([[[1.0, 3.0, 50.0], [3.0, 1.0, -50.0]]]).repeat(2, 1, 1)
    result = group_norm(norm, hidden, [2, 3])
    unit = 1 / np.sqrt(1 + norm.eps)
    expected = [[1 - 2 * unit, 1 + 2 * unit, 0.0], [1 + 2 * unit, 1 - 2 * unit, 0.0]]
    torch.testing.assert_close(result[0], torch.tensor(expected, dtype=torch.float32))
    torch.testing.assert_close(result[1:], norm(hidden[1:]))


def test_a_group_norm_passes_gradients_to_the_valid_frames_only() -> None:
    norm = nn.GroupNorm(3, 3)
    hidden = torch.randn(2, 3, 5, requires_grad=True)
    weighted = group_norm(norm, hidden, [4, 5]) * torch.randn(2, 3, 5)
    slope, weight_slope = torch.autograd.grad(weighted.sum(), [hidden, norm.weight])
    assert not slope[0, :, 4:].any()
    assert slope[0, :, :4].all()
    assert slope[1].all()
    assert weight_slope.all()


@pytest.mark.parametrize("samples", [30, 31, 39, 40, 41, 49, 50, 333])
def test_frames_are_counted_as_the_convolutions_give_them(samples: int) -> None:
    class Layer(nn.Module):
        def __init__(self, kernel: int, stride: int) -> None:
            super().__init__()
            self.conv = nn.Conv1d(1, 1, kernel, stride)

        def forward(self, hidden: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = self.conv(hidden)
            return result

    layers = [Layer(10, 5), Layer(3, 2), Layer(2, 2)]
    features, counts = convolve(
        layers,
        torch.randn(2, samples),
        [samples, 30],
        lambda step, hidden: step(hidden),
    )
    assert counts == [features.shape[1], 1]
