"""Clips whose valence and arousal lie in one of three layers, and their probes."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from crossemo.probes.clips import TEST, TRAIN, VAL, ProbedClips
from crossemo.probes.judgements import Judgements, judge
from crossemo.probes.solved_values import RidgeProbes
from crossemo.probes.task import ProbeTask
from crossemo.probes.views import View
from crossemo.tasks.values import Values

WIDTH = 12
PENALTIES = (1e-4, 1e-2, 1.0)
VARIANTS = [(None, None), (None, 0), (None, 1)]
VIEWS = [View(f"{n}", "encoder", n) for n in range(3)]
KNOWN = 1  # the layer that holds the values


def made_up_values(
    units: int = 12, clips: int = 6, folds: int = 4, roles: Sequence[str] = ("speech",)
) -> ProbedClips:
    """As many clips of every unit; a fold tests every fourth unit."""
    random = torch.Generator().manual_seed(units)
    cells = [(r, u) for r in range(len(roles)) for u in range(units)]
    role, unit = torch.tensor(cells).repeat_interleave(clips, 0).T
    place = (unit - torch.arange(folds)[:, None]) % folds
    n = len(role)
    return ProbedClips(
        ids=tuple(f"clip-{i}" for i in range(n)),
        groups=tuple(f"unit-{u}" for u in unit.tolist()),
        keys=tuple(f"{i:032x}" for i in range(n)),
        roles=role,
        targets=1.6 * torch.rand(n, 2, generator=random) - 0.8,
        parts=torch.where(place == 0, TEST, torch.where(place == 1, VAL, TRAIN)),
        names=tuple(roles),
        task=Values(),
    )


def layers(clips: ProbedClips, noise: float = 0.3) -> list[Tensor]:
    """Features of three layers: noise, a linear map of the values, some of it."""
    random = torch.Generator().manual_seed(7)
    weight = torch.randn(2, WIDTH, generator=random)
    shape = len(clips.ids), WIDTH
    drawn = [torch.randn(shape, generator=random) for _ in VIEWS]
    signal = clips.targets @ weight
    return [drawn[0], 5 + signal + noise * drawn[1], 0.3 * signal + drawn[2]]


def solve_values(
    clips: ProbedClips, values: Tensor, role: int = 0, grid: Sequence[float] = PENALTIES
) -> RidgeProbes:
    task = ProbeTask(clips, role, [shuffle for _, shuffle in VARIANTS])
    probes = RidgeProbes(task, values.shape[1], grid)
    probes.learn(values)
    return probes


def judged_values(clips: ProbedClips, views: Sequence[Tensor]) -> Judgements:
    """Solve probes of every role and layer, and judge them."""
    roles = range(len(clips.names))
    chosen = [[solve_values(clips, one, r).chosen() for one in views] for r in roles]
    about = {"encoder": "none"}
    return judge(chosen, (TRAIN, VAL), views, VIEWS, clips, VARIANTS, about)


def ccc(predictions: np.ndarray, targets: np.ndarray) -> float:
    """Lin's coefficient of two lists, by its definition."""
    covariance = np.cov(predictions, targets)
    apart = (predictions.mean() - targets.mean()) ** 2
    return float(2 * covariance[0, 1] / (covariance[0, 0] + covariance[1, 1] + apart))
