"""MusicFM (Won et al., 2024), of MuQ's shape, without the code it came with.

Names, shapes and steps are those of `musicfm_25hz.py` in its repository. Its files hold
no config.json: the one that crossemo reads holds `"model_type": "musicfm"` and, as
`stat`, what is in the file of statistics that was published with the weights.
"""

from types import MappingProxyType

from crossemo.encoders.families.muq import MuQFamily

# Of facebook/wav2vec2-conformer-rope-large-960h-ft, as copied into MuQ's public code.
_CONFORMER = MappingProxyType(
    {
        "conv_depthwise_kernel_size": 31,
        "hidden_act": "swish",
        "intermediate_size": 4096,
        "layer_norm_eps": 1e-5,
        "num_attention_heads": 16,
        "position_embeddings_type": "rotary",
        "rotary_embedding_base": 10000,
    }
)


class MusicFMFamily(MuQFamily):
    """MusicFM."""

    citation = """
    @inproceedings{won2024foundation,
      author = {Won, Minz and Hung, Yun-Ning and Le, Duc},
      title = {A Foundation Model for Music Informatics},
      booktitle = {IEEE International Conference on Acoustics, Speech and Signal
                   Processing},
      year = {2024},
      eprint = {2311.03318},
      archiveprefix = {arXiv},
    }
    """
    telltale = ""
    defaults = MappingProxyType({**MuQFamily.defaults, "w2v2_config": _CONFORMER})


FAMILY = MusicFMFamily()
