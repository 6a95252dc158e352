"""A study on a made-up corpus in which each emotion's shared cues are set by hand.

Run `python -m tests.benchmarks.study_shared_cues [--studies 20] [--folder FOLDER]`.

Each study writes speech and song of its own (`tests.corpora.shared_cues`: 24 speakers,
six emotions, four clips of each), and takes the mean logarithmic mel spectrum of every
clip. Strengths of shared cues are 0, .2 to 1, dealt to the emotions at random, or .5
for all. In each of six folds, four speakers are tested. Distances are crossemo's own,
over their clips; recognisers are logistic: of one that learns from one clip of each
emotion by one singer alone, another in each of three seeds, weights are drawn to 0, of
the one with transfer to those learnt from all speech but the tested speakers'.
"""

import argparse
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from scipy.stats import spearmanr
from soundfile import read
from torch import Tensor
from torch.nn.functional import cross_entropy
from torchaudio.transforms import MelSpectrogram

from crossemo.corpora.base import Clip
from crossemo.distances.cells import Cell
from crossemo.similarity import Domain, Settings, compare_clips
from crossemo.studies.explanation import Explanation, explain
from tests.corpora.shared_cues import EMOTIONS, RATE, SharedCues

FOLDS, SEEDS = 6, 3
PENALTY = 1.0
QUICK = Settings(permutations=0, fad_permutations=0, intervals=False)


class Channel(NamedTuple):
    """The clips of one channel.

    Args:
        clips: The clips.
        spectra: `(clips, bands)` standardised.
        labels: `(clips,)` numbers of emotions.
        speakers: `(clips,)` numbers of speakers.
    """

    clips: Sequence[Clip]
    spectra: Tensor
    labels: Tensor
    speakers: Tensor

    def at(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return spectra, with a constant, and labels of some clips."""
        spectra = self.spectra[rows]
        return torch.cat((spectra, torch.ones(len(spectra), 1)), 1), self.labels[rows]

    def cells(self, rows: Tensor) -> list[Cell]:
        """Return some clips by emotion."""
        cells = []
        for number in range(len(EMOTIONS)):
            those = (rows & (self.labels == number)).nonzero().flatten()
            groups = tuple(self.clips[row].groups[0] for row in those.tolist())
            cells.append(Cell(self.spectra[those], groups))
        return cells


def study(shared: Sequence[float], folder: Path, seed: int = 0) -> Explanation:
    """Return what a study says of speech and song that share some cues.

    Args:
        shared: Strengths of the shared cues, by emotion.
        folder: Where the clips are written.
        seed: Of speakers and clips.
    """
    speech = channel(SharedCues("speech", folder, speakers=24, seed=seed))
    song = channel(SharedCues("song", folder, shared, speakers=24, seed=seed))
    distances, predictions = [], []
    for fold in range(FOLDS):
        tested = song.speakers % FOLDS == fold
        distances.append(measured(speech, song, tested).assign(run=f"{fold}-0"))
        for one in range(SEEDS):
            said = judged(speech, song, tested, one)
            predictions.append(said.assign(run=f"{fold}-{one}"))
    numbers = list(product(range(FOLDS), range(SEEDS)))
    runs = pd.DataFrame(numbers, columns=["fold", "seed"]).assign(
        run=[f"{fold}-{one}" for fold, one in numbers], state="done", kind="stages"
    )
    what = {"encoder": "spectrum", "strategy": "logistic", "study": "one"}
    named = runs.assign(**what, source="speech", target="song", condition="one")
    return explain(pd.concat(distances), pd.concat(predictions), named)


def channel(corpus: SharedCues) -> Channel:
    """Write and read the clips of a channel."""
    corpus.prepare()
    clips = corpus.clips()
    spectrum = MelSpectrogram(RATE, n_fft=512, n_mels=24)
    sounds = torch.stack([torch.from_numpy(read(clip.path)[0]) for clip in clips])
    spectra = (spectrum(sounds.float()) + 1e-9).log().mean(2)
    spectra = (spectra - spectra.mean(0)) / spectra.std(0)  # of each channel by itself
    labels = torch.tensor([EMOTIONS.index(str(clip.label)) for clip in clips])
    speakers = torch.tensor([int(clip.groups[0][-2:]) for clip in clips])
    return Channel(clips, spectra, labels, speakers)


def measured(speech: Channel, song: Channel, tested: Tensor) -> pd.DataFrame:
    """Return rows of `fad.csv` of the tested speakers."""
    x, y = (
        Domain(name, one.cells(tested))
        for name, one in (("source", speech), ("target", song))
    )
    rows, _ = compare_clips(x, y, EMOTIONS, QUICK)
    tags = {"stage": "before", "part": "test", "unit": "clip", "layer": "spectrum"}
    return pd.DataFrame(rows).assign(**tags)


def judged(speech: Channel, song: Channel, tested: Tensor, seed: int) -> pd.DataFrame:
    """Return rows of `predictions.csv` of the tested speakers' song."""
    singers = sorted(set(song.speakers[~tested].tolist()))
    first = torch.tensor([clip.id.endswith("-0") for clip in song.clips])
    learnt = song.at((song.speakers == singers[seed]) & first)
    nothing = torch.zeros(song.spectra.shape[1] + 1, len(EMOTIONS))
    source = fitted(*speech.at(~tested), nothing)
    tables = []
    for stage, prior in (("target_only", nothing), ("target", source)):
        inputs, labels = song.at(tested)
        said = (inputs @ fitted(*learnt, prior)).argmax(1)
        clips = [song.clips[row] for row in tested.nonzero().flatten().tolist()]
        columns = {
            "clip": [clip.id for clip in clips],
            "group": [clip.groups[0] for clip in clips],
            "true": np.array(EMOTIONS)[labels],
            "predicted": np.array(EMOTIONS)[said],
        }
        tables.append(pd.DataFrame(columns).assign(stage=stage))
    return pd.concat(tables).assign(place="target")


def fitted(inputs: Tensor, labels: Tensor, prior: Tensor) -> Tensor:
    """Return the weights of logistic regression, drawn to others."""
    weights = prior.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([weights], max_iter=50, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        drawn = PENALTY / 2 * (weights - prior).square().sum()
        total = cross_entropy(inputs @ weights, labels, reduction="sum") + drawn
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    return weights.detach()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=20)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for name in ("planted", "all alike"):
        values = []
        for seed in range(arguments.studies):
            strengths = np.random.default_rng(seed).permutation(6) / 5
            if name == "all alike":
                strengths = np.full(6, 0.5)
            with TemporaryDirectory() as folder:
                tests, points = study(strengths.tolist(), Path(folder), seed)
            one = points.set_index("emotion").loc[list(EMOTIONS)]
            row = tests.iloc[0]
            values.append(row["p"])
            print(
                f"{name} {seed}: rho {row['rho']:.2f}, p {row['p']:.3f}, strengths "
                f"{strengths}, distances {one['distance'].round(2).tolist()}, gains "
                f"{one['gain'].round(2).tolist()}, rhos with strengths "
                f"{spearmanr(strengths, one['distance']).statistic:.2f} "
                f"{spearmanr(strengths, one['gain']).statistic:.2f}",
                flush=True,
            )
        shown = np.mean(np.array(values) <= 0.05)
        print(f"{name}: p ≤ .05 in {100 * shown:.0f} % of {len(values)} studies")


if __name__ == "__main__":
    main()
