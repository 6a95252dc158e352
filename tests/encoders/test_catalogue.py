import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from crossemo.encoders import CATALOGUE, load_encoder
from crossemo.encoders.catalogue import KERNELS, STRIDES, receptive_field
from crossemo.encoders.families import get_family
from crossemo.encoders.families.base import EncoderFiles
from crossemo.encoders.training_records import training_records
from tests.encoders.families.test_emotion2vec import PUBLISHED as EMOTION2VEC
from tests.encoders.tiny import edit_config, write_tiny

NEEDED = {"emotion2vec": EMOTION2VEC, "dac": {"sampling_rate": 44_100}}


@pytest.mark.parametrize(
    ("kernels", "strides"), [(KERNELS, STRIDES), ((10, 3, 2), (5, 2, 2)), ((4,), (7,))]
)
def test_the_receptive_field_is_the_shortest_input_that_convolutions_take(
    kernels: tuple[int, ...], strides: tuple[int, ...]
) -> None:
    pairs = zip(kernels, strides, strict=True)
    stack = nn.Sequential(
        *(nn.Conv1d(1, 1, kernel, stride) for kernel, stride in pairs)
    )
    samples = receptive_field(kernels, strides)
    assert stack(torch.zeros(1, 1, samples)).shape[-1] == 1
    with pytest.raises(RuntimeError, match="size"):
        stack(torch.zeros(1, 1, samples - 1))


def test_entries_have_a_repository_or_a_shape_and_whole_commits() -> None:
    for name, entry in CATALOGUE.items():
        assert (entry.repository is None) == bool(entry.config), name
        if entry.revision is not None:
            assert re.fullmatch("[0-9a-f]{40}", entry.revision), name
    commits = [entry.revision for entry in CATALOGUE.values() if entry.revision]
    assert len(set(commits)) == len(commits)


@pytest.mark.parametrize("name", CATALOGUE)
def test_an_entry_says_what_its_family_says_of_the_published_shape(name: str) -> None:
    entry = CATALOGUE[name]
    family = get_family(entry.family)
    files = EncoderFiles(name, NEEDED.get(entry.family, entry.config), {})
    assert entry.facts == (family.rate(files), family.min_samples(files))


def test_every_published_encoder_says_what_it_was_trained_on() -> None:
    for name, entry in CATALOGUE.items():
        assert bool(entry.repository) == bool(
            training_records(entry.repository or "")
        ), name


def test_audeering_s_regression_head_is_dropped(tmp_path: Path) -> None:
    plain = write_tiny(tmp_path / "plain", "wav2vec2-large")
    whole = write_tiny(tmp_path / "whole", "wav2vec2-large")
    (whole / "model.safetensors").unlink()
    weights = {
        f"wav2vec2.{name}": tensor
        for name, tensor in load_file(plain / "model.safetensors").items()
    }
    # As the model card's code builds it.
    weights |= {
        "classifier.dense.weight": torch.ones(16, 16),
        "classifier.dense.bias": torch.ones(16),
        "classifier.out_proj.weight": torch.ones(3, 16),
        "classifier.out_proj.bias": torch.ones(3),
    }
    torch.save(weights, whole / "pytorch_model.bin")
    edit_config(
        whole,
        architectures=["Wav2Vec2ForSpeechClassification"],
        problem_type="regression",
        finetuning_task="wav2vec2_reg",
        pooling_mode="mean",
        vocab_size=None,
        id2label={"0": "arousal", "1": "dominance", "2": "valence"},
        label2id={"arousal": 0, "dominance": 1, "valence": 2},
    )
    clip = torch.randn(1, 400), torch.tensor([400])
    expected, states = (load_encoder(str(f))(*clip).states for f in (plain, whole))
    assert torch.equal(states, expected)
