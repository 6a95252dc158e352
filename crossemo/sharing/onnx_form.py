"""A recogniser as an ONNX graph, which runs without PyTorch."""

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from importlib.util import find_spec
from math import isfinite
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from crossemo.encoders import SSLEncoder
from crossemo.errors import listed, reason_of
from crossemo.files import replacing_in
from crossemo.heads import EmotionHead
from crossemo.mix import LayerMix
from crossemo.sharing.model_facts import ModelError, ModelFacts

FILE = "model.onnx"
INPUTS = ("waveforms", "lengths")
_AXES = ({0: "batch", 1: "samples"}, {0: "batch"})  # of any size
_LIBRARIES = ("onnx", "onnxruntime", "onnxscript")
_CLOSE = 1e-4  # of outputs, against the largest of them


def write_onnx(
    encoder: SSLEncoder,
    mix: LayerMix,
    head: EmotionHead,
    facts: ModelFacts,
    folder: Path,
) -> float:
    """Write `model.onnx`, if it says the same as the model.

    It takes `waveforms`, `(batch, samples)` float32 at the model's rate, padded on the
    right, and `lengths`, `(batch,)` int64, and gives `outputs`, `(batch, outputs)`, as
    `EmotionRecognizer` does: a clip gets the same alone and beside longer ones. Rate,
    shortest clip, task and names of the outputs stand in the graph's metadata.

    Args:
        encoder: The encoder; adapters are merged unless they are bottlenecks.
        mix: The mix of its hidden states.
        head: The head; all three on the CPU.
        facts: What is known of the model.
        folder: Where to.

    Returns:
        The largest difference of an output from PyTorch's over clips of several
        lengths, alone and padded, in units of the largest output.

    Raises:
        ModelError: A library is missing, PyTorch can't export the model, or the graph
            says something else.
        OSError: The folder can't be written or the disk is full.
    """
    check_libraries()
    about = {
        "sampling_rate": encoder.sampling_rate,
        "min_samples": encoder.min_samples,
        "task": facts.task,
        "outputs": list(facts.classes),
    }
    graph = _Graph(encoder, mix, head).eval()
    with replacing_in(folder) as scratch:
        program = _exported(graph, encoder)
        texts = {name: json.dumps(value) for name, value in about.items()}
        program.model.metadata_props.update(texts)
        for node in program.model.graph.all_nodes():
            node.metadata_props.clear()  # which name folders of this machine
        program.save(scratch / FILE)
        far = _difference(graph, encoder, scratch / FILE)
        if not far <= _CLOSE:  # which NaN isn't either
            apart = f"differ by {far:.1g} of the largest, and {_CLOSE:g} is allowed"
            reason = apart if isfinite(far) else "are no numbers"
            raise ModelError(
                f"As ONNX the model says something else: outputs {reason}. Share it "
                "without --onnx."
            )
    return far


def check_libraries() -> None:
    """Refuse what needs the extra `onnx` where it isn't installed.

    Raises:
        ModelError: A library is missing.
    """
    if missing := [name for name in _LIBRARIES if find_spec(name) is None]:
        raise ModelError(
            f"ONNX needs {listed(missing, last=' and ')}: install crossemo[onnx]."
        )


class _Graph(nn.Module):
    """From waveforms and their lengths to the outputs."""

    def __init__(self, encoder: SSLEncoder, mix: LayerMix, head: EmotionHead) -> None:
        super().__init__()
        self.encoder, self.mix, self.head = encoder, mix, head
        if encoder.adaptation.adapters is not None:
            self.encoder = deepcopy(encoder)
            self.encoder.model = encoder.merged()

    def forward(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        hidden = self.encoder(waveforms, lengths)
        outputs: Tensor = self.head(self.mix(hidden.states), hidden.mask)
        return outputs


def _exported(graph: nn.Module, encoder: SSLEncoder) -> Any:  # noqa: ANN401
    try:
        with _quiet(), torch.no_grad():
            return torch.onnx.export(
                graph,
                _clips(encoder, [2.0, 1.0, 1.5]),
                dynamo=True,
                dynamic_shapes=_AXES,
                input_names=INPUTS,
                output_names=("outputs",),
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
        raise ModelError(
            f"PyTorch can't write {encoder.name} as ONNX ({reason_of(cause)}): share "
            "it without --onnx."
        ) from error


def _difference(graph: nn.Module, encoder: SSLEncoder, path: Path) -> float:
    """Return how far the file is from the model, NaN where either gives no number."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    session = onnxruntime.InferenceSession(
        path, options, providers=["CPUExecutionProvider"]
    )
    far = []
    for seconds in ([0.7], [3.1, 1.3, 0.0, 2.2], [1.0, 1.0]):
        clips = _clips(encoder, seconds)
        with torch.no_grad():
            expected: Tensor = graph(*clips)
        arrays = [clip.numpy() for clip in clips]
        (outputs,) = session.run(None, dict(zip(INPUTS, arrays, strict=True)))
        apart = (torch.from_numpy(outputs) - expected).abs().max()
        far.append(apart / expected.abs().max())
    return float(torch.stack(far).max())


def _clips(encoder: SSLEncoder, seconds: list[float]) -> tuple[Tensor, Tensor]:
    """Return noise of some lengths, as short as can be for 0 s, and the lengths."""
    lengths = [round(encoder.sampling_rate * one) for one in seconds]
    lengths = [max(encoder.min_samples, one) for one in lengths]
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(len(lengths), max(lengths), generator=generator)
    return 0.1 * noise, torch.tensor(lengths)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence what torch says of operators that nobody uses."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
