"""A made-up family: Whisper's blocks on a log-mel spectrogram, without windows."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from torch import Tensor, nn

from crossemo.encoders.families.base import EncoderFiles, Family, Model, Run

WINDOW, HOP = 400, 160
_SIZES = ("d_model", "encoder_attention_heads", "encoder_ffn_dim", "encoder_layers")
_DROPOUT = ("activation_dropout", "attention_dropout", "dropout")


class MelModel(nn.Module):
    def __init__(self, config: Any) -> None:
        from torchaudio.transforms import MelSpectrogram
        from transformers.models.whisper.modeling_whisper import WhisperEncoderLayer

        super().__init__()
        self.config = config
        self.mel = MelSpectrogram(
            n_fft=WINDOW, hop_length=HOP, n_mels=config.num_mel_bins, center=False
        )
        self.projection = nn.Linear(config.num_mel_bins, config.d_model)
        self.layers = nn.ModuleList(
            WhisperEncoderLayer(config) for _ in range(config.encoder_layers)
        )
        self.norm = nn.LayerNorm(config.d_model)  # above the last hidden state


class MadeUpMelFamily(Family):
    places: ClassVar = {
        "query": "q_proj",
        "key": "k_proj",
        "value": "v_proj",
        "feed_forward": "fc2",
        "norms": r"layers\.\d+\.(self_attn|final)_layer_norm",
    }
    bottlenecks = ("self_attn.out_proj", "fc2")

    def min_samples(self, files: EncoderFiles) -> int:
        return WINDOW

    def architecture(
        self, files: EncoderFiles, *, dropout: bool
    ) -> tuple[Callable[[Any], Model], Any]:
        from transformers import WhisperConfig

        names = (*_SIZES, "num_mel_bins", *(_DROPOUT if dropout else ()))
        fields = {name: files.config[name] for name in names}
        config = WhisperConfig(**fields, encoder_layerdrop=0.0)
        config._attn_implementation = "sdpa"
        return MelModel, config

    def count_frames(self, model: Model, lengths: Sequence[int]) -> list[int]:
        return [(length - WINDOW) // HOP + 1 for length in lengths]

    def embed(
        self, model: Model, waveforms: Tensor, lengths: Sequence[int], run: Run
    ) -> Tensor:
        mel = model.mel(waveforms).clamp(min=1e-6).log()  # (batch, bins, frames)
        embedded: Tensor = model.projection(mel.transpose(1, 2))
        return embedded

    def blocks(self, model: Model) -> Sequence[nn.Module]:
        blocks: Sequence[nn.Module] = model.layers
        return blocks

    def unreached(self, model: Model) -> tuple[str, ...]:
        return ("norm.",)


FAMILY = MadeUpMelFamily()
