"""Families whose models are ours, put together from the published names and shapes."""

import json
import logging
from pathlib import Path

import pytest
import torch
from torch import Tensor

from crossemo.encoders import EncoderError, SSLEncoder, load_encoder
from crossemo.encoders.tensors import read_tensors
from tests.encoders.clips import distance
from tests.encoders.forward import mapped_states
from tests.encoders.mapped import MAPPED, tensors, write_mapped

LENGTHS = torch.tensor([4000, 1025, 6000])  # the shortest that MuQ hears is the second
KEYS = {
    "muq": "model.conformer.layers.1.final_layer_norm.weight",
    "musicfm": "model.conv.conv.1.bn3.weight",
    "emotion2vec": "d2v_model.blocks.0.norm1.weight",
}
each_family = pytest.mark.parametrize("family", MAPPED)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    home = tmp_path_factory.mktemp("mapped")
    return {family: write_mapped(home / family, family) for family in MAPPED}


@pytest.fixture
def folder(folders: dict[str, Path], family: str) -> str:
    return str(folders[family])


def clips() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return 0.1 * torch.randn(3, 6000, generator=generator) + 0.02


def gradients(encoder: SSLEncoder) -> set[str]:
    states = encoder(clips(), LENGTHS).states
    torch.autograd.backward((states * torch.randn_like(states)).sum())
    return {key for key, p in encoder.named_parameters() if p.grad is not None}


def trained(encoder: SSLEncoder) -> set[str]:
    return {key for key, p in encoder.named_parameters() if p.requires_grad}


@each_family
def test_states_are_those_written_down_from_paper_and_code(
    folder: str, family: str
) -> None:
    encoder = load_encoder(folder)
    assert (encoder.num_states, encoder.width) == (3, 16)
    dirty = clips()
    for clip, length in enumerate(LENGTHS):
        dirty[clip, length:] = torch.nan
    together = encoder(dirty, LENGTHS)
    for clip, length in enumerate(LENGTHS):
        expected = mapped_states(family, clips()[clip, :length])
        alone = encoder(clips()[clip : clip + 1, :length], LENGTHS[clip : clip + 1])
        beside = together.states[:, clip, together.mask[clip]]
        for states in (alone.states[:, 0], beside):
            assert states.shape == expected.shape
            assert encoder.count_frames([int(length)]) == [expected.shape[1]]
            for state, reference in zip(states, expected, strict=True):
                assert distance(state, reference) < 2e-6


@each_family
def test_states_under_autocast_are_close(folder: str) -> None:
    encoder = load_encoder(folder)
    expected = encoder(clips(), LENGTHS)
    with torch.autocast("cpu", torch.bfloat16):
        rough = encoder(clips(), LENGTHS).states.float()
    inside = expected.mask
    assert 1e-4 < distance(rough[:, inside], expected.states[:, inside]) < 0.05


@each_family
def test_of_a_file_all_but_the_heads_reaches_the_model(
    folder: str, family: str
) -> None:
    stored = load_encoder(folder).model.state_dict().values()
    numbers = sum(tensor.numel() for tensor in stored)
    assert numbers == sum(tensor.numel() for tensor in tensors(family).values())


@pytest.mark.parametrize("change", ["lacks", "has besides", "has in another shape"])
@each_family
def test_weights_that_fit_in_part_are_refused(
    tmp_path: Path, family: str, change: str
) -> None:
    (path,) = write_mapped(tmp_path, family).glob("*model*")
    stored = read_tensors(path)
    key = KEYS[family]
    if change == "lacks":
        del stored[key]
    elif change == "has besides":
        stored[key.replace("weight", "strange")] = torch.zeros(1)
    else:
        stored[key] = torch.zeros(5)
    torch.save(stored, tmp_path / "pytorch_model.bin")
    (tmp_path / "model.safetensors").unlink(missing_ok=True)
    with pytest.raises(EncoderError, match=f"a {family} encoder .* the file {change} "):
        load_encoder(str(tmp_path))


@pytest.mark.parametrize("tuning", ["ia3", "ln_tuning"])
@each_family
def test_what_is_trained_gets_a_gradient_and_changes_nothing_at_first(
    folder: str, tuning: str
) -> None:
    encoder = load_encoder(folder, tuning, encoder_dropout=False)  # type: ignore[arg-type]
    assert trained(encoder)
    assert gradients(encoder) == trained(encoder)
    states = encoder(clips(), LENGTHS).states
    before = load_encoder(folder)(clips(), LENGTHS).states
    torch.testing.assert_close(states, before, rtol=0, atol=1e-5)


@pytest.mark.parametrize("top", [0, 1])
@each_family
def test_nothing_is_trained_that_lower_states_do_not_need(
    folder: str, top: int
) -> None:
    encoder = load_encoder(folder, "full", encoder_dropout=False)
    encoder.freeze_above(top)
    states = encoder(clips(), LENGTHS).states[: top + 1]
    torch.autograd.backward((states * torch.randn_like(states)).sum())
    reached = {key for key, p in encoder.named_parameters() if p.grad is not None}
    assert reached == trained(encoder)


@each_family
def test_training_leaves_statistics_and_the_front_end_alone(folder: str) -> None:
    encoder = load_encoder(folder, "full", encoder_dropout=True).train()
    before = {key: buffer.clone() for key, buffer in encoder.named_buffers()}
    one, other = (encoder(clips(), LENGTHS).states for _ in range(2))
    assert not torch.allclose(one[1], other[1], rtol=0.01)  # dropout
    after = dict(encoder.named_buffers())
    assert all(torch.equal(after[key], buffer) for key, buffer in before.items())
    convolutions = {key for key in trained(encoder) if "conv_layers" in key}
    assert not convolutions | {key for key in trained(encoder) if ".conv.conv" in key}
    calm = load_encoder(folder, "full", encoder_dropout=False).train()
    assert torch.equal(*(calm(clips(), LENGTHS).states for _ in range(2)))


@each_family
def test_a_saved_encoder_is_loaded_again(folder: str, tmp_path: Path) -> None:
    encoder = load_encoder(folder, "full").eval()
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.add_(0.01)
    encoder.save_pretrained(tmp_path)
    again = load_encoder(str(tmp_path))
    expected, hidden = encoder(clips(), LENGTHS), again(clips(), LENGTHS)
    inside = expected.mask
    assert distance(hidden.states[:, inside], expected.states[:, inside]) < 1e-6
    assert again.sampling_rate == encoder.sampling_rate
    config = json.loads((tmp_path / "config.json").read_text())
    assert config == json.loads((Path(folder) / "config.json").read_text())


@each_family
def test_loading_says_that_published_weights_were_not_tried(
    folder: str, family: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        load_encoder(folder, random_weights=True)
        assert not caplog.messages
        load_encoder(folder)
    (message,) = caplog.messages
    assert f"the public code of {family}, and no published weights" in message


@each_family
def test_the_fingerprint_is_of_weights_and_configuration(
    folder: str, family: str, tmp_path: Path
) -> None:
    prints = {load_encoder(folder).fingerprint()}
    write_mapped(tmp_path, family, seed=1)
    prints.add(load_encoder(str(tmp_path)).fingerprint())
    write_mapped(tmp_path, family)
    assert load_encoder(str(tmp_path)).fingerprint() in prints
    path = tmp_path / "config.json"
    text = path.read_text().replace("e-05", "e-04").replace("18.5", "17.5")
    path.write_text(text)
    prints.add(load_encoder(str(tmp_path)).fingerprint())
    assert len(prints) == 3
