import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from crossemo.encoders import EncoderError, load_encoder
from crossemo.encoders.building import MOST_TENSORS, no_larger_than, one_refusal
from tests.encoders.tiny import edit_config, write_tiny


def test_whatever_is_raised_becomes_one_sentence() -> None:
    with pytest.raises(EncoderError) as caught, one_refusal("folder"):
        raise KeyError("first\n  second")
    sentence = str(caught.value)
    assert sentence.startswith("folder can't be loaded (nothing is called 'first")
    assert "\n" not in str(caught.value)
    with pytest.raises(EncoderError, match=r"^as it was$"), one_refusal("folder"):
        raise EncoderError("as it was")
    with pytest.raises(KeyboardInterrupt), one_refusal("folder"):
        raise KeyboardInterrupt


def test_a_model_is_stopped_before_it_fills_memory() -> None:
    tracemalloc.start()
    with pytest.raises(EncoderError, match="far larger"), no_larger_than(10, "big"):
        nn.Linear(50_000, 50_000)  # 10 GB, were it filled
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()
    with pytest.raises(EncoderError, match="10001 tensors"), no_larger_than(10, "many"):
        [nn.Linear(1, 1) for _ in range(MOST_TENSORS)]
    nn.Linear(1500, 1500)  # nobody counts any more


def test_a_parameter_that_is_replaced_counts_once() -> None:
    with no_larger_than(0, "loaded"):
        layer = nn.Linear(900, 1000)
        for _ in range(3):
            layer.weight = nn.Parameter(torch.zeros(1000, 900))


ODD: list[dict[str, Any]] = [
    {"num_attention_heads": 0},
    {"num_attention_heads": 3},
    {"hidden_size": 10**9},
    {"hidden_size": 10**30},
    {"hidden_size": [16]},
    {"num_hidden_layers": 10**9},
    {"num_hidden_layers": -1},
    {"intermediate_size": 10**12},
    {"conv_stride": [1, 1, 1]},
    {"conv_stride": [10**9, 1, 1]},
    {"conv_kernel": [0, 0, 0]},
    {"hidden_act": "no such thing"},
    {"hidden_act": ["gelu"]},
    {"layer_norm_eps": -1e9},
    {"layer_norm_eps": float("nan")},
    {"id2label": "x"},
    {"model_type": ["wav2vec2"]},
    {"add_adapter": True, "num_adapter_layers": 10**9},
    {"crossemo_provenance": 3},
    {"num_conv_pos_embedding_groups": 0},
]


@pytest.mark.parametrize("changes", ODD, ids=str)
def test_an_odd_configuration_is_one_sentence(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    write_tiny(tmp_path, "wav2vec2")
    edit_config(tmp_path, **changes)
    with pytest.raises(ValueError, match=tmp_path.name) as caught:
        load_encoder(str(tmp_path))
    assert type(caught.value).__name__ in ("EncoderError", "LeakError")
    assert "\n" not in str(caught.value)


def test_what_says_nothing_of_the_encoder_is_not_read(tmp_path: Path) -> None:
    write_tiny(tmp_path, "hubert")
    edit_config(
        tmp_path,
        num_labels=10**9,
        _attn_implementation="somebody/kernels",
        fusion_config={"x": 1},
        quantization_config={"quant_method": "x"},
        pruned_heads={"0": [0]},
    )
    encoder = load_encoder(str(tmp_path))
    assert encoder.model.config._attn_implementation == "sdpa"


def test_random_weights_of_absurd_size_are_refused(tmp_path: Path) -> None:
    write_tiny(tmp_path, "hubert")
    edit_config(tmp_path, hidden_size=10_000)
    with pytest.raises(EncoderError, match="far larger than"):
        load_encoder(str(tmp_path), random_weights=True)
