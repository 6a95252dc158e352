"""MERT checkpoints as HuBERT models, without the code in their repository.

MERT (Li et al., 2024) is HuBERT trained on music at 24 kHz: the published 95M and 330M
checkpoints differ from transformers' HuBERT only in fields of the configuration and in
the names of two tensors of the positional convolution.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from crossemo.encoders.catalogue import EncoderError
from crossemo.encoders.families.base import EncoderFiles, Model
from crossemo.encoders.families.hubert import HubertFamily
from crossemo.encoders.tensors import read_encoder

# Branches of MERT's code that HuBERT lacks.
_UNSUPPORTED = ("feature_extractor_cqt", "deepnorm")
# Fields without a meaning for HuBERT; attention_relax shifts the softmax's input, which
# changes nothing.
_FOREIGN = (
    *_UNSUPPORTED,
    "attention_relax",
    "feature_extractor_cqt_bins",
    "model_type",
    "sample_rate",
    "tokenizer_class",
)
# The two tensors of a weight norm, as the files name them and as torch does since 2.0.
_WEIGHT_NORM = {
    "weight_g": "parametrizations.weight.original0",
    "weight_v": "parametrizations.weight.original1",
}
_CONV = "encoder.pos_conv_embed.conv"


class MertFamily(HubertFamily):
    """MERT."""

    citation = """
    @inproceedings{li2024mert,
      author = {Li, Yizhi and Yuan, Ruibin and Zhang, Ge and Ma, Yinghao and
                Chen, Xingran and Yin, Hanzhi and Xiao, Chenghao and Lin, Chenghua and
                Ragni, Anton and Benetos, Emmanouil and Gyenge, Norbert and
                Dannenberg, Roger and Liu, Ruibo and Chen, Wenhu and Xia, Gus and
                Shi, Yemin and Huang, Wenhao and Wang, Zili and Guo, Yike and Fu, Jie},
      title = {{MERT}: Acoustic Music Understanding Model with Large-Scale
               Self-Supervised Training},
      booktitle = {International Conference on Learning Representations},
      year = {2024},
      eprint = {2306.00107},
      archiveprefix = {arXiv},
    }
    """
    sampling_rate = 24_000
    untried = True
    model_types = ("mert_model", "mert")

    def fields(self, files: EncoderFiles) -> Mapping[str, Any]:
        """Return MERT's configuration as HuBERT's.

        Raises:
            EncoderError: The checkpoint uses a part of MERT that HuBERT hasn't.
        """
        for option in _UNSUPPORTED:
            if files.config.get(option):
                raise EncoderError(
                    f"{files.name} has {option} switched on, which HuBERT can't "
                    "compute: use m-a-p/MERT-v1-95M or m-a-p/MERT-v1-330M."
                )
        return {k: value for k, value in files.config.items() if k not in _FOREIGN}

    def check(self, model: Model, weights: Path) -> None:
        """Compare the positional convolution with the file, tensor by tensor.

        transformers renames these two tensors as it loads them. A mistake there would
        leave them random, and the hidden states would still look plausible.

        Raises:
            EncoderError: A tensor isn't in the file or isn't the one in the model.
        """
        stored, loaded = read_encoder(weights), model.state_dict()
        for old, new in _WEIGHT_NORM.items():
            tensor = stored.get(f"{_CONV}.{old}", stored.get(f"{_CONV}.{new}"))
            expected = loaded[f"{_CONV}.{new}"]
            if tensor is None or not torch.equal(tensor.float(), expected):
                raise EncoderError(
                    f"{old} of the positional convolution in {weights} didn't reach "
                    "the model: the file isn't in MERT's format."
                )


FAMILY = MertFamily()
