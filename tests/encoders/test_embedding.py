"""Encoders of one embedding: the same care as the others, and distances alone."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from crossemo.encoders import EncoderError, encoder_facts, load_encoder
from tests.encoders.tiny_embeddings import KINDS, RATES, published, write_tiny

SAMPLES = {"clap": 48_000, "clap-fused": 48_000, "encodec": 9_001, "dac": 9_001}
WIDTHS = {"clap": 6, "clap-fused": 6, "encodec": 12, "dac": 24}
SHORTEST = {"clap": 1024, "clap-fused": 1024, "encodec": 24, "dac": 24}


def noise(samples: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(samples, generator=generator)


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def folder(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("embedding") / kind, kind)


def test_an_embedding_is_that_of_transformers(folder: Path, kind: str) -> None:
    encoder = load_encoder(str(folder), for_distances=True)
    assert (encoder.num_states, encoder.width) == (1, WIDTHS[kind])
    for samples in (SAMPLES[kind], SAMPLES[kind] // 5, SHORTEST[kind]):
        clip = noise(samples)
        states, mask = encoder(clip[None], torch.tensor([samples]))
        expected = published(folder, kind, clip)
        assert mask.all()
        assert states.shape == (1, 1, *expected.shape)
        error = (states[0, 0] - expected).abs().max() / expected.abs().max()
        assert error <= 1e-6
        assert len(expected) == encoder.count_frames([samples])[0]


def test_a_clip_gets_the_same_embedding_beside_others(folder: Path, kind: str) -> None:
    encoder = load_encoder(str(folder), for_distances=True)
    lengths = torch.tensor([30_000, 30_000, 7_777, 1_100])
    clips = torch.stack([noise(30_000, seed) for seed in range(4)])
    together, mask = encoder(clips, lengths)
    for place, length in enumerate(lengths.tolist()):
        alone = encoder(clips[place : place + 1, :length], lengths[place : place + 1])
        beside = together[0, place, mask[place]]
        assert beside.shape == alone.states[0, 0].shape
        error = (beside - alone.states[0, 0]).abs().max()
        assert error <= 1e-6 * alone.states.abs().max()


def test_facts_are_those_of_the_files(folder: Path, kind: str) -> None:
    encoder = load_encoder(str(folder), for_distances=True)
    assert (encoder.sampling_rate, encoder.min_samples) == (RATES[kind], SHORTEST[kind])
    with pytest.raises(EncoderError, match=f"needs {SHORTEST[kind]} "):
        encoder(noise(SHORTEST[kind])[None], torch.tensor([SHORTEST[kind] - 1]))


def test_it_is_refused_where_layers_are_chosen_or_trained(folder: Path) -> None:
    with pytest.raises(EncoderError, match="one embedding of a clip and has no layers"):
        load_encoder(str(folder))
    with pytest.raises(EncoderError, match="so use `crossemo fad --encoder"):
        encoder_facts(str(folder))


def test_it_never_trains_and_knows_its_weights(folder: Path) -> None:
    encoder = load_encoder(str(folder), for_distances=True).train()
    assert not any(module.training for module in encoder.model.modules())
    assert not any(p.requires_grad for p in encoder.parameters())
    again = load_encoder(str(folder), for_distances=True)
    assert again.fingerprint() == encoder.fingerprint()
    drawn = load_encoder(str(folder), for_distances=True, random_weights=True)
    assert drawn.fingerprint() != encoder.fingerprint()


def test_every_tensor_is_accounted_for(folder: Path, kind: str, tmp_path: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    inside = "audio_model" if "clap" in kind else "encoder"
    names = [name for name in weights if name.startswith(inside)]
    for file in folder.glob("*.json"):
        (tmp_path / file.name).write_text(file.read_text())
    changes: list[tuple[dict[str, Tensor], str]] = [
        ({key: weights[key] for key in weights if key != names[-1]}, "lacks"),
        (weights | {f"{inside}.other": torch.zeros(1)}, "has besides"),
        (weights | {names[-1]: torch.zeros(3, 1, 2)}, "in another shape"),
        (weights | {names[-1]: weights[names[-1]] / 0}, "aren't finite"),
    ]
    for stored, fault in changes:
        save_file(stored, tmp_path / "model.safetensors")
        with pytest.raises(EncoderError, match=fault):
            load_encoder(str(tmp_path), for_distances=True)


def test_files_that_contradict_each_other_are_refused(
    folder: Path, kind: str, tmp_path: Path
) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    path = tmp_path / "preprocessor_config.json"
    changes = {"max_length_s": 3} if "clap" in kind else {"sampling_rate": 44_100}
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    fault = "don't belong together" if "clap" in kind else "another rate"
    with pytest.raises(EncoderError, match=fault):
        load_encoder(str(tmp_path), for_distances=True)
