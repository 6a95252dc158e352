from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from crossemo.probes import LayerwiseProbes
from crossemo.probes.bank import ProbeBank
from crossemo.probes.clips import TEST, TRAIN, VAL, shuffled_targets
from crossemo.probes.trained import TrainedProbes
from tests.probes.fitting import FEW as SETTINGS
from tests.probes.fitting import fit, judged, speech_and_song

FEW = SETTINGS["superb"]
# role, layer, fold and variant: seeds 0 and 1, and labels that are shuffled, twice
PLACES = [(0, 0, 0, 0), (1, 2, 3, 1), (0, 1, 2, 1), (1, 1, 1, 2), (0, 2, 0, 3)]
VARIANTS = [(0, None), (1, None), (-1, 0), (-2, 1)]  # seeds of weights and of shuffles
Place = tuple[int, int, int, int]
EPOCHS = 40
LAYERS = 3
SCALED: dict[str, Any] = {
    "rtol": 1e-4,
    "atol": 1e-5,
}  # by means and deviations in float32


@pytest.fixture(scope="module")
def together(ravdess: Path, wav2vec2: Path) -> LayerwiseProbes:
    return fit(speech_and_song(ravdess), wav2vec2, "superb", shuffles=2)


def of(probes: LayerwiseProbes, role: int, layer: int) -> TrainedProbes:
    found = probes.probes[role * len(probes.views) + layer]
    assert isinstance(found, TrainedProbes)
    return found


def kept(one: TrainedProbes, fold: int, rate: int, variant: int) -> list[Tensor]:
    """Recall, loss and best weights of a probe."""
    place = (fold, rate, variant)
    bank = one.best[rate]
    assert isinstance(bank, ProbeBank)
    maps = [tensor[fold, variant] for tensor in bank.maps]
    return [one.recall[place], one.loss[place], *maps]


@pytest.fixture
def alone(together: LayerwiseProbes, ravdess: Path, wav2vec2: Path) -> Any:
    """Train one layer, fold and variant with some rates."""

    def fit_alone(place: Place, rates: tuple[float, ...]) -> LayerwiseProbes:
        _, layer, fold, variant = place
        seed, shuffle = VARIANTS[variant]
        found = fit(
            speech_and_song(ravdess),
            wav2vec2,
            "superb",
            layers=[layer],
            folds=[fold],
            rates=rates,
            seeds=(seed if shuffle is None else 7,),
            shuffles=0 if shuffle is None else shuffle + 1,
        )
        assert found.variants[-1] == VARIANTS[variant]
        return found

    return fit_alone


def test_shuffled_labels_have_first_weights_of_their_own(
    together: LayerwiseProbes,
) -> None:
    assert together.variants == judged(together).variants == VARIANTS


@pytest.mark.parametrize("place", PLACES)
def test_a_probe_gets_the_result_that_it_would_have_had_alone(
    together: LayerwiseProbes, alone: Any, place: Place
) -> None:
    role, layer, fold, variant = place
    for number, rate in enumerate(FEW["rates"]):
        expected = kept(of(together, role, layer), fold, number, variant)
        found = kept(of(alone(place, (rate,)), role, 0), 0, 0, -1)
        torch.testing.assert_close(found, expected, **SCALED)


@pytest.mark.parametrize("place", PLACES)
def test_a_judgement_is_what_it_would_have_been_alone(
    together: LayerwiseProbes, alone: Any, place: Place
) -> None:
    role, layer, fold, variant = place
    ours, theirs = judged(together), judged(alone(place, FEW["rates"]))
    for one, other in (
        (ours.choice, theirs.choice),
        (ours.validation, theirs.validation),
    ):
        assert one[role, layer, fold, variant] == other[role, 0, 0, -1]
    cells = [c.trained == ours.names[role] for c in ours.conditions]
    tested = ours.parts[fold] == TEST
    for told, said in ((ours.said, theirs.said), (ours.within, theirs.within)):
        mine, own = told[cells][..., tested], said[cells][..., tested]
        assert torch.equal(mine[:, layer, variant], own[:, 0, -1])


class Alone:
    """One probe as PyTorch and scikit-learn would have it."""

    def __init__(self, sizes: list[int], seed: int) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            maps = [nn.Linear(a, b) for a, b in pairwise(sizes)]
        self.probe = nn.Sequential(*maps).double()
        self.recall, self.loss = -1.0, np.inf
        self.weights: list[Tensor] = []

    def fit(self, x: Any, y: Any, train: Any, val: Any, rate: float) -> None:
        scaled = torch.tensor(StandardScaler().fit(x[train]).transform(x))
        optimizer = torch.optim.AdamW(self.probe.parameters(), rate, weight_decay=0.01)
        waited = 0
        for _ in range(EPOCHS):
            found = self.probe(scaled)
            guessed = found.argmax(1).numpy()
            recall = round(balanced_accuracy_score(y[val], guessed[val]), 9)
            loss = float(self.weighted(found, y, val).detach())
            waited += 1
            less = recall == self.recall and loss < 0.999 * self.loss
            if recall > self.recall or less:
                self.recall, self.loss, waited = recall, loss, 0
                self.weights = [p.detach().clone() for p in self.probe.parameters()]
            if waited == FEW["patience"]:
                break
            optimizer.zero_grad()
            self.weighted(found, y, train).backward()  # type: ignore[no-untyped-call]
            optimizer.step()

    def weighted(self, found: Tensor, y: Any, part: Any) -> Tensor:
        losses = cross_entropy(found[part], torch.tensor(y[part]), reduction="none")
        weights = torch.tensor(compute_sample_weight("balanced", y[part]))
        return (losses * weights).sum() / weights.sum()


@pytest.mark.parametrize("place", PLACES)
def test_a_probe_gets_the_result_of_a_plain_loop(
    together: LayerwiseProbes, place: Place
) -> None:
    role, layer, fold, variant = place
    clips = together.clips
    states, _ = together.hidden_states()
    own = (clips.roles == role).numpy()
    seed, shuffle = VARIANTS[variant]
    labels = clips.targets if shuffle is None else shuffled_targets(clips, shuffle)
    x, y = states[own, layer].double().numpy(), labels[own].numpy()
    parts = clips.parts[fold][own].numpy()
    for number, rate in enumerate(FEW["rates"]):
        alone = Alone([x.shape[1], FEW["hidden"], len(clips.task.outputs)], seed)
        alone.fit(x, y, parts == TRAIN, parts == VAL, rate)
        found = kept(of(together, role, layer), fold, number, variant)
        assert float(found[0]) == pytest.approx(alone.recall)
        assert float(found[1]) == pytest.approx(alone.loss, rel=1e-5)
        for ours, theirs in zip(found[2:], alone.weights, strict=True):
            torch.testing.assert_close(ours, theirs, **SCALED)


def test_probes_stop_at_different_times(together: LayerwiseProbes) -> None:
    # else nothing above could tell one's stop from another's
    waited = torch.stack(
        [of(together, r, n).waited for r in (0, 1) for n in range(LAYERS)]
    )
    patience = FEW["patience"]
    assert (waited < patience).any()
    assert len(set(waited[waited >= patience].tolist())) > 3
