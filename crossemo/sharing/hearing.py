"""What a model hears in validation and test, and how reliable that shows it to be."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple, cast

import torch
from lightning.pytorch.utilities.types import STEP_OUTPUT
from torch import Tensor

from crossemo.corpora.base import Part
from crossemo.data.datamodule import EmotionDataModule
from crossemo.data.gathering import ClipMeans, Judged, Prediction, Predictions
from crossemo.metrics.shares import share_interval
from crossemo.sharing.reliability import ALARMS, Reliability
from crossemo.tasks import Task


class Hearing(NamedTuple):
    """What a model heard of some clips; of one that is cut, the means over its windows.

    Args:
        embeddings: `(clips, width)` what the classifier gets.
        levels: `(clips,)` in dBFS, of the root mean square.
        lengths: `(clips,)` in seconds.
        groups: Unit of each clip (speaker, song, artist).
    """

    embeddings: Tensor
    levels: Tensor
    lengths: Tensor
    groups: Sequence[str]


class Heard(Predictions):
    """What a model says and hears of the clips of every role, kept batch by batch."""

    def __init__(self) -> None:
        super().__init__()
        self._embeddings = defaultdict[int, ClipMeans](ClipMeans)
        self._gathered: dict[int, tuple[Tensor, Tensor, Tensor]] = {}
        self._hearings: dict[int, Hearing] = {}

    def add(self, outputs: STEP_OUTPUT, role: int) -> None:
        """Take a batch of the role of that number, with its `embeddings`."""
        super().add(outputs, role)
        batch = cast(Prediction, outputs)
        indices, counted = batch["indices"], batch["counted"]
        self._embeddings[role].add(indices, counted, batch["embeddings"])

    def gather(self, role: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return what all processes have of a role, which they bring together once."""
        if role not in self._gathered:
            self._gathered[role] = super().gather(role)
        return self._gathered[role]

    def hearing(self, role: int, data: EmotionDataModule, part: Part) -> Hearing:
        """Return what all processes heard of a role, in the order of its clips.

        Args:
            role: Number of the role.
            data: The data.
            part: The part that was heard.
        """
        if role not in self._hearings:
            dataset = data.dataset(list(data.roles)[role], part)
            places, embeddings = self._embeddings[role].gather()
            levels, samples = dataset.sounds[places].T
            units = dataset.units
            groups = [units[place] for place in places.tolist()]
            seconds = samples / data.sampling_rate
            self._hearings[role] = Hearing(embeddings, levels, seconds, groups)
        return self._hearings[role]


def learn_reliability(
    heard: Heard, roles: Sequence[int], task: Task, data: EmotionDataModule | None
) -> Reliability:
    """Return what validation clips, which are not trained on, say of reliability.

    Args:
        heard: What was said and heard of them.
        roles: Numbers of the roles.
        task: What is learnt.
        data: The data; None where nothing is known of them.
    """
    _, outputs, targets = zip(*map(heard.gather, roles), strict=True)
    temperature = task.temperature(torch.cat(outputs), torch.cat(targets))
    if data is None:
        return Reliability(temperature, clips=sum(map(len, targets)))
    embeddings, levels, lengths, groups = zip(
        *(heard.hearing(role, data, "val") for role in roles), strict=True
    )
    return Reliability.estimate(
        temperature,
        torch.cat(embeddings),
        torch.cat(levels),
        torch.cat(lengths),
        list(chain(*groups)),
    )


def reliability_scores(
    reliability: Reliability,
    heard: Heard,
    role: int,
    judged: Judged,
    task: Task,
    data: EmotionDataModule | None,
) -> dict[str, Any]:
    """Return how reliable a model was in a test, ready for JSON.

    Args:
        reliability: What the model knew.
        heard: What was said and heard of the test clips.
        role: Number of the role.
        judged: What was said of the clips of that role, or of some of them.
        task: What is learnt.
        data: The data; None where nothing is known of them.

    Returns:
        The scores of `Task.calibration` at the temperature, as `NAME_calibrated`, and
        `unfamiliar`, the share of the clips that are warned of, with its interval and,
        as `unfamiliar/ALARM`, the share of each kind of alarm.
    """
    order, outputs, _ = heard.gather(role)
    rows = torch.searchsorted(order, torch.tensor(judged.places))
    probabilities = reliability.calibrated(outputs[rows])
    calibration = task.calibration(probabilities, judged.targets)
    scores: dict[str, Any] = {f"{n}_calibrated": v for n, v in calibration.items()}
    if data is None or reliability.familiarity is None:
        return scores
    clips = heard.hearing(role, data, "test")[:3]
    alarms = reliability.familiarity.alarms(*(one[rows] for one in clips))
    interval = share_interval(alarms.any(1), judged.units)
    shares = zip(ALARMS, alarms.double().mean(0).tolist(), strict=True)
    return {
        **scores,
        "unfamiliar": float(alarms.any(1).double().mean()),
        **{f"unfamiliar/{name}": share for name, share in shares},
        "unfamiliar_interval": [interval.low, interval.high],
        "unfamiliar_interval_unit": interval.unit,
    }
