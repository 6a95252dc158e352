import copy

import numpy as np
import pytest
import torch
import transformers
from torch import Tensor, nn

from crossemo.encoders import EncoderError, HiddenStates, SSLEncoder, load_encoder
from tests.encoders.conftest import TinyFolder
from tests.encoders.tiny import (
    FAMILIES,
    MIN_SAMPLES,
    tiny_model,
    write_tiny,
)

LENGTHS = torch.tensor([1500, 611, 2000, MIN_SAMPLES])
# Where transformers' own models let padding into a clip, with attention mask or not.
LEAKY = ("wav2vec2", "hubert", "wavlm", "data2vec", "mert", "mert-large")


def clips(seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    waveforms = 0.1 * torch.randn(len(LENGTHS), 2000, generator=generator) + 0.02
    for clip, length in enumerate(LENGTHS):
        waveforms[clip, length:] = 0
    return waveforms


def pooled(hidden: HiddenStates) -> Tensor:
    weights = hidden.mask[None, :, :, None] / hidden.mask.sum(1)[None, :, None, None]
    return (hidden.states * weights).sum(2)


def distance(one: Tensor, other: Tensor) -> float:
    return float(((one - other).norm() / other.norm()).detach())


def alone(encoder: SSLEncoder, clip: int) -> HiddenStates:
    length = LENGTHS[clip : clip + 1]
    with torch.no_grad():
        hidden: HiddenStates = encoder(clips()[clip : clip + 1, : int(length)], length)
    return hidden


def stock_states(family: str, waveforms: Tensor, **options: Tensor) -> Tensor:
    with torch.no_grad():
        output = tiny_model(family)(waveforms, output_hidden_states=True, **options)
    return torch.stack(output.hidden_states)


def normalised(waveforms: Tensor) -> Tensor:
    extractor = transformers.Wav2Vec2FeatureExtractor()
    rows = [
        extractor(row[:n].numpy(), sampling_rate=16000, return_tensors="pt")
        for row, n in zip(waveforms, LENGTHS.tolist(), strict=True)
    ]
    return nn.utils.rnn.pad_sequence(
        [row.input_values[0] for row in rows], batch_first=True
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_a_clip_gets_the_same_features_alone_and_beside_longer_ones(
    tiny_folder: TinyFolder, family: str
) -> None:
    encoder = load_encoder(str(tiny_folder(family)))
    together = pooled(encoder(clips(), LENGTHS))
    for clip in range(len(LENGTHS)):
        single = pooled(alone(encoder, clip))[:, 0]
        for state, expected in zip(together[:, clip], single, strict=True):
            assert distance(state, expected) <= 1e-5


@pytest.mark.filterwarnings("ignore:Support for mismatched key_padding_mask")
@pytest.mark.parametrize("family", LEAKY)
def test_padding_reaches_the_clips_of_transformers_own_model(family: str) -> None:
    inputs = normalised(clips())
    mask = (torch.arange(2000) < LENGTHS[:, None]).long()
    batched = stock_states(family, inputs, attention_mask=mask)[:, 1:2]
    single = stock_states(family, inputs[1:2, :611])
    assert distance(batched[:, :, : single.shape[2]], single) > 1e-3


@pytest.mark.parametrize("family", FAMILIES)
def test_states_are_those_of_transformers_fed_clip_by_clip(
    tiny_folder: TinyFolder, family: str
) -> None:
    encoder = load_encoder(str(tiny_folder(family)))
    assert (encoder.num_states, encoder.width) == (3, 16)
    together = encoder(clips(), LENGTHS)
    inputs = normalised(clips())
    for clip, length in enumerate(LENGTHS):
        expected = stock_states(family, inputs[clip : clip + 1, :length])[:, 0]
        states = together.states[:, clip, together.mask[clip]]
        assert states.shape == expected.shape
        for state, reference in zip(states, expected, strict=True):
            assert distance(state, reference) < 5e-6


@pytest.mark.parametrize("family", ["wav2vec2-large", "wavlm-large", "mert-large"])
def test_the_last_state_has_not_passed_the_norm_after_the_last_block(
    tiny_folder: TinyFolder, family: str
) -> None:
    encoder = load_encoder(str(tiny_folder(family)))
    with torch.no_grad():
        stock = tiny_model(family)(normalised(clips())[2:3]).last_hidden_state
        last = alone(encoder, 2).states[-1]
        assert distance(last, stock) > 0.1
        assert distance(encoder.model.encoder.layer_norm(last), stock) < 2e-6


def test_an_encoder_trained_on_raw_waveforms_gets_them_raw(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = write_tiny(tmp_path_factory.mktemp("raw"), "wav2vec2", normalise=False)
    encoder = load_encoder(str(folder))
    expected = stock_states("wav2vec2", clips()[2:3])
    assert distance(alone(encoder, 2).states, expected) < 2e-6


@pytest.mark.parametrize("normalise", [True, False])
def test_what_is_in_the_padding_has_no_effect(
    tmp_path_factory: pytest.TempPathFactory, normalise: bool
) -> None:
    folder = write_tiny(tmp_path_factory.mktemp("pad"), "hubert", normalise=normalise)
    encoder = load_encoder(str(folder))
    dirty = clips()
    for clip, length in enumerate(LENGTHS):
        dirty[clip, length:] = np.nan
    assert torch.equal(
        pooled(encoder(dirty, LENGTHS)), pooled(encoder(clips(), LENGTHS))
    )


@pytest.mark.parametrize("family", ["wav2vec2", "wavlm", "data2vec"])
def test_frames_are_as_many_as_transformers_counts(
    tiny_folder: TinyFolder, family: str
) -> None:
    encoder = load_encoder(str(tiny_folder(family)))
    mask = encoder(clips(), LENGTHS).mask
    expected = tiny_model(family)._get_feat_extract_output_lengths(LENGTHS)
    assert mask.sum(1).tolist() == expected.tolist()
    # True comes first and is never interrupted.
    assert torch.equal(mask, mask.sort(dim=1, descending=True, stable=True).values)


def test_a_clip_too_short_for_a_frame_is_refused(tiny_folder: TinyFolder) -> None:
    encoder = load_encoder(str(tiny_folder("wav2vec2")))
    assert encoder.min_samples == MIN_SAMPLES
    shortest = torch.tensor([2000, MIN_SAMPLES, 2000, 2000])
    assert encoder(clips(), shortest).mask[1].sum() == 1
    message = rf"Clip 1 of the batch has 29 samples, .* needs {MIN_SAMPLES} \(1\.9 ms"
    with pytest.raises(EncoderError, match=message):
        encoder(clips(), shortest - torch.tensor([0, 1, 0, 0]))


def test_lengths_beyond_the_batch_are_refused(tiny_folder: TinyFolder) -> None:
    encoder = load_encoder(str(tiny_folder("wav2vec2")))
    with pytest.raises(EncoderError, match="Clip 2 of the batch has 2001 samples"):
        encoder(clips(), LENGTHS + torch.tensor([0, 0, 1, 0]))


def test_a_frozen_encoder_stays_in_evaluation_mode_without_a_graph(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = write_tiny(
        tmp_path_factory.mktemp("eager"),
        "wav2vec2",
        mask_time_prob=0.5,
        mask_time_length=2,
        layerdrop=0.9,
        hidden_dropout=0.5,
    )
    parent = nn.ModuleDict({"encoder": load_encoder(str(folder))})
    expected = parent["encoder"](clips(), LENGTHS).states
    parent.train()
    states = parent["encoder"](clips(), LENGTHS).states
    assert torch.equal(states, expected)
    assert not any(module.training for module in parent["encoder"].modules())
    assert not states.requires_grad
    assert not parent["encoder"](clips().requires_grad_(), LENGTHS).states.requires_grad
    assert not states.is_inference()  # a trained layer mix must be able to keep it


@pytest.mark.parametrize("tuning", ["lora", "full"])
@pytest.mark.parametrize("family", FAMILIES)
def test_layer_drop_and_time_masking_are_off_in_training(
    tmp_path_factory: pytest.TempPathFactory, family: str, tuning: str
) -> None:
    folder = write_tiny(
        tmp_path_factory.mktemp("wild"),
        family,
        mask_time_prob=0.9,
        mask_time_length=2,
        mask_feature_prob=0.5,
        mask_feature_length=2,
        layerdrop=1.0,
        hidden_dropout=0.5,
        attention_dropout=0.5,
        activation_dropout=0.5,
        feat_proj_dropout=0.5,
    )
    encoder = load_encoder(str(folder), tuning, encoder_dropout=False)  # type: ignore[arg-type]
    assert encoder.training
    states = encoder(clips(), LENGTHS).states
    assert torch.equal(encoder(clips(), LENGTHS).states, states)
    assert torch.equal(encoder.eval()(clips(), LENGTHS).states, states)
    assert distance(states[1], states[0]) > 0.1
    assert distance(states[2], states[1]) > 0.1


@pytest.mark.parametrize("family", ["wav2vec2", "wavlm"])
@pytest.mark.parametrize(
    ("tuning", "dropout", "random"),
    [
        ("full", None, True),
        ("full", False, False),
        ("lora", None, False),
        ("lora", True, True),
    ],
)
def test_dropout_in_training_is_as_asked(
    tmp_path_factory: pytest.TempPathFactory,
    family: str,
    tuning: str,
    dropout: bool | None,
    random: bool,
) -> None:
    folder = write_tiny(
        tmp_path_factory.mktemp("dropout"),
        family,
        attention_dropout=0.5,
        hidden_dropout=0.0,
        activation_dropout=0.0,
        feat_proj_dropout=0.0,
    )
    encoder = load_encoder(str(folder), tuning, encoder_dropout=dropout)  # type: ignore[arg-type]
    first, second = (encoder(clips(), LENGTHS).states for _ in range(2))
    assert torch.equal(first, second) is not random
    encoder.eval()
    first, second = (encoder(clips(), LENGTHS).states for _ in range(2))
    assert torch.equal(first, second)


def gradients(encoder: SSLEncoder) -> dict[str, Tensor]:
    states = encoder(clips(), LENGTHS).states
    generator = torch.Generator().manual_seed(1)
    (states * torch.randn(states.shape, generator=generator)).sum().backward()
    return {
        key: parameter.grad
        for key, parameter in encoder.named_parameters()
        if parameter.grad is not None
    }


@pytest.mark.parametrize("tuning", ["lora", "full"])
@pytest.mark.parametrize("family", ["wav2vec2", "wavlm-large", "data2vec"])
def test_gradient_checkpointing_changes_no_gradient(
    tiny_folder: TinyFolder, family: str, tuning: str
) -> None:
    calls = []
    found = []
    for checkpointing in (False, True):
        encoder = load_encoder(
            str(tiny_folder(family)),
            tuning,  # type: ignore[arg-type]
            encoder_dropout=False,
            train_feature_extractor=True if tuning == "full" else None,
            gradient_checkpointing=checkpointing,
        )
        count: list[int] = []
        attention = encoder.model.encoder.layers[1].attention
        attention.register_forward_hook(lambda *_, count=count: count.append(1))
        found.append(gradients(encoder))
        calls.append(len(count))
    assert calls == [1, 2]  # computed again in the backward pass
    plain, checkpointed = found
    assert plain.keys() == checkpointed.keys()
    for key, gradient in plain.items():
        torch.testing.assert_close(checkpointed[key], gradient)


def test_states_under_autocast_are_close(tiny_folder: TinyFolder) -> None:
    encoder = load_encoder(str(tiny_folder("wavlm")))
    with torch.autocast("cpu", torch.bfloat16):
        rough = pooled(encoder(clips(), LENGTHS)).float()
    assert distance(rough, pooled(encoder(clips(), LENGTHS))) < 0.05


def test_a_copy_gives_the_same_states_and_shares_nothing(
    tiny_folder: TinyFolder,
) -> None:
    encoder = load_encoder(str(tiny_folder("wavlm")), "lora")
    twin = copy.deepcopy(encoder)
    expected = encoder(clips(), LENGTHS).states
    assert torch.equal(twin(clips(), LENGTHS).states, expected)
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.zero_()
    assert torch.equal(twin(clips(), LENGTHS).states, expected)


@pytest.mark.parametrize("family", ["wav2vec2", "mert"])
@pytest.mark.parametrize("tuning", ["frozen", "lora", "full"])
def test_pretrained_keys_are_what_the_files_hold_and_training_leaves_alone(
    tiny_folder: TinyFolder, family: str, tuning: str
) -> None:
    name = str(tiny_folder(family))
    encoder = load_encoder(name, tuning)  # type: ignore[arg-type]
    kept = encoder.pretrained_keys()
    before = {key: value.clone() for key, value in encoder.state_dict().items()}
    if tuning == "frozen":
        assert kept == before.keys()
    else:
        trained = [p for p in encoder.parameters() if p.requires_grad]
        optimizer = torch.optim.SGD(trained, lr=0.1)
        gradients(encoder)
        optimizer.step()
        changed = {
            key
            for key, value in encoder.state_dict().items()
            if not torch.equal(value, before[key])
        }
        assert changed
        assert not changed & kept
        assert any("lora_" in key for key in before) == (tuning == "lora")
    # A fresh encoder of the same name and the rest of the state give the same encoder.
    rest = {k: v for k, v in encoder.state_dict().items() if k not in kept}
    fresh = load_encoder(name, tuning, seed=1)  # type: ignore[arg-type]
    report = fresh.load_state_dict(rest, strict=False)
    assert set(report.missing_keys) == kept
    assert not report.unexpected_keys
    for key, value in encoder.state_dict().items():
        assert torch.equal(fresh.state_dict()[key], value)


def test_a_parameter_unfrozen_later_is_no_pretrained_key(
    tiny_folder: TinyFolder,
) -> None:
    encoder = load_encoder(str(tiny_folder("wav2vec2")))
    key = "model.encoder.layers.0.feed_forward.output_dense.weight"
    assert key in encoder.pretrained_keys()
    encoder.get_parameter(key).requires_grad_(True)
    assert key not in encoder.pretrained_keys()


@pytest.mark.parametrize("family", ["wav2vec2", "wavlm"])
def test_blocks_above_the_last_state_in_use_can_be_frozen(
    tiny_folder: TinyFolder, family: str
) -> None:
    encoder = load_encoder(str(tiny_folder(family)), "full")
    encoder.freeze_above(1)
    encoder(clips(), LENGTHS).states[1].square().sum().backward()
    parameters = dict(encoder.named_parameters())
    trained = {key for key, p in parameters.items() if p.requires_grad}
    assert {key for key, p in parameters.items() if p.grad is not None} == trained
    assert any(".layers.0." in key for key in trained)
    assert not any(".layers.1." in key for key in trained)
