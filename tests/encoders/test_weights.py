import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from crossemo.encoders import EncoderError, load_encoder
from tests.encoders.conftest import TinyFolder
from tests.encoders.tiny import FAMILIES, edit_config, tiny_model, write_tiny


def change_weights(folder: Path, **changes: torch.Tensor | None) -> None:
    path = folder / "model.safetensors"
    weights = load_file(path) | changes
    save_file({k: v for k, v in weights.items() if v is not None}, path)


@pytest.mark.parametrize("pair", [("wavlm", "wav2vec2"), ("wavlm-large", "hubert")])
def test_wavlm_weights_are_refused_by_another_family(
    tmp_path: Path, pair: tuple[str, str]
) -> None:
    family, other = pair
    write_tiny(tmp_path, family)
    edit_config(tmp_path, model_type=other)
    with pytest.raises(EncoderError, match=f"aren't those of a {other} encoder.*gru_"):
        load_encoder(str(tmp_path))


def test_weights_of_another_family_are_refused_by_wavlm(tmp_path: Path) -> None:
    write_tiny(tmp_path, "wav2vec2")
    edit_config(tmp_path, model_type="wavlm")
    with pytest.raises(EncoderError, match=r"the file lacks .*gru_rel_pos_const and 6"):
        load_encoder(str(tmp_path))


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    write_tiny(tmp_path, "hubert")
    key = "encoder.layers.1.attention.q_proj.weight"
    change_weights(tmp_path, **{key: None})
    with pytest.raises(EncoderError, match=f"the file lacks {key}"):
        load_encoder(str(tmp_path))


def test_an_unexpected_tensor_is_named(tmp_path: Path) -> None:
    write_tiny(tmp_path, "hubert")
    change_weights(tmp_path, extra=torch.zeros(1))
    with pytest.raises(EncoderError, match="the file has besides extra"):
        load_encoder(str(tmp_path))


def test_a_tensor_of_another_shape_is_named(tmp_path: Path) -> None:
    write_tiny(tmp_path, "hubert")
    edit_config(tmp_path, intermediate_size=32)
    message = "has in another shape encoder.layers.0.feed_forward.* and 5 more"
    with pytest.raises(EncoderError, match=message):
        load_encoder(str(tmp_path))


@pytest.mark.parametrize(
    ("family", "head"),
    [
        ("wav2vec2", "ForPreTraining"),
        ("wav2vec2-large", "ForCTC"),
        ("hubert", "ForCTC"),
        ("wavlm", "ForSequenceClassification"),
        ("data2vec", "ForCTC"),
        ("unispeech", "ForPreTraining"),
        ("unispeech-sat", "ForPreTraining"),
        ("conformer", "ForPreTraining"),
        ("w2v-bert", "ForCTC"),
        ("ast", "ForAudioClassification"),
        ("whisper", "ForConditionalGeneration"),
        ("whisper", "ForAudioClassification"),
    ],
)
def test_heads_above_the_encoder_are_left_out(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], family: str, head: str
) -> None:
    folder = write_tiny(tmp_path, family, head)
    capfd.readouterr()
    encoder = load_encoder(str(folder))
    assert capfd.readouterr() == ("", "")
    model = tiny_model(family, head)
    whole = getattr(model, model.base_model_prefix, model)
    expected = getattr(whole, "encoder", whole) if family == "whisper" else whole
    expected = expected.state_dict()
    stored = encoder.model.state_dict()
    assert "masked_spec_embed" in expected or family in ("ast", "whisper")
    if family != "unispeech-sat":  # which has it in any case
        expected.pop("masked_spec_embed", None)
    assert stored.keys() == expected.keys()
    assert all(torch.equal(stored[key], expected[key]) for key in stored)


