"""Sound encoders of other shapes, as users write them for X-ARES and the like."""

# mypy: disable-error-code="no-any-return, misc"

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import Wav2Vec2Model


class Spectrum:
    """No module and no weights: the level in bands."""

    sampling_rate, output_dim, hop_size_in_ms = 8_000, 5, 10

    def forward(self, audio: Tensor) -> Tensor:
        frames = audio.unfold(1, 160, 80)
        power = torch.fft.rfft(frames).abs().square()[..., :80]
        return power.unflatten(2, (5, 16)).mean(3).clamp(min=1e-8).log()


class Recurrent(nn.Module):
    """Knows nothing of padding, and runs through time."""

    sampling_rate = 16_000
    output_dim = 12
    hop_size_in_ms = 2.5

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.front_end = nn.Sequential(
            nn.Conv1d(1, 8, 10, 5, 4), nn.GELU(), nn.Conv1d(8, 8, 8, 8)
        )
        self.recurrent = nn.GRU(8, 6, bidirectional=True, batch_first=True)

    def forward(self, audio: Tensor) -> Tensor:
        return self.recurrent(self.front_end(audio[:, None]).transpose(1, 2))[0]


class Stock(nn.Module):
    """torch's own blocks with dropout, on a centred spectrogram."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.sampling_rate = 16_000
        self.output_dim = 16
        self.hop_size_in_ms = 10
        self.projection = nn.Linear(101, 16)
        block = nn.TransformerEncoderLayer(16, 2, 24, batch_first=True)
        self.blocks = nn.TransformerEncoder(block, 2, enable_nested_tensor=False)

    def count_frames(self, lengths: Sequence[int]) -> list[int]:
        return [length // 160 + 1 for length in lengths]

    def hidden_states(self, audio: Tensor, lengths: Tensor) -> list[Tensor]:
        counts = self.count_frames(lengths.tolist())
        clips = [
            torch.stft(
                row[:n], 200, 160, window=torch.hann_window(200), return_complex=True
            )
            for row, n in zip(audio, lengths.tolist(), strict=True)
        ]
        spectra = nn.utils.rnn.pad_sequence([one.abs().T for one in clips], True)
        hidden = self.projection((spectra + 1e-4).log())
        padding = torch.arange(hidden.shape[1]) >= torch.tensor(counts)[:, None]
        states = [hidden]
        for block in self.blocks.layers:
            states.append(block(states[-1], src_key_padding_mask=padding))
        return states

    def forward(self, audio: Tensor) -> Tensor:
        lengths = torch.tensor([audio.shape[1]] * len(audio))
        return self.hidden_states(audio, lengths)[-1]


class Frozen(nn.Module):
    """transformers' model as X-ARES wraps it: without gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.sampling_rate = 16_000
        self.output_dim = 16
        self.hop_size_in_ms = 1.25
        self.model = Wav2Vec2Model.from_pretrained(Path(__file__).parent)
        for name in ("layerdrop", "mask_time_prob", "mask_feature_prob"):
            setattr(self.model.config, name, 0.0)

    def forward(self, audio: Tensor) -> Tensor:
        self.model.eval()
        mean, variance = (
            audio.mean(1, keepdim=True),
            audio.var(1, keepdim=True, correction=0),
        )
        with torch.inference_mode():
            audio = (audio - mean) / (variance + 1e-7).sqrt()
            return self.model(audio).last_hidden_state


class Causal(nn.Module):
    """A frame hears what came before it, and half precision is refused."""

    sampling_rate = 16_000
    output_dim = 8
    hop_size_in_ms = 2

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.ModuleList(nn.Conv1d(c, 8, 4, 2) for c in (1, 8, 8, 8, 8))

    def forward(self, audio: Tensor) -> Tensor:
        hidden = audio[:, None].float()
        for layer in self.layers:
            hidden = functional.gelu(layer(functional.pad(hidden, (3, 0))))
        return hidden.transpose(1, 2)
