import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning import Trainer
from safetensors.torch import load_file
from torch import Tensor

from crossemo.callbacks.kept_features import KeptFeatures
from crossemo.data.dataset import ClipDataset
from crossemo.encoders import SSLEncoder, load_encoder
from crossemo.features.extraction import FeatureError
from crossemo.features.frames import keep_frames
from crossemo.features.hidden import HiddenStore, as_hidden
from crossemo.recognizer import EmotionRecognizer
from crossemo.stages.stage import Stage
from crossemo.stages.switch import StageSwitch
from tests.data.modules import cross
from tests.encoders.tiny import FAMILIES, SPECTRAL, write_tiny
from tests.examples import numbered
from tests.noise import Noise

LENGTHS = (300, 470, 350, 300, 999)


@pytest.fixture
def encoder(wav2vec2: Path) -> SSLEncoder:
    return load_encoder(str(wav2vec2))


def dataset(lengths: tuple[int, ...] = LENGTHS) -> ClipDataset:
    examples = numbered(len(lengths))
    noise = Noise({one.key: lengths[n] for n, one in enumerate(examples)})
    return ClipDataset(examples, noise)


def alone(encoder: SSLEncoder, data: ClipDataset, place: int) -> Tensor:
    """Return the hidden states of a clip by itself, `(states, frames, width)`."""
    batch = data[place]
    with torch.no_grad():
        states: Tensor = encoder(batch.inputs, batch.lengths).states[:, 0]
    return states


def free(monkeypatch: pytest.MonkeyPatch, size: float) -> None:
    def usage(path: Any) -> Any:
        assert Path(path).is_dir()
        return SimpleNamespace(free=size)

    monkeypatch.setattr(shutil, "disk_usage", usage)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_encoder_counts_the_frames_that_it_gives(
    tmp_path: Path, family: str
) -> None:
    encoder = load_encoder(str(write_tiny(tmp_path, family)))
    least = encoder.min_samples
    lengths = [least, least + 19, least + 20, 1777, 1778]
    with torch.no_grad():
        mask = encoder(torch.randn(5, 1778), torch.tensor(lengths)).mask
    assert encoder.count_frames(lengths) == mask.sum(1).tolist()


@pytest.mark.parametrize(("precision", "rtol"), [("float32", 1e-5), ("float16", 2e-3)])
def test_they_are_the_frames_of_each_clip_alone(
    encoder: SSLEncoder, tmp_path: Path, precision: Any, rtol: float
) -> None:
    data = dataset()
    kept = keep_frames(encoder, [data], None, 2, precision, tmp_path)
    for place, key in enumerate(data.keys):
        frames = kept[key]["frames"]
        assert frames.dtype == getattr(torch, precision)
        expected = alone(encoder, data, place).transpose(0, 1)
        torch.testing.assert_close(frames.float(), expected, rtol=rtol, atol=rtol)


def test_some_hidden_states_can_be_kept_alone(
    encoder: SSLEncoder, tmp_path: Path
) -> None:
    data = dataset()
    key = data.keys[1]
    whole = keep_frames(encoder, [data], cache_dir=tmp_path)[key]["frames"]
    some = keep_frames(encoder, [data], [2, 0], cache_dir=tmp_path)[key]["frames"]
    assert some.equal(whole[:, [2, 0]])
    with pytest.raises(FeatureError, match="no hidden state 3: choose from 0 to 2"):
        keep_frames(encoder, [data], [3], cache_dir=tmp_path)


