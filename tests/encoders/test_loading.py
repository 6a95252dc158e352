import subprocess
import sys
from pathlib import Path

import pytest
import torch

from crossemo.encoders import EncoderError, load_encoder
from tests.encoders.conftest import TinyFolder
from tests.encoders.hub import fill_cache
from tests.encoders.tiny import write_tiny


@pytest.mark.parametrize("name", ["tiny", "small"])
def test_random_encoders_run_and_train_all_they_use(name: str) -> None:
    encoder = load_encoder(name, "full")
    states, mask = encoder(torch.randn(2, 1600), torch.tensor([1600, 400]))
    assert states.shape == (encoder.num_states, 2, 4, encoder.width)
    assert mask.sum(1).tolist() == [4, 1]
    states.square().mean().backward()
    frozen = {k for k, p in encoder.named_parameters() if not p.requires_grad}
    # No hidden state has passed the norm behind the last block.
    assert frozen == {
        "model.encoder.layer_norm.weight",
        "model.encoder.layer_norm.bias",
    }
    without = {k for k, p in encoder.named_parameters() if p.grad is None}
    assert without == frozen
    assert encoder.pretrained_keys() == set()


@pytest.mark.parametrize("tuning", ["frozen", "lora"])
def test_a_random_encoder_has_no_files_to_be_had_again(tuning: str) -> None:
    encoder = load_encoder("tiny", tuning)  # type: ignore[arg-type]
    assert encoder.pretrained_keys() == set()


def test_random_weights_depend_on_the_seed_alone() -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    one = load_encoder("tiny").state_dict()
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    same = load_encoder("tiny", "full").state_dict()
    other = load_encoder("tiny", seed=1).state_dict()
    assert all(torch.equal(one[key], same[key]) for key in one)
    key = "model.encoder.layers.0.attention.q_proj.weight"
    assert not torch.equal(one[key], other[key])


@pytest.mark.slow
def test_random_weights_are_the_same_in_another_process() -> None:
    code = (
        "from crossemo.encoders import load_encoder;"
        "e = load_encoder('tiny', seed=5);"
        "print(e.fingerprint(), sum(p.double().sum().item() for p in e.parameters()))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    digest, total = run.stdout.split()
    encoder = load_encoder("tiny", seed=5)
    assert encoder.fingerprint() == digest
    assert sum(p.double().sum().item() for p in encoder.parameters()) == float(total)
    assert load_encoder("tiny", seed=6).fingerprint() != digest
    assert load_encoder("small", seed=5).fingerprint() != digest


@pytest.mark.parametrize(
    ("name", "seed", "digest"),
    [
        ("tiny", 0, "4bfc40b90ab879aaf10da2ebd3369f36"),
        ("small", 3, "cab151e13b08fb5020d4fc7392942e42"),
    ],
)
def test_features_kept_with_version_0_1_are_found_again(
    name: str, seed: int, digest: str
) -> None:
    assert load_encoder(name, seed=seed).fingerprint() == digest


def test_reading_an_encoder_draws_no_random_numbers(tiny_folder: TinyFolder) -> None:
    state = torch.get_rng_state()
    load_encoder(str(tiny_folder("wav2vec2")))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.usefixtures("offline")
def test_a_cached_repository_loads_without_a_network(
    tmp_path: Path, cache: Path
) -> None:
    folder = write_tiny(tmp_path / "mert", "mert")
    fill_cache(cache, "owner/name", folder)
    encoder = load_encoder("owner/name")
    assert encoder.name == "owner/name"
    assert encoder.sampling_rate == 24000
    assert encoder.fingerprint() == load_encoder(str(folder)).fingerprint()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tuning": "prompt"}, "Unknown tuning 'prompt': choose frozen, full, bitfit"),
    ],
)
def test_options_that_contradict_are_refused(
    options: dict[str, object], message: str
) -> None:
    with pytest.raises(EncoderError, match=message):
        load_encoder("tiny", **options)  # type: ignore[arg-type]


@pytest.mark.slow
def test_an_encoder_of_published_size_loads_and_runs(tmp_path: Path) -> None:
    import transformers

    transformers.Wav2Vec2Model(transformers.Wav2Vec2Config()).save_pretrained(tmp_path)
    encoder = load_encoder(str(tmp_path))
    assert sum(p.numel() for p in encoder.parameters()) == 94_370_944
    waveforms = torch.randn(2, 32000)
    lengths = torch.tensor([32000, 12000])
    states, mask = encoder(waveforms, lengths)
    assert states.shape == (13, 2, 99, 768)
    assert mask.sum(1).tolist() == [99, 37]
    alone = encoder(waveforms[1:, :12000], lengths[1:]).states[:, 0].mean(1)
    beside = states[:, 1, :37].mean(1)
    assert ((beside - alone).norm(dim=1) / alone.norm(dim=1)).max() <= 1e-5
