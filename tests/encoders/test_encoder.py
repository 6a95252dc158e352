import copy

import numpy as np
import pytest
import torch
import transformers
from torch import Tensor, nn

from crossemo.encoders import EncoderError, HiddenStates, SSLEncoder, load_encoder
from tests.encoders.clips import LENGTHS, clips, distance, lengths
from tests.encoders.conftest import TinyFolder
from tests.encoders.stock import stock_states
from tests.encoders.tiny import (
    FAMILIES,
    MIN_SAMPLES,
    SPECTRAL,
    tiny_model,
    write_tiny,
)

# Where transformers' own models let padding into a clip, with attention mask or not.
LEAKY = (
    *("wav2vec2", "hubert", "wavlm", "data2vec", "mert", "mert-large"),
    *("unispeech", "unispeech-sat", "conformer"),
)


def pooled(hidden: HiddenStates) -> Tensor:
    weights = hidden.mask[None, :, :, None] / hidden.mask.sum(1)[None, :, None, None]
    return (hidden.states * weights).sum(2)


def alone(encoder: SSLEncoder, clip: int) -> HiddenStates:
    waveforms, lengths = batch(encoder)
    length = lengths[clip : clip + 1]
    with torch.no_grad():
        hidden: HiddenStates = encoder(
            waveforms[clip : clip + 1, : int(length)], length
        )
    return hidden


def batch(encoder: SSLEncoder) -> tuple[Tensor, Tensor]:
    """Return clips and their lengths, the last of which gives one frame."""
    shortest = encoder.min_samples
    return clips(shortest=shortest), lengths(shortest)


def batched_states(family: str, waveforms: Tensor, **options: Tensor) -> Tensor:
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
    together = pooled(encoder(*batch(encoder)))
    for clip in range(len(LENGTHS)):
        single = pooled(alone(encoder, clip))[:, 0]
        for state, expected in zip(together[:, clip], single, strict=True):
            assert distance(state, expected) <= 1e-5


@pytest.mark.parametrize("family", FAMILIES)
def test_a_graph_that_knows_no_lengths_yet_gives_the_same_states(
    tiny_folder: TinyFolder, family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = load_encoder(str(tiny_folder(family)))
    waveforms, lengths = batch(encoder)
    expected = encoder(waveforms, lengths)
    monkeypatch.setattr(torch.compiler, "is_exporting", lambda: True)
    monkeypatch.setattr(Tensor, "tolist", None)  # nor may it ask
    hidden = encoder(waveforms, lengths)
    assert torch.equal(hidden.mask, expected.mask)
    states, others = hidden.states[:, hidden.mask], expected.states[:, hidden.mask]
    assert distance(states, others) <= 1e-6


@pytest.mark.filterwarnings("ignore:Support for mismatched key_padding_mask")
@pytest.mark.parametrize("family", LEAKY)
def test_padding_reaches_the_clips_of_transformers_own_model(family: str) -> None:
    inputs = normalised(clips())
    mask = (torch.arange(2000) < LENGTHS[:, None]).long()
    batched = batched_states(family, inputs, attention_mask=mask)[:, 1:2]
    single = batched_states(family, inputs[1:2, :611])
    assert distance(batched[:, :, : single.shape[2]], single) > 1e-3


@pytest.mark.parametrize("family", FAMILIES)
def test_states_are_those_of_transformers_fed_clip_by_clip(
    tiny_folder: TinyFolder, family: str
) -> None:
    encoder = load_encoder(str(tiny_folder(family)))
    assert (encoder.num_states, encoder.width) == (3, 16)
    waveforms, lengths = batch(encoder)
    together = encoder(waveforms, lengths)
    # w2v-BERT's extractor takes means in float32, to 1e-5 or so; of the
    # same spectrograms it is 1e-6 too, see its own tests.
    close, unpadded = (5e-5, 5e-5) if family == "w2v-bert" else (5e-6, 1e-6)
    for clip, length in enumerate(lengths):
        expected = stock_states(family, waveforms[clip, :length])
        states = together.states[:, clip, together.mask[clip]]
        single = alone(encoder, clip).states[:, 0]
        assert states.shape == single.shape == expected.shape
        for state, one, reference in zip(states, single, expected, strict=True):
            assert distance(state, reference) < close
            assert distance(one, reference) < unpadded


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
    expected = batched_states("wav2vec2", clips()[2:3])
    assert distance(alone(encoder, 2).states, expected) < 2e-6


@pytest.mark.parametrize(
    ("family", "normalise"),
    [("hubert", False), *((family, True) for family in FAMILIES)],
)
def test_what_is_in_the_padding_has_no_effect(
    tmp_path_factory: pytest.TempPathFactory, family: str, normalise: bool
) -> None:
    folder = write_tiny(tmp_path_factory.mktemp("pad"), family, normalise=normalise)
    encoder = load_encoder(str(folder))
    waveforms, lengths = batch(encoder)
    dirty = waveforms.clone()
    for clip, length in enumerate(lengths):
        dirty[clip, length:] = np.nan
    clean = encoder(waveforms, lengths)
    assert torch.equal(pooled(encoder(dirty, lengths)), pooled(clean))


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


@pytest.mark.parametrize("family", ["wavlm", *SPECTRAL])
def test_states_under_autocast_are_close(tiny_folder: TinyFolder, family: str) -> None:
    encoder = load_encoder(str(tiny_folder(family)))
    clips = batch(encoder)
    with torch.autocast("cpu", torch.bfloat16):
        rough = pooled(encoder(*clips)).float()
    assert 1e-4 < distance(rough, pooled(encoder(*clips))) < 0.05


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