def test_a_batch_of_them_is_what_the_encoder_gives_of_its_waveforms(
    encoder: SSLEncoder, tmp_path: Path
) -> None:
    data = dataset()
    batch = data[[1, 4, 0]]
    with torch.no_grad():
        looped = encoder(batch.inputs, batch.lengths)
    kept = keep_frames(encoder, [data], cache_dir=tmp_path)
    store = HiddenStore(data, kept, "frames")
    served = ClipDataset(data.examples, store)[[1, 4, 0]]
    assert served.inputs.shape == looped.states.transpose(0, 1).shape
    states, mask = as_hidden(encoder, served)
    assert mask.equal(looped.mask)
    torch.testing.assert_close(
        states[:, mask], looped.states[:, mask], rtol=1e-5, atol=1e-5
    )
    assert not states[:, ~mask].any()


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_their_room_is_said_before_and_is_that_of_the_files(
    encoder: SSLEncoder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    precision: Any,
) -> None:
    caplog.set_level(logging.INFO)
    # Of 20 clips two are kept, and five are given twice.
    data = dataset(LENGTHS * 4)
    keep_frames(encoder, [dataset(LENGTHS[:2])], None, 2, precision, tmp_path)
    caplog.clear()
    before = set(tmp_path.rglob("*.safetensors"))
    kept = keep_frames(encoder, [data, dataset()], None, 2, precision, tmp_path)
    files = set(kept.files) - before
    size = sum(t.nbytes for file in files for t in load_file(file).values())
    said = f"The frames of 18 clips take {size / 1e6:.1f} MB in {tmp_path}"
    assert said in caplog.text
    headers = sum(file.stat().st_size for file in files) - size
    assert 0 < headers < 1500 * len(files)
    # To the byte: one less is refused.
    other = tmp_path / "other"
    whole = sum(t.nbytes for held in kept.values() for t in held.values())
    free(monkeypatch, whole - 1)
    with pytest.raises(FeatureError):
        keep_frames(encoder, [data], None, 2, precision, other)
    free(monkeypatch, whole)
    keep_frames(encoder, [data], None, 2, precision, other)
    caplog.clear()
    free(monkeypatch, 0)  # all are there, so nothing more is needed
    keep_frames(encoder, [data], None, 2, precision, other)
    assert not caplog.text


def test_a_disk_that_is_too_small_is_refused_before_anything_is_written(
    encoder: SSLEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free(monkeypatch, 2_000_000)
    long = dataset((160_000_000,))  # eight million frames of 3 states of 16 floats
    message = (
        r"The frames of 1 clip take 1\.5 GB, and .* has 2\.0 MB free: keep fewer "
        "hidden states or float16, choose another folder"
    )
    with pytest.raises(FeatureError, match=message):
        keep_frames(encoder, [long], cache_dir=tmp_path / "cache")
    assert not list(tmp_path.iterdir())


def fitted(
    folder: Path, encoder: Path, kept: bool, options: dict[str, Any]
) -> tuple[dict[str, Tensor], Tensor, int]:
    """Return what two stages learnt, some predictions, and the clips encoded."""
    data = cross(folder, batch_size=8)
    torch.manual_seed(0)
    model = EmotionRecognizer(
        str(encoder), data.classes, dropout=0.2, lr=1e-2, **options
    )
    seen = watched(model.encoder)
    stages = {role: Stage(max_epochs=2) for role in ("source", "target")}
    callbacks = StageSwitch(stages).callbacks()
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=-1,
        callbacks=[*callbacks, KeptFeatures(stages, "frames")] if kept else callbacks,
        default_root_dir=folder / f"kept-{kept}",
        logger=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(model, data)
    count = sum(seen)
    # Speech and song hold the same samples, in files that bear the second's date.
    contents = {key for one in data.datasets() for key in one.keys}
    assert not kept or count == len(contents)
    trainer.test(model, data, verbose=False)
    found = trainer.predict(model, data)
    assert found is not None
    predicted = torch.cat(
        [one["outputs"].softmax(-1) for role in found for one in role]
    )
    return model.state_dict(), predicted, count


def watched(encoder: SSLEncoder) -> list[int]:
    """Return a list that grows by the size of each batch that the encoder sees."""
    seen: list[int] = []
    forward: Callable[..., Any] = encoder.forward

    def watching(waveforms: Tensor, lengths: Tensor) -> Any:
        seen.append(len(waveforms))
        return forward(waveforms, lengths)

    vars(encoder)["forward"] = watching
    return seen


@pytest.mark.parametrize(
    ("family", "options"),
    [
        ("wav2vec2", {"pooling": "attentive"}),
        ("wav2vec2", {"layer_norm": True}),
        *((family, {"layer_norm": True}) for family in ("conformer", *SPECTRAL)),
    ],
    ids=["attentive pooling", "layer norm", "conformer", *SPECTRAL],
)
def test_training_from_them_is_training_with_the_encoder(
    tmp_path: Path, family: str, options: dict[str, Any]
) -> None:
    encoder = write_tiny(tmp_path / "encoder", family)
    looped, expected, often = fitted(tmp_path, encoder, False, options)
    kept, predicted, once = fitted(tmp_path, encoder, True, options)
    assert once < often
    assert kept.keys() == looped.keys()
    for name, tensor in kept.items():
        # A tenth of one step: AdamW magnifies rounding where gradients are tiny.
        torch.testing.assert_close(tensor, looped[name], rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(predicted, expected, rtol=1e-3, atol=1e-4)
