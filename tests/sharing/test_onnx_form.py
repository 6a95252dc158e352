import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from crossemo import EmotionRecognizer
from crossemo.sharing import onnx_form
from crossemo.sharing.model_facts import ModelError, ModelFacts
from crossemo.sharing.onnx_form import FILE, write_onnx
from tests.encoders.tiny import MIN_SAMPLES, write_tiny

CLASSES = ("angry", "happy", "sad")
LIBRARIES = ("onnx", "onnxruntime", "onnxscript")
needs_onnx = pytest.mark.skipif(
    any(find_spec(name) is None for name in LIBRARIES),
    reason="the extra onnx isn't installed: pip install crossemo[onnx]",
)


def made(encoder: Path, **options: object) -> EmotionRecognizer:
    torch.manual_seed(0)
    model = EmotionRecognizer(str(encoder), CLASSES, **options)  # type: ignore[arg-type]
    with torch.no_grad():  # adapters that change nothing would hide mistakes
        for name, parameter in model.named_parameters():
            if "lora" in name or "raw_weights" in name:
                parameter.normal_()
    return model.eval()


def facts() -> ModelFacts:
    empty: dict[str, str | None] = {}
    return ModelFacts("1", "crossemo", "classes", CLASSES, 16_000, {}, empty)


def write(model: EmotionRecognizer, folder: Path) -> float:
    return write_onnx(model.encoder, model.mix, model.head, facts(), folder)


def run(path: Path, waveforms: torch.Tensor, lengths: list[int]) -> torch.Tensor:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    inputs = {"waveforms": waveforms.numpy(), "lengths": np.array(lengths)}
    (outputs,) = session.run(["outputs"], inputs)
    return torch.from_numpy(outputs)


@needs_onnx
@pytest.mark.slow
def test_the_graph_takes_clips_of_any_number_and_length(tmp_path: Path) -> None:
    import onnx

    encoder = write_tiny(tmp_path / "encoder", "wavlm")
    model = made(encoder, tuning="lora", peft={"r": 2}, pooling="attentive")
    far = write(model, tmp_path)
    assert 0 < far < 1e-5
    path = tmp_path / FILE
    onnx.checker.check_model(path)
    assert str(Path(onnx_form.__file__).parent).encode() not in path.read_bytes()
    about = {one.key: json.loads(one.value) for one in onnx.load(path).metadata_props}
    assert about["outputs"] == list(CLASSES)
    assert (about["sampling_rate"], about["min_samples"]) == (16_000, MIN_SAMPLES)
    lengths = [777, 1234, 40, 999, 801]
    waveforms = torch.randn(5, 1234)
    together = run(path, waveforms, lengths)
    with torch.no_grad():
        expected = model(waveforms, torch.tensor(lengths))
    torch.testing.assert_close(together, expected, rtol=0, atol=1e-5)
    for row, length in enumerate(lengths):  # what is in the padding has no effect
        alone = run(path, waveforms[row : row + 1, :length], [length])
        torch.testing.assert_close(alone[0], expected[row], rtol=0, atol=1e-5)


def test_a_graph_that_says_something_else_is_not_put_in_place(
    tmp_path: Path, wav2vec2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Graph:
        class model:  # noqa: N801
            metadata_props: dict[str, str] = {}  # noqa: RUF012

            class graph:  # noqa: N801
                all_nodes = list[object]

        @staticmethod
        def save(path: Path) -> None:
            path.write_bytes(b"another")

    monkeypatch.setattr(onnx_form, "find_spec", lambda name: name)
    monkeypatch.setattr(onnx_form, "_exported", lambda *_: Graph)
    model = made(wav2vec2)
    of_largest = r"differ by 0\.0002 of the largest"
    for far, said in ((2e-4, of_largest), (float("nan"), "are no numbers")):
        monkeypatch.setattr(onnx_form, "_difference", lambda *_, far=far: far)
        with pytest.raises(ModelError, match=said):
            write(model, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_torch_can_t_export_is_said(
    tmp_path: Path, wav2vec2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def export(*_: object, **__: object) -> None:
        raise torch.onnx.OnnxExporterError("see below") from ValueError("a loop")

    monkeypatch.setattr(onnx_form, "find_spec", lambda name: name)
    monkeypatch.setattr(torch.onnx, "export", export)
    with pytest.raises(ModelError, match=r"can't write .* as ONNX \(a loop\): share"):
        write(made(wav2vec2), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_without_the_libraries_a_sentence_names_the_extra(
    tmp_path: Path, wav2vec2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_form, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"onnx, onnxruntime and onnxscript: install"):
        write(made(wav2vec2), tmp_path)
