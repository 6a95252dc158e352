from typing import Any

import pytest
import torch
from torch import Tensor

from crossemo.encoders import load_encoder
from crossemo.encoders.conformer import ConformerBlock, positions_of
from tests.encoders.clips import LENGTHS, clips, distance
from tests.encoders.conftest import TinyFolder
from tests.encoders.tiny import tiny_model


def noise(frames: int) -> Tensor:
    return torch.randn(2, frames, 16, generator=torch.Generator().manual_seed(2))


def output(block: ConformerBlock, encoder: Any, hidden: Tensor, frames: int) -> Tensor:
    padding = torch.arange(hidden.shape[1]) >= frames
    mask = ~padding[None, None, None]
    with torch.no_grad():
        result: Tensor = block(
            hidden, mask, positions_of(encoder, hidden), padding[None, :, None]
        )
    return result[:, :frames]


@pytest.mark.parametrize("family", ["conformer", "conformer-large"])
def test_a_block_is_the_stock_one_and_hears_no_padding(family: str) -> None:
    encoder: Any = tiny_model(family).encoder
    stock, hidden = encoder.layers[0], noise(40)
    with torch.no_grad():
        expected = stock(
            hidden[:, :17],
            relative_position_embeddings=positions_of(encoder, hidden[:, :17]),
        )
        expected = expected[0] if isinstance(expected, tuple) else expected
    block = ConformerBlock(stock).eval()
    assert distance(output(block, encoder, hidden, 17), expected) < 1e-6
    assert block.state_dict().keys() == stock.state_dict().keys()


@pytest.mark.parametrize("family", ["conformer", "conformer-large"])
def test_training_leaves_the_statistics_of_pre_training(
    tiny_folder: TinyFolder, family: str
) -> None:
    encoder = load_encoder(str(tiny_folder(family)), "full", encoder_dropout=False)
    norms = [block.conv_module.batch_norm for block in encoder.model.encoder.layers]
    before = [norm.running_mean.clone() for norm in norms]
    trained = encoder.train()(clips(), LENGTHS).states
    assert encoder.model.encoder.layers[0].ffn1.training
    assert all(
        norm.running_mean.equal(mean) for norm, mean in zip(norms, before, strict=True)
    )
    assert torch.equal(encoder.eval()(clips(), LENGTHS).states, trained)


@pytest.mark.parametrize("family", ["conformer", "conformer-large"])
def test_positions_of_one_clip_are_none_of_another_s(family: str) -> None:
    encoder: Any = tiny_model(family).encoder
    long, short = noise(90), noise(30)
    expected = positions_of(encoder, short)
    assert expected is not None
    for other in (long, short.bfloat16()):
        positions_of(encoder, other)
        again = positions_of(encoder, short)
        torch.testing.assert_close(again, expected, rtol=0, atol=0)
