import numpy as np
import pytest
import torch
from torch import Tensor

from crossemo.mix import LayerMix, LayerMode


def states(num_states: int = 4, width: int = 5) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(num_states, 2, 3, width, generator=generator)


def test_training_starts_from_the_plain_mean() -> None:
    x = states()
    torch.testing.assert_close(LayerMix(4, 5)(x), x.mean(0))


def test_the_sum_is_weighted_by_the_softmax() -> None:
    mix = LayerMix(3, 1)
    with torch.no_grad():
        mix.raw_weights.copy_(torch.tensor([1.0, 2.0, 5.0]).log())
    x = torch.tensor([8.0, 16.0, 24.0]).view(3, 1, 1, 1)
    torch.testing.assert_close(mix.weights(), torch.tensor([0.125, 0.25, 0.625]))
    assert mix(x).item() == pytest.approx(20.0)  # 1 + 4 + 15


def test_weights_receive_the_gradient_of_the_softmax() -> None:
    mix = LayerMix(2, 1)
    mix(torch.tensor([1.0, 3.0]).view(2, 1, 1, 1)).sum().backward()
    grad = mix.raw_weights.grad
    assert grad is not None
    # d/da of s·1 + (1 - s)·3 at s = 1/2 is s (1 - s) (1 - 3)
    torch.testing.assert_close(grad, torch.tensor([-0.5, 0.5]))


@pytest.mark.parametrize(("mode", "index"), [("last", 3), (0, 0), (2, 2), (3, 3)])
def test_one_state_is_taken_as_it_is(mode: LayerMode, index: int) -> None:
    x = states()
    mix = LayerMix(4, 5, mode)
    assert torch.equal(mix(x), x[index])
    assert torch.equal(mix.weights(), torch.eye(4)[index])
    assert not list(mix.parameters())
    assert not mix.state_dict()


def test_only_the_weighted_sum_trains() -> None:
    assert [p.shape for p in LayerMix(13, 768).parameters()] == [(13,)]


@pytest.mark.parametrize("mode", ["weighted", "last", 1])
def test_states_are_normalised_before_the_sum(mode: LayerMode) -> None:
    x = states() * torch.tensor([1.0, 10.0, 100.0, 1000.0]).view(4, 1, 1, 1) + 7
    values = x.double().numpy()
    centred = values - values.mean(-1, keepdims=True)
    normed = centred / np.sqrt(values.var(-1, keepdims=True) + 1e-5)
    expected = {"weighted": normed.mean(0), "last": normed[3], 1: normed[1]}[mode]
    mixed = LayerMix(4, 5, mode, layer_norm=True)(x)
    np.testing.assert_allclose(mixed.detach().numpy(), expected, atol=1e-4)


def test_layer_norm_has_no_parameters() -> None:
    assert len(list(LayerMix(4, 5, layer_norm=True).parameters())) == 1


def test_half_precision_states_stay_half() -> None:
    x = states()
    mixed = LayerMix(4, 5)(x.bfloat16())
    assert mixed.dtype == torch.bfloat16
    torch.testing.assert_close(mixed.float(), x.mean(0), atol=0.02, rtol=0.02)


@pytest.mark.parametrize("mode", [4, -1, "first", True, 1.0])
def test_unknown_modes_name_the_range(mode: LayerMode) -> None:
    with pytest.raises(ValueError, match="weighted, last or an index from 0 to 3"):
        LayerMix(4, 5, mode)


@pytest.mark.parametrize("shape", [(3, 2, 3, 5), (4, 2, 3, 6), (4, 3, 5)])
def test_states_of_another_encoder_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"\(4, batch, frames, 5\)"):
        LayerMix(4, 5)(torch.zeros(shape))
