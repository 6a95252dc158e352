"""Clips that are nothing but numbers, and probes that learn from them."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from crossemo.probes.bank import ProbeBank
from crossemo.probes.clips import TEST, TRAIN, VAL, ProbedClips
from crossemo.probes.judgements import Judgements, judge
from crossemo.probes.solved_classes import LogisticProbes, Precision
from crossemo.probes.task import ProbeTask
from crossemo.probes.trained import TrainedProbes
from crossemo.probes.views import View
from crossemo.tasks.classes import Classes

RATES = (1e-2, 1e-1)
PENALTIES = (1e-4, 1e-2, 1.0)
CLASSES = ("calm", "happy", "sad")
WIDTH = 5


def made_up(
    singers: int = 6, folds: int = 6, roles: Sequence[str] = ("speech",), seed: int = 0
) -> ProbedClips:
    """One to three clips of every singer, role and class; fold k tests singer k."""
    generator = torch.Generator().manual_seed(seed)
    held = [
        (role, singer, label)
        for role in range(len(roles))
        for singer in range(singers)
        for label in range(len(CLASSES))
        for _ in range(int(torch.randint(1, 4, (), generator=generator)))
    ]
    role, singer, label = torch.tensor(held).T
    places = (singer - torch.arange(folds)[:, None]) % singers
    parts = torch.where(places == 0, TEST, torch.where(places == 1, VAL, TRAIN))
    return ProbedClips(
        ids=tuple(f"clip-{n}" for n in range(len(held))),
        groups=tuple(f"singer-{n}" for n in singer.tolist()),
        keys=tuple(f"{n:032x}" for n in range(len(held))),
        roles=role,
        targets=label,
        parts=parts,
        names=tuple(roles),
        task=Classes.of_outputs(CLASSES),
        melodies=((0, 2),),
    )


def features(clips: ProbedClips, seed: int = 0) -> Tensor:
    """Noise of another mean and size in each role, which tells some of the class."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(len(clips.ids), WIDTH, generator=generator)
    told = torch.nn.functional.one_hot(clips.targets, WIDTH)
    return 3 + (noise + told) * (1 + 4 * clips.roles[:, None])


def untrained(
    clips: ProbedClips,
    values: Tensor,
    patience: int = 8,
    role: int = 0,
    shuffles: Sequence[int | None] = (None,),
) -> TrainedProbes:
    task = ProbeTask(clips, role, shuffles)
    sizes = len(clips.parts), [0] * len(shuffles), values.shape[1], task.outputs
    banks = [ProbeBank(*sizes, hidden=3) for _ in RATES]
    return TrainedProbes(task, values, banks, RATES, patience)


def train(probes: TrainedProbes, values: Tensor, epochs: int = 25) -> TrainedProbes:
    groups = [
        {"params": list(bank.parameters()), "lr": rate}
        for bank, rate in zip(probes.banks, RATES, strict=True)
    ]
    optimizer = torch.optim.AdamW(groups)
    for _ in range(epochs):
        optimizer.zero_grad()
        probes.learn(values)
        optimizer.step()
    return probes


def solve(
    clips: ProbedClips,
    values: Tensor,
    role: int = 0,
    shuffles: Sequence[int | None] = (None,),
    penalties: Sequence[float] = PENALTIES,
    precision: Precision = "float64",
) -> LogisticProbes:
    task = ProbeTask(clips, role, shuffles)
    probes = LogisticProbes(task, values.shape[1], penalties, precision)
    probes.learn(values)
    return probes


def judged(clips: ProbedClips, values: Tensor) -> Judgements:
    """Solve probes of every role and judge them."""
    views, variants = [View("0", "encoder", 0)], [(None, None)]
    roles = range(len(clips.names))
    chosen = [[solve(clips, values, role).chosen()] for role in roles]
    about = {"encoder": "none"}
    return judge(chosen, (TRAIN, VAL), [values], views, clips, variants, about)


def judged_superb(clips: ProbedClips, values: Tensor) -> Judgements:
    """Train SUPERB's probes on every role and judge them."""
    views, variants = [View("0", "encoder", 0)], [(0, None)]
    trained = [
        [train(untrained(clips, values, role=role), values).chosen()]
        for role in range(len(clips.names))
    ]
    return judge(trained, (TRAIN,), [values], views, clips, variants, {})


def other_where(there: Tensor, values: Tensor) -> Tensor:
    """Return values with others where `there` holds, `(clips,)`."""
    others = 7 - 2 * values.flip(0)
    return torch.where(there[:, None], others, values)


def other_labels(clips: ProbedClips, there: Tensor) -> ProbedClips:
    changed = torch.where(there, (clips.targets + 1) % len(CLASSES), clips.targets)
    return replace(clips, targets=changed)
