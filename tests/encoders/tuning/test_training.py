import pytest
import torch
from torch import Tensor

from crossemo.encoders import SSLEncoder, load_encoder
from tests.encoders.clips import LENGTHS, clips, distance, lengths
from tests.encoders.conftest import TinyFolder
from tests.encoders.tiny import FAMILIES, write_tiny


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
        conformer_conv_dropout=0.5,
        dropout=0.5,  # and Whisper's names
        encoder_layerdrop=1.0,
        hidden_dropout_prob=0.5,  # and AST's
        attention_probs_dropout_prob=0.5,
    )
    encoder = load_encoder(str(folder), tuning, encoder_dropout=False)  # type: ignore[arg-type]
    assert encoder.training
    batch = clips(shortest=encoder.min_samples), lengths(encoder.min_samples)
    states = encoder(*batch).states
    assert torch.equal(encoder(*batch).states, states)
    assert torch.equal(encoder.eval()(*batch).states, states)
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
    both = []
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
        both.append(gradients(encoder))
        calls.append(len(count))
    assert calls == [1, 2]  # computed again in the backward pass
    plain, checkpointed = both
    assert plain.keys() == checkpointed.keys()
    for key, gradient in plain.items():
        torch.testing.assert_close(checkpointed[key], gradient)


@pytest.mark.parametrize("family", ["wav2vec2", "mert"])
@pytest.mark.parametrize("tuning", ["frozen", "lora", "full"])
def test_pretrained_keys_are_what_the_files_hold_and_training_leaves_alone(
    tiny_folder: TinyFolder, family: str, tuning: str
) -> None:
    name = str(tiny_folder(family))
    encoder = load_encoder(name, tuning)  # type: ignore[arg-type]
    pretrained = encoder.pretrained_keys()
    before = {key: value.clone() for key, value in encoder.state_dict().items()}
    if tuning == "frozen":
        assert pretrained == before.keys()
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
        assert not changed & pretrained
        assert any("lora_" in key for key in before) == (tuning == "lora")
    # A fresh encoder of the same name and the rest of the state give the same encoder.
    rest = {k: v for k, v in encoder.state_dict().items() if k not in pretrained}
    fresh = load_encoder(name, tuning, seed=1)  # type: ignore[arg-type]
    report = fresh.load_state_dict(rest, strict=False)
    assert set(report.missing_keys) == pretrained
    assert not report.unexpected_keys
    for key, value in encoder.state_dict().items():
        assert torch.equal(fresh.state_dict()[key], value)


def test_a_parameter_unfrozen_later_is_no_pretrained_key(
    tiny_folder: TinyFolder,
) -> None:
    encoder = load_encoder(str(tiny_folder("wav2vec2")))
    name = "encoder.layers.0.feed_forward.output_dense.weight"
    assert f"model.{name}" in encoder.pretrained_keys()
    encoder.train_only({name})
    assert f"model.{name}" not in encoder.pretrained_keys()


def test_what_a_run_will_train_is_stored_before(tiny_folder: TinyFolder) -> None:
    encoder = load_encoder(str(tiny_folder("wav2vec2")))
    name = "encoder.layers.0.feed_forward.output_dense.weight"
    encoder.keep({name})
    assert f"model.{name}" not in encoder.pretrained_keys()


def test_an_encoder_of_which_nothing_is_trained_is_in_evaluation_mode(
    tiny_folder: TinyFolder,
) -> None:
    encoder = load_encoder(str(tiny_folder("wav2vec2")), "lora").train()
    tuned = encoder.adaptation.tuned()
    assert encoder.training
    encoder.train_only(set())
    assert not any(module.training for module in encoder.modules())
    assert not encoder(clips(), LENGTHS).states.requires_grad
    encoder.train_only(tuned)
    assert encoder.train().training
    assert encoder(clips(), LENGTHS).states.requires_grad


def test_what_is_trained_is_stored_even_while_it_is_frozen(
    tiny_folder: TinyFolder,
) -> None:
    encoder = load_encoder(str(tiny_folder("wav2vec2")), "lora")
    pretrained = encoder.pretrained_keys()
    encoder.requires_grad_(False)  # as a stage that trains the head alone would
    assert encoder.pretrained_keys() == pretrained


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
