"""A folder with all that a model needs elsewhere, written whole or not at all."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import save_file
from torch import Tensor

from crossemo.cache import new_folder
from crossemo.corpora.facts import content_digest
from crossemo.encoders import SSLEncoder, write_provenance
from crossemo.encoders.sources import read_json
from crossemo.encoders.weights import quiet
from crossemo.errors import reason_of
from crossemo.files import expanded, write_text
from crossemo.heads import EmotionHead
from crossemo.mix import LayerMix
from crossemo.sharing.model_card import FILE as CARD
from crossemo.sharing.model_facts import ModelError, ModelFacts
from crossemo.sharing.onnx_form import check_libraries, write_onnx
from crossemo.sharing.own_form import own_outputs, write_own
from crossemo.sharing.pretrained import PREPROCESSOR, RELIABILITY
from crossemo.sharing.stock_form import (
    obstacle,
    oldest_version,
    stock_outputs,
    write_stock,
)

ADAPTER = "adapter"
_CLASSES = "single_label_classification"  # as transformers calls it
_CLOSE = 1e-4  # of outputs, against the largest of them; rounding gives 1e-6
_SETTINGS = ("layers", "layer_norm", "pooling", "hidden")  # of mix and head


class Parts(NamedTuple):
    """The parts of a recogniser, in evaluation mode.

    Args:
        encoder: The encoder.
        mix: The mix of its hidden states.
        head: The head.
    """

    encoder: SSLEncoder
    mix: LayerMix
    head: EmotionHead

    def outputs(self, waveform: Tensor) -> Tensor:
        """Return what they say of a clip, `(samples,)`: `(outputs,)`."""
        with torch.no_grad():
            hidden = self.encoder(waveform[None], torch.tensor([len(waveform)]))
            outputs: Tensor = self.head(self.mix(hidden.states), hidden.mask)[0]
        return outputs


def share(
    parts: Parts,
    facts: ModelFacts,
    folder: str | Path,
    reliability: Mapping[str, Tensor] | None = None,
    *,
    card: Callable[[ModelFacts], str] | None = None,
    onnx: bool = False,
) -> ModelFacts:
    """Write a model to a new folder: for plain transformers, where that is exact.

    What was written is read again and compared with the model.

    Args:
        parts: The model, on the CPU.
        facts: What is known of it.
        folder: The folder; absent or empty.
        reliability: What is known of its reliability.
        card: Makes the text of its card, which its owner may edit: no digest is kept.
        onnx: Write it as a graph too, see `write_onnx`.

    Returns:
        The facts as they stand in the folder.

    Raises:
        CrossEmoError: There is something in the folder, it can't be written, or no
            folder can hold the model.
    """
    try:
        final = expanded(folder)
        if final.exists() and not (final.is_dir() and not any(final.iterdir())):
            raise ModelError(f"{folder} exists already: name a new folder.")
        if onnx:
            check_libraries()
        with new_folder(final, lambda there, ours: False, sums=False) as unfinished:
            shared = _write_weights(parts, _public(facts), unfinished)
            if parts.encoder.adaptation.adapters is not None:
                _write_adapter(parts.encoder, shared, unfinished / ADAPTER)
            if reliability is not None:
                save_file(dict(reliability), unfinished / RELIABILITY)
            if onnx:
                write_onnx(*parts, shared, unfinished)
            shared = replace(shared, sums=digests(unfinished))
            shared.write(unfinished)
            if card is not None:
                write_text(unfinished / CARD, card(shared))
    except OSError as error:
        raise ModelError(
            f"The model can't be written to {folder}: {reason_of(error)}; choose "
            "another folder."
        ) from error
    return shared


def digests(folder: Path) -> dict[str, str]:
    """Return the digests of all files in a folder by their names there.

    Raises:
        OSError: One can't be read.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): content_digest(path) for path in files}


def _write_weights(parts: Parts, facts: ModelFacts, folder: Path) -> ModelFacts:
    """Write the model in the form that holds it, and say in which and why."""
    encoder, mix, head = parts
    if encoder.family.code is not None:
        raise ModelError(
            f"The encoder is {encoder.family.code}, and no folder of a model holds "
            "code: share that file beside the run's folder."
        )
    extractor = encoder.extractor()
    # Or a batch would be pooled over its padding.
    extractor.return_attention_mask = True
    extractor.save_pretrained(folder)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(encoder.sampling_rate, generator=generator)
    expected = parts.outputs(noise)
    reason = obstacle(encoder, mix, head)
    if reason is None:
        problem = "regression" if facts.task == "values" else _CLASSES
        try:
            write_stock(encoder, mix, head, facts.classes, problem, folder)
            if _alike(stock_outputs(folder, noise), expected):
                oldest = oldest_version(encoder, facts.task)
                return replace(facts, form="transformers", oldest=oldest)
            reason = "transformers computes something else of the same weights"
        except Exception as error:  # of whatever kind a class raises that isn't ours
            reason = f"transformers can't hold it ({reason_of(error)})"
    settings = {name: facts.hyperparameters[name] for name in _SETTINGS}
    narrow = encoder.tuning == "houlsby"
    settings |= {
        "classes": list(facts.classes),
        "tuning": "houlsby" if narrow else "frozen",
        "peft": facts.hyperparameters["peft"] if narrow else None,
    }
    write_own(encoder, mix, head, settings, read_json(folder / PREPROCESSOR), folder)
    if not _alike(own_outputs(folder, noise), expected):
        raise ModelError(
            f"No folder can hold this model ({encoder.name}, tuning {encoder.tuning}): "
            "what was written says something else. Share the run's folder instead."
        )
    return replace(facts, form="crossemo", obstacle=reason, oldest=None)


def _alike(outputs: Tensor, expected: Tensor) -> bool:
    return bool((outputs - expected).abs().max() <= _CLOSE * expected.abs().max())


def _write_adapter(encoder: SSLEncoder, facts: ModelFacts, folder: Path) -> None:
    """Write the adapters as plain peft loads them onto the encoder that they are of."""
    assert encoder.adaptation.adapters is not None
    with quiet():  # peft looks at the encoder's own config.json
        encoder.adaptation.adapters.save(folder)
    path = folder / "adapter_config.json"
    config = read_json(path)
    config["base_model_name_or_path"] = (
        facts.encoder["repository"] or facts.encoder["name"]
    )
    config["revision"] = facts.encoder["revision"]
    (folder / "README.md").unlink(missing_ok=True)  # peft's, without a word of its own
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    write_provenance(folder, encoder.provenance)


def _public(facts: ModelFacts) -> ModelFacts:
    """Return facts that name no folder of this machine."""
    name = str(facts.encoder["name"])
    name = Path(name).name if os.path.isdir(expanded(name)) else name
    return replace(
        facts,
        encoder={**facts.encoder, "name": name},
        hyperparameters={**facts.hyperparameters, "encoder": name},
    )
