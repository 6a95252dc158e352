"""Self-supervised encoders of speech and music, with all their hidden states."""

from crossemo.encoders.catalogue import CATALOGUE, EncoderError, EncoderFacts
from crossemo.encoders.description import encoder_facts, encoder_provenance
from crossemo.encoders.encoder import HiddenStates, SSLEncoder
from crossemo.encoders.loading import load_encoder
from crossemo.encoders.saving import write_provenance
from crossemo.encoders.tuning.adaptation import Tuning

__all__ = [
    "CATALOGUE",
    "EncoderError",
    "EncoderFacts",
    "HiddenStates",
    "SSLEncoder",
    "Tuning",
    "encoder_facts",
    "encoder_provenance",
    "load_encoder",
    "write_provenance",
]
