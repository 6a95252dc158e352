import pytest
import torch
from transformers import WavLMConfig
from transformers.models.wavlm.modeling_wavlm import WavLMAttention

from crossemo.encoders.attention import Attention
from crossemo.encoders.families.wavlm import GatedRelativeAttention


def stock_attention(first: bool = True, heads: int = 2) -> WavLMAttention:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        attention = WavLMAttention(
            16,
            heads,
            num_buckets=32,
            max_distance=100,
            has_relative_position_bias=first,
        )
        for parameter in attention.parameters():
            torch.nn.init.normal_(parameter, std=0.5)
    return attention.eval()


def replacement(
    stock: WavLMAttention, attention: Attention = "sdpa"
) -> GatedRelativeAttention:
    config = WavLMConfig()
    config._attn_implementation = attention
    return GatedRelativeAttention(stock, config)


def test_the_position_bias_is_the_stock_one_near_and_far() -> None:
    stock = stock_attention()
    with torch.no_grad():
        expected = stock.compute_bias(300, 300)
        assert torch.equal(replacement(stock).position_bias(300), expected)


def test_the_buckets_of_the_published_shape_are_the_stock_ones() -> None:
    stock = WavLMAttention(8, 2, num_buckets=320, max_distance=800)
    offsets = torch.arange(-3000, 3001)
    expected = stock._relative_positions_bucket(offsets)
    assert torch.equal(replacement(stock)._buckets(offsets), expected)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("first", [True, False])
def test_attention_is_the_stock_one_to_rounding(
    first: bool, attention: Attention
) -> None:
    stock = stock_attention(first)
    ours = replacement(stock, attention)
    hidden = torch.randn(3, 40, 16)
    bias = torch.randn(2, 40, 40)
    with torch.no_grad():
        if first:
            expected, _, stock_bias = stock(hidden)
            result, _, our_bias = ours(hidden)
        else:
            expected, _, stock_bias = stock(hidden, position_bias=bias.repeat(3, 1, 1))
            result, _, our_bias = ours(hidden, position_bias=bias)
    torch.testing.assert_close(result, expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(our_bias.repeat(3, 1, 1), stock_bias)


@pytest.mark.filterwarnings("ignore:Support for mismatched key_padding_mask")
def test_masked_frames_are_not_attended_to_as_in_the_stock_one() -> None:
    stock = stock_attention()
    mask = torch.arange(40) < torch.tensor([40, 13, 1])[:, None]
    hidden = torch.randn(3, 40, 16)
    with torch.no_grad():
        expected, *_ = stock(hidden, attention_mask=mask)
        result, *_ = replacement(stock)(hidden, attention_mask=mask[:, None, None, :])
    torch.testing.assert_close(result, expected, rtol=1e-5, atol=1e-5)


def test_weights_keep_their_names() -> None:
    for first in (True, False):
        stock = stock_attention(first)
        names = set(stock.state_dict())
        assert set(replacement(stock).state_dict()) == names


def test_dropout_acts_in_training_only() -> None:
    stock = stock_attention()
    stock.dropout = 0.5
    ours = replacement(stock)
    hidden = torch.randn(1, 12, 16)
    assert not torch.equal(ours(hidden)[0], ours(hidden)[0])
    ours.eval()
    assert torch.equal(ours(hidden)[0], ours(hidden)[0])
