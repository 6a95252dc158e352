"""Models of every kind, out to a folder and back, and in plain transformers."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from crossemo.recognizer import EmotionRecognizer
from crossemo.sharing.model_facts import ModelFacts
from crossemo.sharing.own_form import SharedRecognizer
from tests.encoders.mapped import MAPPED
from tests.encoders.tiny import FAMILIES, write_tiny
from tests.sharing.models import clips, logits, moved, shared

PLAINLY = Path(__file__).with_name("plainly.py")
TUNINGS, LAYERS = ("frozen", "full", "lora"), ("weighted", "last", 1)
# Of the shape of others, which are tested with every tuning.
ALIKE = ("unispeech", "unispeech-sat", "conformer")


def cases() -> Iterator[tuple[str, tuple[str, dict[str, Any]]]]:
    """Yield every family with every tuning, layers in turn; attentive pooling once."""
    for one, family in enumerate(FAMILIES):
        tunings = TUNINGS[:1] if family in ALIKE else TUNINGS
        for other, tuning in enumerate(tunings):
            options = {"tuning": tuning, "layers": LAYERS[(one + other) % 3]}
            yield f"{family}-{tuning}", (family, options)
        if family not in ALIKE:
            pooled = {"tuning": TUNINGS[one % 3], "layers": LAYERS[one % 2]}
            yield f"{family}-attentive", (family, pooled | {"pooling": "attentive"})


CASES = dict(cases())
MORE: dict[str, tuple[str, dict[str, Any]]] = {
    "norm": ("wav2vec2-large", {"layer_norm": True}),
    "norm-of-one": ("hubert", {"layer_norm": True, "layers": 0}),
    "first": ("mert-large", {"layers": 0}),
    "bitfit": ("wavlm", {"tuning": "bitfit"}),
    "houlsby": ("wavlm-large", {"tuning": "houlsby", "peft": {"size": 4}}),
    "dora": ("wavlm", {"tuning": "dora"}),
    "ia3": ("data2vec", {"tuning": "ia3"}),
    "norms": ("hubert-large", {"tuning": "ln_tuning", "layers": "last"}),
    "values": ("wav2vec2", {"task": "values"}),
    "values-attentive": ("mert", {"task": "values", "pooling": "attentive"}),
    "plain": ("plain", {}),
}
EVERY = CASES | MORE


@dataclass(frozen=True)
class Trip:
    folder: Path
    facts: ModelFacts
    expected: Tensor

    @property
    def answers(self) -> Tensor:
        """What a pipeline should say."""
        values = self.facts.task == "values"
        return self.expected if values else self.expected.softmax(-1)


@pytest.fixture(scope="module")
def trips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Trip]:
    home = tmp_path_factory.mktemp("trips")
    families = {family for family, _ in EVERY.values()} - {"plain"}
    encoders = {family: write_tiny(home / family, family) for family in families}
    encoders["plain"] = write_tiny(home / "plain", "wav2vec2", normalise=False)
    trips = {}
    for name, (family, options) in EVERY.items():
        model = moved(encoders[family], **options)
        facts = shared(model, home / "shared" / name)
        trips[name] = Trip(home / "shared" / name, facts, logits(model, clips()))
    for folder in encoders.values():  # as they can't be had where models go
        folder.rename(folder.with_suffix(".gone"))
    return trips


@pytest.mark.parametrize("name", EVERY)
def test_it_says_the_same_when_it_is_read_again(
    trips: dict[str, Trip], name: str
) -> None:
    trip = trips[name]
    again = EmotionRecognizer.from_pretrained(trip.folder)
    assert again.classes == trip.facts.classes
    assert again.facts == trip.facts
    torch.testing.assert_close(
        logits(again, clips()), trip.expected, rtol=1e-5, atol=1e-5
    )


def is_stock(name: str) -> bool:
    family, options = EVERY[name]
    return (
        # The classifiers of the first two hear whole windows, the rest have none.
        family not in ("whisper", "ast", *MAPPED)
        and options.get("pooling", "mean") == "mean"
        and not options.get("layer_norm")
        and options.get("tuning") != "houlsby"
    )


@pytest.mark.parametrize("name", EVERY)
def test_it_is_stock_wherever_it_can_be(trips: dict[str, Trip], name: str) -> None:
    facts = trips[name].facts
    if is_stock(name):
        assert (facts.form, facts.obstacle) == ("transformers", None)
        large = EVERY[name][0].endswith(("-large", "conformer"))
        values = facts.task == "values"
        assert facts.oldest == ("5.23" if values else "5.16" if large else "5.0")
    else:
        assert facts.oldest is None
        assert facts.form == "crossemo"
        assert facts.obstacle
    if name in {f"{family}-frozen" for family in MAPPED}:
        family = EVERY[name][0]
        assert facts.obstacle == f"transformers has no classifier on {family}"


@pytest.fixture(scope="module")
def plain(trips: dict[str, Trip]) -> dict[str, dict[str, Any]]:
    """What transformers says of the clips in a process that has no crossemo."""
    stock = {n: t.folder for n, t in trips.items() if t.facts.form == "transformers"}
    file = next(iter(stock.values())).parent / "clips.npz"
    np.savez(file, *clips())
    command = [sys.executable, "-I", str(PLAINLY), *map(str, stock.values())]
    command.append(str(file))
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    said = json.loads(done.stdout.splitlines()[-1])
    return {name: said[str(folder)] for name, folder in stock.items()}


def test_plain_transformers_says_the_same_of_a_clip(
    trips: dict[str, Trip], plain: dict[str, dict[str, Any]]
) -> None:
    assert len(plain) == sum(map(is_stock, EVERY))
    for name, said in plain.items():
        alone = torch.tensor(said["alone"])
        assert alone.std(0).max() > 1e-4, name  # it hears the clips
        # w2v-BERT's extractor takes means over time in float32.
        close = 1e-5 if name.startswith("w2v-bert") else 1e-6
        torch.testing.assert_close(alone, trips[name].answers, rtol=0, atol=close)


def test_a_batch_is_the_same_only_without_a_norm_over_time(
    trips: dict[str, Trip], plain: dict[str, dict[str, Any]]
) -> None:
    for family in FAMILIES:
        if not is_stock(name := f"{family}-frozen"):
            continue
        together = torch.tensor(plain[name]["together"])
        difference = (together - trips[name].answers).abs().max()
        if family in ("wav2vec2-large", "hubert-large", "wavlm-large", "w2v-bert"):
            assert difference < 1e-5, name
        else:
            assert difference > 1e-4, name


def test_own_form_is_huggingface_hub_s(trips: dict[str, Trip], tmp_path: Path) -> None:
    own = [name for name, trip in trips.items() if trip.facts.form == "crossemo"]
    assert len(own) > len(FAMILIES)
    for name in ("norm", "houlsby", "mert-attentive"):
        again = SharedRecognizer.from_pretrained(str(trips[name].folder))
        expected = trips[name].expected
        torch.testing.assert_close(
            logits(again, clips()), expected, rtol=1e-5, atol=1e-5
        )
