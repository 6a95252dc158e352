"""Whatever a field of an encoder's small files says, it is refused or not read."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor

from crossemo.encoders import EncoderError, load_encoder
from crossemo.encoders.families.base import EncoderFiles
from crossemo.encoders.fields import refuse_odd_fields
from crossemo.errors import CrossEmoError
from tests.encoders import tiny, tiny_embeddings
from tests.encoders.mapped import MAPPED

FAMILIES = sorted({*tiny.FAMILIES, *MAPPED, *tiny_embeddings.KINDS})
SMALL = ("config.json", "preprocessor_config.json")
# Of no kind that a field of any name could be.
ODD: tuple[Any, ...] = ("x", -1, [], {}, None, -0.5, [-1, "x"], 10**9)
# Where one of these may stand, and the encoder is another one.
FREE = ("mean", "melspec_2048_mean", "frequency_min", "frequency_max")


@pytest.fixture(params=FAMILIES)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write(tmp_path / "encoder", request.param)


def write(folder: Path, family: str) -> Path:
    if family in tiny_embeddings.KINDS:
        return tiny_embeddings.write_tiny(folder, family)
    return tiny.write_tiny(folder, family)


def states_of(folder: Path) -> Tensor:
    encoder = load_encoder(str(folder), for_distances=True)
    clip = torch.randn(1, 4000, generator=torch.Generator().manual_seed(0))
    states: Tensor
    states, mask = encoder(clip, torch.tensor([4000]))
    assert mask.all()
    assert states.shape[0] == encoder.num_states
    assert states.shape[2:] == (encoder.count_frames([4000])[0], encoder.width)
    return states


def refusal_or_states(folder: Path) -> str | Tensor:
    try:
        return states_of(folder)
    except CrossEmoError as error:
        return str(error)


def places(content: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, value in content.items():
        yield (name,)
        if isinstance(value, dict):
            yield from ((name, *inner) for inner in places(value))


def changed(content: dict[str, Any], place: tuple[str, ...], value: Any) -> Any:
    first, *rest = place
    inner = changed(content[first], tuple(rest), value) if rest else value
    return {**content, first: inner}


def test_an_odd_value_is_refused_or_not_read(folder: Path) -> None:
    expected = states_of(folder)
    for path in (folder / name for name in SMALL if (folder / name).exists()):
        whole = path.read_text()
        content = json.loads(whole)
        for number, place in enumerate(places(content)):
            value = ODD[number % len(ODD)]
            path.write_text(json.dumps(changed(content, place, value)))
            what = f"{path.name} {'.'.join(place)}: {value!r}"
            outcome = refusal_or_states(folder)
            if isinstance(outcome, str):
                assert str(folder) in outcome, what
                assert "\n" not in outcome, what
            else:
                free = place[-1] in FREE
                assert free or torch.equal(outcome, expected), what
        path.write_text(whole)


@pytest.mark.parametrize(
    ("family", "file", "field", "value"),
    [
        ("wav2vec2", "config.json", "hidden_size", 0),
        ("hubert", "config.json", "num_attention_heads", -1),
        ("data2vec", "config.json", "conv_stride", [5, 0, 2]),
        ("conformer", "config.json", "max_source_positions", 10**9),
        ("wavlm", "config.json", "num_conv_pos_embedding_groups", 0),
        ("dac", "config.json", "downsampling_ratios", [2, -3, 4]),
        ("encodec", "config.json", "upsampling_ratios", []),
        ("muq", "config.json", "hop_length", 240.0),
        ("muq", "config.json", "stat.melspec_2048_std", -18.5),
        ("clap", "config.json", "audio_config.depths", [10**9, 2]),
        ("clap", "preprocessor_config.json", "hop_length", 800.5),
        ("clap", "preprocessor_config.json", "padding", -1),
        ("clap", "preprocessor_config.json", "truncation", ["fusion"]),
        ("ast", "preprocessor_config.json", "std", -3.0),
        ("mert", "preprocessor_config.json", "sampling_rate", "24000"),
        ("wav2vec2", "preprocessor_config.json", "do_normalize", "false"),
        ("hubert", "config.json", "layer_norm_eps", -1e-5),
        ("conformer", "config.json", "layer_norm_eps", 1e308),
        ("unispeech", "config.json", "activation_dropout", 1.1),
        ("unispeech-sat", "config.json", "feat_extract_activation", "x"),
        ("whisper", "config.json", "activation_function", ""),
    ],
)
def test_a_refusal_names_file_and_field(
    tmp_path: Path, family: str, file: str, field: str, value: Any
) -> None:
    folder = write(tmp_path, family)
    content = json.loads((folder / file).read_text())
    odd = changed(content, tuple(field.split(".")), value)
    (folder / file).write_text(json.dumps(odd))
    name = field.rpartition(".")[2]
    with pytest.raises(EncoderError, match=rf"{file} of {folder} says [\w.]*{name}: "):
        load_encoder(str(folder), for_distances=True)


def test_fields_of_other_parts_and_of_nobody_are_free(tmp_path: Path) -> None:
    folder = write(tmp_path, "clap")
    expected = states_of(folder)
    content = json.loads((folder / "config.json").read_text())
    content["text_config"]["classifier_dropout"] = None
    content |= {"num_labels": 0, "vocab_size": -1, "_hidden_sizes": 0}
    (folder / "config.json").write_text(json.dumps(content))
    assert torch.equal(states_of(folder), expected)


def test_what_is_no_file_is_refused(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        aside = folder.parent / path.name
        path.rename(aside)
        for odd in (Path.mkdir, lambda path: path.symlink_to("nowhere")):
            odd(path)
            outcome = refusal_or_states(folder)
            assert isinstance(outcome, str), path.name
            assert f"{path} is a folder, or a link that leads nowhere" in outcome
            path.rmdir() if path.is_dir() else path.unlink()
        aside.rename(path)


@pytest.mark.parametrize(
    "stem",
    [
        *("Wav2Vec2", "Hubert", "WavLM", "Data2VecAudio", "UniSpeech", "UniSpeechSat"),
        *("Wav2Vec2Conformer", "Wav2Vec2Bert", "Whisper", "AST"),
        *("Clap", "Encodec", "Dac"),
    ],
)
def test_what_transformers_writes_by_itself_is_taken(stem: str) -> None:
    config = getattr(transformers, f"{stem}Config")().to_dict()
    maker = getattr(transformers, f"{stem}FeatureExtractor", None)
    preprocessor = {} if maker is None else maker().to_dict()
    refuse_odd_fields(EncoderFiles(stem, config, preprocessor))
