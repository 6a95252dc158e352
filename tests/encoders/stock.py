"""Hidden states of transformers' own models, fed with their own feature extractors.

Of models that it hasn't, those that `tests/encoders/forward.py` writes down.
"""

from typing import Any

import torch
from torch import Tensor

from tests.encoders.forward import mapped_states
from tests.encoders.mapped import MAPPED
from tests.encoders.tiny import tiny_extractor, tiny_model


def stock_states(family: str, waveform: Tensor, **options: Tensor) -> Tensor:
    """Return the states `(states, frames, width)` of a clip by itself, `(samples,)`."""
    if family in MAPPED:
        return mapped_states(family, waveform)
    model: Any = tiny_model(family)
    if family == "whisper":
        return torch.cat(
            [_whisper(model, part) for part in torch.split(waveform, 16000)], 1
        )
    if family == "ast":
        return _ast(model, waveform)
    states = _states(model, tiny_extractor(family, model.config), waveform)
    if family == "w2v-bert":  # half a pair is padding
        return states[:, : ((len(waveform) - 400) // 160 + 1) // 2]
    return states


def _states(model: Any, extractor: Any, waveform: Tensor) -> Tensor:
    rate = extractor.sampling_rate
    inputs = extractor(waveform.numpy(), sampling_rate=rate, return_tensors="pt")
    with torch.no_grad():
        output = model(**inputs, output_hidden_states=True)
    return torch.cat(output.hidden_states)


def _whisper(model: Any, waveform: Tensor) -> Tensor:
    last = []
    encoder = model.encoder
    hook = encoder.layers[-1].register_forward_hook(lambda *args: last.append(args[2]))
    states = _states(encoder, tiny_extractor("whisper", model.config), waveform)
    hook.remove()
    with torch.no_grad():  # what transformers calls the last state has passed a norm
        torch.testing.assert_close(encoder.layer_norm(last[0])[0], states[-1])
    return torch.cat([states[:-1], last[0]])[:, : len(waveform) // 320]


def _ast(model: Any, waveform: Tensor) -> Tensor:
    """Return the means over three patches of frequency, two steps of 20 ms a window."""
    steps = ((len(waveform) - 400) // 160 + 1 - 2) // 2 + 1
    parts = []
    for start in range(0, steps, 3):
        window = waveform[start * 320 :][: 400 + 6 * 160]
        states = _states(model, tiny_extractor("ast", model.config), window)
        parts.append(states[:, 2:].reshape(len(states), 3, 3, -1).mean(1))
    return torch.cat(parts, 1)[:, :steps]
