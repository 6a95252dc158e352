"""AST (Gong et al., 2021): patches of log-mel spectrograms of ten seconds."""

import re
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from crossemo.encoders.families.base import (
    EncoderFiles,
    Family,
    Model,
    Run,
    transformers_model,
)
from crossemo.encoders.fixed_windows import cut, joined

_WINDOW, _HOP = 400, 160  # samples
_MEAN, _SCALE = -4.2677393, 4.5689974  # of AudioSet's spectrograms
_TOKENS = 2  # of the whole window, before those of the patches
_DROPOUT = ("attention_probs_dropout_prob", "hidden_dropout_prob")


class AudioSpectrogramTransformerFamily(Family):
    """AST.

    Its blocks read patches of frequency and time. A hidden state here has a frame for
    each step of time, the mean over frequency; the two tokens that stand for the whole
    window are left out. What is shorter than a window is padded as in training, and
    what is longer is cut into windows.
    """

    citation = """
    @inproceedings{gong2021ast,
      author = {Gong, Yuan and Chung, Yu-An and Glass, James},
      title = {{AST}: Audio Spectrogram Transformer},
      booktitle = {Interspeech},
      pages = {571--575},
      year = {2021},
    }
    """
    model_types = ("audio-spectrogram-transformer",)
    heads = re.compile(r"classifier(\.|$)")
    front_end = ("embeddings.",)
    places = MappingProxyType(
        {
            "query": "q_proj",
            "key": "k_proj",
            "value": "v_proj",
            "feed_forward": "mlp.fc2",
            "norms": r"layers\.\d+\.layernorm_(before|after)",
        }
    )
    bottlenecks = ("attention.o_proj", "mlp.fc2")
