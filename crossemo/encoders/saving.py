"""Folders of encoders, with what their weights have seen in a file of its own."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crossemo.data.provenance import Provenance
from crossemo.encoders.families.base import Model
from crossemo.encoders.sources import PROVENANCE, PROVENANCE_FIELD, WEIGHTS
from crossemo.files import replacing_in, write_text


def record_in_config(model: Model, provenance: Provenance) -> None:
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


def save_encoder(
    model: Model,
    config: Mapping[str, Any],
    extractor: Any,  # noqa: ANN401
    provenance: Provenance,
    folder: Path,
) -> None:
    """Write an encoder as transformers does, with what its weights have seen.

    Args:
        model: The model, without adapters.
        config: What its config.json said, which is written again for a model that
            isn't transformers' own.
        extractor: transformers' feature extractor, which says what it takes.
        provenance: What its weights have seen.
        folder: Where to. Its other files stay.

    Raises:
        OSError: The folder can't be written or the disk is full.
    """
    with replacing_in(folder) as unfinished:
        if hasattr(model, "save_pretrained"):
            model.save_pretrained(unfinished)
        else:
            _write_plainly(model, config, unfinished)
        extractor.save_pretrained(unfinished)
    write_provenance(folder, provenance)


def _write_plainly(model: Model, config: Mapping[str, Any], folder: Path) -> None:
    from safetensors.torch import save_file

    write_text(folder / "config.json", json.dumps(dict(config), indent=1) + "\n")
    tensors = {key: t.contiguous() for key, t in model.state_dict().items()}
    save_file(tensors, folder / WEIGHTS[0], metadata={"format": "pt"})