@pytest.mark.parametrize("family", FAMILIES)
def test_attention_is_fused_and_weights_are_float32(
    tmp_path: Path, family: str
) -> None:
    folder = write_tiny(tmp_path, family)
    if family == "hubert":  # as a checkpoint stored in half precision
        half = load_file(folder / "model.safetensors")
        save_file({k: v.half() for k, v in half.items()}, folder / "model.safetensors")
        edit_config(folder, dtype="float16")
    encoder = load_encoder(str(folder))
    assert {p.dtype for p in encoder.parameters()} == {torch.float32}
    if not family.startswith("wavlm"):
        assert encoder.model.config._attn_implementation == "sdpa"


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    write_tiny(tmp_path, "hubert")
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(EncoderError, match=r"no weights: it needs model\.safetensors"):
        load_encoder(str(tmp_path))


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = write_tiny(tmp_path, "hubert") / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(EncoderError, match=r"Can't read the weights in .*safetensors"):
        load_encoder(str(tmp_path))


class Intruder:
    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return (Path.touch, (self.witness,))


def test_a_pickle_is_not_executed(tmp_path: Path) -> None:
    write_tiny(tmp_path, "mert")
    witness = tmp_path / "witness"
    pickle.loads(pickle.dumps(Intruder(witness)))
    witness.unlink()  # the pickle does what it is meant to
    torch.save({"weight": Intruder(witness)}, tmp_path / "pytorch_model.bin")
    with pytest.raises(EncoderError, match="Can't read the weights"):
        load_encoder(str(tmp_path))
    assert not witness.exists()


def test_a_broken_configuration_is_refused(tmp_path: Path) -> None:
    write_tiny(tmp_path, "wav2vec2")
    edit_config(tmp_path, conv_bias="wide")
    with pytest.raises(EncoderError, match=r"The config\.json of .* is broken"):
        load_encoder(str(tmp_path))


def test_batch_norm_over_clips_is_refused(tmp_path: Path) -> None:
    write_tiny(tmp_path, "hubert", conv_pos_batch_norm=True)
    with pytest.raises(EncoderError, match="mixes the clips of a batch"):
        load_encoder(str(tmp_path))


def test_an_adapter_beside_the_weights_is_refused(tmp_path: Path) -> None:
    write_tiny(tmp_path, "hubert")
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(EncoderError, match="merge it into its encoder"):
        load_encoder(str(tmp_path))


def test_the_fingerprint_tells_encoders_apart(
    tiny_folder: TinyFolder, tmp_path: Path
) -> None:
    prints = [load_encoder(str(tiny_folder(f))).fingerprint() for f in FAMILIES]
    changed = write_tiny(tmp_path / "seed", "wav2vec2", seed=1)
    raw = write_tiny(tmp_path / "raw", "wav2vec2", normalise=False)
    heads = write_tiny(tmp_path / "heads", "wav2vec2")
    edit_config(heads, num_attention_heads=4)
    others = [load_encoder(str(f)).fingerprint() for f in (changed, raw, heads)]
    assert len({*prints, *others}) == len(FAMILIES) + 3
    assert all(len(bytes.fromhex(digest)) == 16 for digest in prints)


@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_the_fingerprint_is_that_of_the_encoder_before_training(
    tiny_folder: TinyFolder, tuning: str
) -> None:
    name = str(tiny_folder("wavlm"))
    encoder = load_encoder(name, tuning)  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.add_(1)
    assert encoder.fingerprint() == load_encoder(name).fingerprint()


def test_a_single_bit_changes_the_fingerprint(tmp_path: Path) -> None:
    write_tiny(tmp_path, "data2vec")
    before = load_encoder(str(tmp_path)).fingerprint()
    key = "feature_projection.projection.bias"
    bias = load_file(tmp_path / "model.safetensors")[key]
    bias[3] = torch.nextafter(bias[3], torch.tensor(9.0))
    change_weights(tmp_path, **{key: bias})
    assert load_encoder(str(tmp_path)).fingerprint() != before


@pytest.mark.parametrize(
    ("family", "twin"),
    [("whisper", "model.encoder.conv1.weight"), ("muq", "conv.linear.weight")],
)
def test_two_tensors_of_one_name_are_refused(
    tmp_path: Path, family: str, twin: str
) -> None:
    change_weights(write_tiny(tmp_path, family), **{twin: torch.zeros(1)})
    with pytest.raises(EncoderError, match="twice, once as"):
        load_encoder(str(tmp_path))
