"""transformers' model in a user's class, in whose lines tests plant faults."""

# mypy: disable-error-code="no-any-return, misc"

from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel, Wav2Vec2Model

HERE = Path(__file__).parent
OFF = {"layerdrop": 0.0, "mask_time_prob": 0.0}


class Rotary(PreTrainedModel):
    """As published with remote code: a buffer that no file holds."""

    config_class = PreTrainedConfig

    def __init__(self, config: PreTrainedConfig) -> None:
        super().__init__(config)
        self.linear = nn.Linear(16, 16)
        self.register_buffer("frequencies", torch.linspace(1, 2, 16), persistent=False)
        self.post_init()

    def forward(self, hidden: Tensor) -> Tensor:
        return self.linear(hidden) * self.frequencies


class MyEncoder(nn.Module):
    sampling_rate = 16_000
    output_dim = 16
    hop_size_in_ms = 1.25

    def __init__(self) -> None:
        super().__init__()
        self.model = Wav2Vec2Model.from_pretrained(HERE, **OFF)
        self.last = Rotary(PreTrainedConfig())
        nn.init.eye_(self.last.linear.weight)
        nn.init.zeros_(self.last.linear.bias)

    def forward(self, audio: Tensor) -> Tensor:
        mean, variance = audio.mean(1, True), audio.var(1, keepdim=True, correction=0)
        audio = (audio - mean) / (variance + 1e-7).sqrt()
        return self.last(self.model(audio).last_hidden_state)
