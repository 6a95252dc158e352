"""wav2vec 2.0 (Baevski et al., 2020), whose shape the other speech families share.

Convolutions on the waveform, a projection, a convolutional position embedding, blocks.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

from torch import Tensor, nn

from crossemo.encoders.catalogue import KERNELS, STRIDES, EncoderError, receptive_field
from crossemo.encoders.families.base import (
    EncoderFiles,
    Family,
    Model,
    Run,
    transformers_model,
)
from crossemo.encoders.masking import convolve, count_frames, positions, valid_mask

# What transformers switches on in training mode: layers left out at random, which
# repeats hidden states and leaves parameters without a gradient, and masked stretches
# of time. Without the latter a model has no `masked_spec_embed`.
_ALWAYS_OFF = {
    "apply_spec_augment": False,
    "layerdrop": 0.0,
    "mask_feature_prob": 0.0,
    "mask_time_prob": 0.0,
}
_DROPOUT_OFF = {
    "activation_dropout": 0.0,
    "attention_dropout": 0.0,
    "conformer_conv_dropout": 0.0,
    "feat_proj_dropout": 0.0,
    "hidden_dropout": 0.0,
}
# Fields that change hidden states without a trace in the names and shapes of weights.
_TRAITS = (
    "conv_stride",
    "do_stable_layer_norm",
    "feat_extract_activation",
    "hidden_act",
    "layer_norm_eps",
    "max_bucket_distance",
    "num_attention_heads",
)


class Wav2Vec2Family(Family):
    """wav2vec 2.0.

    Attributes:
        stem: What the names of transformers' classes begin with.
        attention: transformers' name of the attention's implementation.
        since: The oldest version of transformers whose classes are as they are taken.
    """

    citation = """
    @inproceedings{baevski2020wav2vec2,
      author = {Baevski, Alexei and Zhou, Yuhao and Mohamed, Abdelrahman and
                Auli, Michael},
      title = {wav2vec 2.0: A Framework for Self-Supervised Learning of Speech
               Representations},
      booktitle = {Advances in Neural Information Processing Systems},
      volume = {33},
      pages = {12449--12460},
      year = {2020},
    }
    """
    stem: ClassVar[str] = "Wav2Vec2"
    attention: ClassVar[str] = "sdpa"
    since: ClassVar[str] = "5.0"
    # What pre-training and fine-tuning put above the encoder: the quantiser and
    # projections of the contrastive loss, HuBERT's cluster head, UniSpeech's heads of
    # phonemes and speakers, those of recognisers and classifiers; and the vector that
    # stands for masked time.
    heads = re.compile(
        r"(quantizer|project_q|project_hid|final_proj|label_emb(edding)?s_concat"
        r"|ctc_proj|speaker_proj|layer_norm_for_extract|lm_head|projector|classifier"
        r"|layer_weights)(\.|$)"
        r"|(.*\.)?masked_spec_embed$"
    )
    front_end = ("feature_extractor.",)
    places = MappingProxyType(
        {
            "query": "q_proj",
            "key": "k_proj",
            "value": "v_proj",
            "feed_forward": "output_dense",
            # Of the blocks; other norms of these encoders have no weights.
            "norms": r"encoder\.layers\.\d+\.(final_)?layer_norm",
        }
    )
    bottlenecks = ("attention.out_proj", "feed_forward.output_dense")

    def min_samples(self, files: EncoderFiles) -> int:
        """Return the receptive field of the convolutions."""
        kernels = tuple(files.config.get("conv_kernel", KERNELS))
        return receptive_field(kernels, tuple(files.config.get("conv_stride", STRIDES)))

    def normalises(self, files: EncoderFiles) -> bool:
        """Return what the files say, and True where they say nothing."""
        return bool(files.preprocessor.get("do_normalize", True))

    def fields(self, files: EncoderFiles) -> Mapping[str, Any]:
        """Return config.json in the terms of transformers' configuration."""
        return files.config

    def architecture(
        self, files: EncoderFiles, *, dropout: bool
    ) -> tuple[Callable[[Any], Model], Any]:
        """Return transformers' classes."""
        if files.config.get("conv_pos_batch_norm"):
            raise EncoderError(
                f"{files.name} has a batch norm before its positional convolution, "
                "which mixes the clips of a batch: choose an encoder without "
                "conv_pos_batch_norm."
            )
        off = _ALWAYS_OFF if dropout else _ALWAYS_OFF | _DROPOUT_OFF
        fields = {**self.fields(files), **off}
        return transformers_model(self.stem, files, fields, self.attention, self.since)

    def traits(self, model: Model, files: EncoderFiles) -> list[Any]:
        """Return the fields that show in no weight."""
        return [getattr(model.config, name, None) for name in _TRAITS]

    def count_frames(self, model: Model, lengths: Sequence[int]) -> list[int]:
        """Return the frames that the convolutions give."""
        layers = model.feature_extractor.conv_layers
        counts: list[int] = count_frames(layers, lengths)
        return counts

    def embed(
        self, model: Model, waveforms: Tensor, lengths: Sequence[int], run: Run
    ) -> Tensor:
        """Return the projected frames with their positions."""
        encoder = model.encoder
        signal = waveforms.to(model.dtype)
        layers = model.feature_extractor.conv_layers
        features, counts = convolve(layers, signal, lengths, run)
        padding = ~valid_mask(counts, features.shape[1], features.device)[:, :, None]
        projected = self.project(model, features).masked_fill(padding, 0)
        hidden = projected + positions(encoder.pos_conv_embed, projected, padding)
        if not _is_stable(model):
            hidden = encoder.layer_norm(hidden)
        embedded: Tensor = encoder.dropout(hidden)
        return embedded

    def project(self, model: Model, features: Tensor) -> Tensor:
        """Bring the convolutions' frames to the width of the blocks."""
        projected: Tensor = model.feature_projection(features)[0]
        return projected

    def blocks(self, model: Model) -> Sequence[nn.Module]:
        """Return the blocks."""
        layers: Sequence[nn.Module] = model.encoder.layers
        return layers

    def unreached(self, model: Model) -> tuple[str, ...]:
        """Return what follows the last hidden state."""
        norm = ("encoder.layer_norm.",) if _is_stable(model) else ()
        adapter = ("adapter.",) if getattr(model, "adapter", None) is not None else ()
        return norm + adapter


def _is_stable(model: Model) -> bool:
    return bool(getattr(model.config, "do_stable_layer_norm", False))


FAMILY = Wav2Vec2Family()
