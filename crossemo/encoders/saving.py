"""Folders of encoders, with what their weights have seen in a file of its own."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from crossemo.data.provenance import Provenance
from crossemo.encoders.catalogue import EncoderError
from crossemo.encoders.sources import PROVENANCE, PROVENANCE_FIELD
from crossemo.files import write_text

if TYPE_CHECKING:
    from crossemo.encoders.encoder import SSLEncoder
    from crossemo.encoders.families.base import Model


def record_in_config(model: "Model", provenance: Provenance) -> None:
    """Have transformers' own `save_pretrained` write what the weights have seen."""
    config = getattr(model, "config", None)
    if config is None:
        return
    if provenance:
        setattr(config, PROVENANCE_FIELD, provenance.plain())
    elif hasattr(config, PROVENANCE_FIELD):
        delattr(config, PROVENANCE_FIELD)


def write_provenance(folder: Path, provenance: Provenance) -> None:
    """Write what weights in a folder have seen; no file if that is nothing."""
    if provenance:
        text = json.dumps(provenance.plain(), indent=1) + "\n"
        write_text(folder / PROVENANCE, text)
    else:
        (folder / PROVENANCE).unlink(missing_ok=True)


def save_encoder(encoder: "SSLEncoder", folder: Path) -> None:
    """Write an encoder as transformers does, with what its weights have seen.

    Args:
        encoder: The encoder.
        folder: Where to.

    Raises:
        EncoderError: It has adapters, or isn't a model of transformers.
    """
    adapted = encoder.adaptation.adapters is not None or encoder.tuning == "houlsby"
    if adapted or not hasattr(encoder.model, "save_pretrained"):
        what = f"adapters ({encoder.tuning})" if adapted else "no code to save it"
        raise EncoderError(
            f"{encoder.name} has {what}, so no folder of an encoder can hold it: save "
            "a checkpoint, or merge the adapters that the run wrote with peft."
        )
    from transformers import Wav2Vec2FeatureExtractor  # takes seconds to import

    encoder.model.save_pretrained(folder)
    Wav2Vec2FeatureExtractor(
        sampling_rate=encoder.sampling_rate, do_normalize=encoder.normalised
    ).save_pretrained(folder)
    write_provenance(folder, encoder.provenance)
