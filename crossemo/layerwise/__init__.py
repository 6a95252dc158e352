"""Analysis of the layers of an encoder from the judgements of probes."""

from crossemo.layerwise.choices import with_choices
from crossemo.layerwise.likeness import similarity_rows
from crossemo.layerwise.pairs import encoder_rows, pair_rows
from crossemo.layerwise.scores import score_rows

__all__ = ["encoder_rows", "pair_rows", "score_rows", "similarity_rows", "with_choices"]
