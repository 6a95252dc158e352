"""What a user's class reaches is its weights, wherever it keeps them."""

from pathlib import Path

import pytest
import torch

from crossemo.encoders import load_encoder
from tests.encoders.test_user_code import LENGTHS, clips, write

HOLDING = """
import pathlib, types
from functools import partial
import numpy as np
import torch
from torch import nn

NUMBER = float(pathlib.Path({file!r}).read_text())
{before}

class Box:
    __slots__ = ("inside",)

class Mine(nn.Module):
    sampling_rate, output_dim, hop_size_in_ms = 16_000, 3, 20

    def __init__(self):
        super().__init__()
        values = torch.full((3,), NUMBER)
        {store}
        self.me = [self]
        self.me.append(self.me)

    def forward(self, audio):
        return audio.unfold(1, 320, 320).mean(2, keepdim=True) * ({used})
"""


@pytest.mark.parametrize(
    ("store", "used", "before"),
    [
        ("self.store = values", "self.store", ""),
        ("self.store = [[values]]", "self.store[0][0]", ""),
        ("self.store = {'a': (1, {2: values})}", "self.store['a'][1][2]", ""),
        ("self.store = types.SimpleNamespace(a=[values])", "self.store.a[0]", ""),
        ("self.store = Box(); self.store.inside = values", "self.store.inside", ""),
        ("self.store = lambda: values", "self.store()", ""),
        ("self.store = partial(torch.add, values)", "self.store(0)", ""),
        ("self.store = [values.numpy()]", "torch.from_numpy(self.store[0])", ""),
        ("self.store = [values.to_sparse()]", "self.store[0].to_dense()", ""),
        ("self.register_buffer('store', values, persistent=False)", "self.store", ""),
        (
            "self.store = [nn.Linear(1, 3)]; self.store[0].bias.data.copy_(values)",
            "self.store[0].bias",
            "",
        ),
        ("pass", "Mine.store", "def later(): Mine.store = torch.full((3,), NUMBER)"),
        ("pass", "STORE['a'][0]", "STORE = {'a': [torch.full((3,), NUMBER)]}"),
    ],
)
def test_the_fingerprint_is_of_all_tensors_wherever_they_are_kept(
    tmp_path: Path, store: str, used: str, before: str
) -> None:
    file = tmp_path / "number"
    store = store.replace("pass", "later()") if "later" in before else store
    text = HOLDING.format(file=str(file), store=store, used=used, before=before)
    name = write(tmp_path, head=text)
    loaded = {}
    for number in ("1", "1.0", "2"):
        file.write_text(number)
        loaded[number] = load_encoder(name)
    one, same, other = (encoder.fingerprint() for encoder in loaded.values())
    assert one == same
    assert one != other
    states = [loaded[number](clips(), LENGTHS).states for number in ("1", "2")]
    torch.testing.assert_close(2 * states[0], states[1])  # by which they differ


def test_a_chain_of_any_length_is_followed(tmp_path: Path) -> None:
    store = (
        "self.store = values\n        for _ in range(10_000): self.store = [self.store]"
    )
    file, prints = tmp_path / "number", []
    text = HOLDING.format(file=str(file), store=store, used="torch.ones(3)", before="")
    for number in ("1", "2"):
        file.write_text(number)
        name = write(tmp_path, head=text)
        prints.append(load_encoder(name).fingerprint())
    assert prints[0] != prints[1]


def test_modules_in_lists_are_evaluated_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "number"
    file.write_text("1")
    store = "self.store = [nn.Sequential(nn.Linear(320, 3), nn.Dropout(0.5))]"
    text = HOLDING.format(file=str(file), store=store, used="torch.ones(3)", before="")
    text += "    def forward(self, audio):\n"
    text += "        return self.store[0](audio.unfold(1, 320, 320))\n"
    encoder = load_encoder(write(tmp_path, head=text))
    assert "model.parts.store/0.0.weight" in encoder.state_dict()
    first, second = (encoder(clips(), LENGTHS).states for _ in range(2))
    torch.testing.assert_close(first, second, rtol=0, atol=0)  # without dropout


PLAIN = """
import torch

class Mine:
    sampling_rate, output_dim, hop_size_in_ms = 16_000, 3, 20

    def __init__(self):
        self.net = torch.nn.Sequential(torch.nn.Linear(320, 3), torch.nn.Dropout(0.5))
        self.net[0].weight.data.fill_({})

    def forward(self, audio):
        return self.net(audio.unfold(1, 320, 320))
"""


def test_modules_of_an_object_without_torch_are_weights_all_the_same(
    tmp_path: Path,
) -> None:
    encoder = load_encoder(write(tmp_path, head=PLAIN.format(1)))
    assert "model.parts.net.0.weight" in encoder.state_dict()
    first, second = (encoder(clips(), LENGTHS).states for _ in range(2))
    torch.testing.assert_close(first, second, rtol=0, atol=0)  # without dropout
