import re

import pytest
import torch
from torch import nn

from crossemo.encoders import CATALOGUE
from crossemo.encoders.catalogue import KERNELS, STRIDES, receptive_field
from crossemo.encoders.families import get_family
from crossemo.encoders.families.base import EncoderFiles
from crossemo.encoders.training_records import training_records
from tests.encoders.families.test_emotion2vec import PUBLISHED as EMOTION2VEC

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
