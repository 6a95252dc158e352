"""A recogniser in the form of huggingface_hub's PyTorchModelHubMixin."""

from pathlib import Path
from typing import Any

import torch
from huggingface_hub import PyTorchModelHubMixin
from huggingface_hub.constants import CONFIG_NAME, SAFETENSORS_SINGLE_FILE
from torch import Tensor, nn

from crossemo.encoders import SSLEncoder
from crossemo.encoders.families.base import EncoderFiles
from crossemo.encoders.loading import encoder_of_files
from crossemo.encoders.sources import ENCODER_FIELD, PROVENANCE_FIELD, read_json
from crossemo.encoders.tensors import read_tensors
from crossemo.heads import EmotionHead
from crossemo.mix import LayerMix


class SharedRecognizer(nn.Module, PyTorchModelHubMixin, library_name="crossemo"):
    """An encoder, a layer mix and a head that need nothing but their own folder.

    `SharedRecognizer.from_pretrained(folder_or_hub_id)` is huggingface_hub's;
    `EmotionRecognizer.from_pretrained` reads the same folder, and checks it.

    Args:
        encoder: Content of the encoder's config.json.
        preprocessor: Content of its preprocessor_config.json.
        settings: What `EmotionRecognizer` takes under these names: `tuning` and `peft`
            of adapters that couldn't be merged, `layers`, `layer_norm`, `classes`,
            `pooling` and `hidden`.
    """

    def __init__(
        self,
        encoder: dict[str, Any],
        preprocessor: dict[str, Any],
        settings: dict[str, Any],
    ) -> None:
        super().__init__()
        files = EncoderFiles("the shared encoder", encoder, preprocessor)
        self.encoder = encoder_of_files(files, settings["tuning"], settings["peft"])
        width, states = self.encoder.width, self.encoder.num_states
        self.mix = LayerMix(states, width, settings["layers"], settings["layer_norm"])
        outputs = len(settings["classes"])
        self.head = EmotionHead(width, outputs, settings["pooling"], settings["hidden"])

    def forward(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        """Return the outputs for a batch of waveforms.

        Args:
            waveforms: `(batch, samples)` at the encoder's rate, padded on the right.
            lengths: `(batch,)` valid samples.

        Returns:
            `(batch, outputs)`, such as logits.
        """
        hidden = self.encoder(waveforms, lengths)
        outputs: Tensor = self.head(self.mix(hidden.states), hidden.mask)
        return outputs


def write_own(
    encoder: SSLEncoder,
    mix: LayerMix,
    head: EmotionHead,
    settings: dict[str, Any],
    preprocessor: dict[str, Any],
    folder: Path,
) -> None:
    """Write config.json and model.safetensors of a `SharedRecognizer`.

    Args:
        encoder: The encoder; adapters are merged unless they are bottlenecks.
        mix: The mix of its hidden states.
        head: The head.
        settings: As `SharedRecognizer` takes them.
        preprocessor: As `SharedRecognizer` takes it.
        folder: Where to.

    Raises:
        EncoderError: The adapters can't be merged.
        OSError: The folder can't be written or the disk is full.
    """
    model = encoder.model if settings["tuning"] == "houlsby" else encoder.merged()
    config = {"model_type": encoder.family.model_types[0], **encoder.files.config}
    config.pop("_name_or_path", None)  # a folder of another machine
    if encoder.provenance:
        config[PROVENANCE_FIELD] = encoder.provenance.plain()
    parts = {"encoder.model": model, "mix": mix, "head": head}
    state = {
        f"{place}.{key}": value.detach().cpu().clone()  # no view of a larger one
        for place, part in parts.items()
        for key, value in part.state_dict().items()
    }
    shared = SharedRecognizer(config, preprocessor, settings)
    shared.load_state_dict(state, assign=True)
    shared.save_pretrained(
        folder,
        config={
            ENCODER_FIELD: config,
            "preprocessor": preprocessor,
            "settings": settings,
        },
    )
    (folder / "README.md").unlink(missing_ok=True)  # the mixin's, which says nothing


def own_outputs(folder: Path, waveform: Tensor) -> Tensor:
    """Return what the recogniser in a folder says of a clip.

    Args:
        folder: The folder.
        waveform: `(samples,)` at the rate of the model.

    Returns:
        `(outputs,)`.
    """
    shared = SharedRecognizer(**read_json(folder / CONFIG_NAME))
    shared.load_state_dict(read_tensors(folder / SAFETENSORS_SINGLE_FILE))
    with torch.no_grad():
        outputs: Tensor = shared.eval()(waveform[None], torch.tensor([len(waveform)]))
    return outputs[0]
