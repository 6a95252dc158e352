"""Made-up clips whose speakers tell more or less of their emotions."""

import torch
from torch import Tensor

from crossemo.audits.auditing import AuditedClips
from crossemo.probes.clips import TEST, TRAIN, VAL
from crossemo.tasks import Task, task_of

NAMES = ("angry", "happy", "neutral", "sad")


def folds_of(speaker: Tensor, folds: int) -> Tensor:
    """Return parts that test each speaker once, validated by the next fold's."""
    place = speaker % folds
    parts = torch.full((folds, len(speaker)), TRAIN)
    for fold in range(folds):
        parts[fold][place == fold] = TEST
        parts[fold][place == (fold + 1) % folds] = VAL
    return parts


def clips_of(
    values: Tensor,
    targets: Tensor,
    speaker: Tensor,
    folds: int,
    task: Task | None = None,
) -> AuditedClips:
    """Return clips with as many folds."""
    classes = int(targets.max()) + 1 if targets.ndim == 1 else 0
    return AuditedClips(
        values=values,
        targets=targets,
        units=tuple(f"speaker {number:02d}" for number in speaker.tolist()),
        parts=folds_of(speaker, folds),
        task=task or task_of("classes", NAMES[:classes]),
    )


def spoken(
    speakers: int, takes: int, emotion: float, habit: float, seed: int, width: int = 20
) -> AuditedClips:
    """Return clips of four emotions, in six folds or as many as there are speakers.

    Args:
        speakers: Number of speakers.
        takes: Clips of each emotion by each of them.
        emotion: How far emotions lie apart, in deviations of a clip's noise.
        habit: How far a speaker's way of each emotion lies from that of all.
        seed: Seed of the clips.
        width: Features.
    """
    generator = torch.Generator().manual_seed(seed)
    classes = len(NAMES)
    target = torch.arange(classes).repeat_interleave(takes).repeat(speakers)
    speaker = torch.arange(speakers).repeat_interleave(classes * takes)
    centres = torch.Generator().manual_seed(0)  # the same for any seed
    of_emotion = emotion * torch.randn(classes, width, generator=centres)
    habits = habit * torch.randn(speakers, classes, width, generator=generator)
    noise = torch.randn(len(target), width, generator=generator)
    values = of_emotion[target] + habits[speaker, target] + noise
    return clips_of(values, target, speaker, folds=min(6, speakers))
