"""Probes of made-up features that are trained alone, for bench_probes."""

import logging
import warnings
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from lightning import Trainer
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot
from torch.utils.data import DataLoader, TensorDataset

from crossemo.corpora.ravdess import RAVDESS
from crossemo.data.datamodule import EmotionDataModule
from crossemo.data.datamodules import SpeechEmotionDataModule
from crossemo.probes import LayerwiseProbes
from crossemo.probes.bank import ProbeHead
from crossemo.probes.clips import TRAIN, VAL, ProbedClips, probed_clips
from crossemo.probes.module import RATES
from crossemo.probes.views import View, Views
from tests.corpora.ravdess_tree import write_ravdess

LAYERS, WIDTH, HIDDEN, BATCH = 13, 768, 256, 32
PATIENCE = 10**6  # so that none stops
QUIET: dict[str, Any] = {
    "accelerator": "cpu",
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "enable_checkpointing": False,
    "num_sanity_val_steps": 0,
    "use_distributed_sampler": False,
}


Which = tuple[int, int, float, int]  # layer, fold, rate and seed


@dataclass(frozen=True)
class Job:
    """Probes to train."""

    name: str
    actors: int
    split: str
    seeds: tuple[int, ...] = (0,)
    rates: tuple[float, ...] = RATES
    head: ProbeHead = "linear"

    @property
    def sizes(self) -> list[int]:
        return [WIDTH, HIDDEN] if self.head == "superb" else [WIDTH]


class MadeUp(LayerwiseProbes):
    """Probes of made-up features instead of an encoder's."""

    features: Tensor

    def _read(self, data: EmotionDataModule) -> Views:
        layers = self.hparams["layers"]
        chosen = range(LAYERS) if layers == "all" else layers
        return {View(f"{n}", "encoder", n): self.features[n] for n in chosen}


def made_up(job: Job, root: Path) -> EmotionDataModule:
    """Return clips in name only, and make up their features."""
    chosen = (1, 2, 5, 20) if job.actors == 4 else range(1, 25)
    files = root / "ravdess"
    write_ravdess(files, chosen, ["speech"], emotions=range(1, 7), seconds=0.1)
    logging.getLogger("crossemo").setLevel(logging.ERROR)  # actor 7's duplicate
    corpus, cache = RAVDESS(files), root / "cache"
    data = SpeechEmotionDataModule(corpus, split=job.split, cache_dir=cache)
    data.prepare_data()
    data.setup()
    clips = probed_clips(data)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(LAYERS, len(clips.ids), WIDTH, generator=generator)
    MadeUp.features = noise + one_hot(clips.labels, WIDTH)
    return data


class Alone:
    """A probe that is trained alone, without crossemo."""

    def __init__(self, job: Job, clips: ProbedClips, which: Which) -> None:
        layer, fold, rate, seed = which
        torch.manual_seed(seed)
        maps = [nn.Linear(a, b) for a, b in pairwise([*job.sizes, len(clips.classes)])]
        self.model = nn.Sequential(*maps)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), rate)
        x, part = MadeUp.features[layer], clips.parts[fold]
        deviation, mean = torch.std_mean(x[part == TRAIN], 0, correction=0)
        x, y = (x - mean) / deviation, clips.labels
        self.learnt, self.judged = ((x[part == n], y[part == n]) for n in (TRAIN, VAL))
        self.weight = 1 / self.learnt[1].bincount()
        self.best = (-1.0, 0.0)

    def step(self, x: Tensor, y: Tensor) -> None:
        loss = cross_entropy(self.model(x), y, self.weight)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()

    @torch.no_grad()
    def judge(self, said: Tensor, labels: Tensor) -> None:
        """Keep the weights if they are the best so far."""
        right = one_hot(labels) * (said.argmax(1) == labels)[:, None]
        recall = float((right.sum(0) / labels.bincount()).mean())
        found = (recall, -float(cross_entropy(said, labels, self.weight)))
        if found > self.best:
            self.best = found
            self.kept = [p.clone() for p in self.model.parameters()]

    def bare(self, epochs: int) -> None:
        x, y = self.judged
        for _ in range(epochs):
            with torch.no_grad():
                said = self.model(x)
            self.judge(said, y)
            self.step(*self.learnt)

    def in_batches(self, epochs: int) -> None:
        learnt, judged = (TensorDataset(*of) for of in (self.learnt, self.judged))
        training = DataLoader(learnt, BATCH, shuffle=True)
        judging = DataLoader(judged, BATCH)
        for _ in range(epochs):
            with torch.no_grad():
                said = torch.cat([self.model(x) for x, _ in judging])
            self.judge(said, self.judged[1])
            for x, y in training:
                self.step(x, y)


def by_lightning(
    job: Job, data: EmotionDataModule, epochs: int, which: Which | None = None
) -> MadeUp:
    """Train all probes through a trainer, or a certain one."""
    options: dict[str, Any] = {"rates": job.rates, "seeds": job.seeds}
    if which:
        layer, fold, rate, seed = which
        options = {"rates": (rate,), "seeds": (seed,)}
        options |= {"layers": [layer], "folds": [fold]}
    options |= {"head": job.head, "hidden": HIDDEN, "shuffles": 0, "patience": PATIENCE}
    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    probes = MadeUp(classes=data.classes, **options)
    Trainer(max_epochs=epochs, **QUIET).fit(probes.on(data))
    return probes
