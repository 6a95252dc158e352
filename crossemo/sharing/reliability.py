"""What a model knows of its own reliability: calibration, and what it is used to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Any, Self

import torch
from torch import Tensor

from crossemo.errors import CrossEmoError
from crossemo.metrics.familiarity import (
    Reference,
    distances_left_out,
    limits_of_new,
    reference_of,
)
from crossemo.metrics.intervals import MIN_GROUPS

FALSE_ALARMS = 0.05  # share of clips of new speakers or songs that are warned of
ALARMS = ("level", "length", "embedding")  # what a clip may be unusual in
_EACH = FALSE_ALARMS / len(ALARMS)
_LEVEL_STEP = 3.0  # dB, and the ratio of lengths, within which nothing is unusual
_LENGTH_RATIO = 1.25
_DISTANCE = 0.1  # within which embeddings differ by rounding alone
_LIMITS: dict[str, tuple[int, ...]] = {"distance": (), "level": (2,), "length": (2,)}


class ReliabilityError(CrossEmoError):
    """Numbers that are no reliability of a model."""


@dataclass(frozen=True, eq=False)
class Familiarity:
    """What clips were like that a model was chosen by, which were not in its training.

    Args:
        reference: Their embeddings: mean, and what makes their spread even.
        distance: Largest usual distance of an embedding from these.
        level: Least and highest usual level in dBFS, of the root mean square.
        length: Least and greatest usual length in seconds that is heard at once.
    """

    reference: Reference
    distance: float
    level: tuple[float, float]
    length: tuple[float, float]

    @classmethod
    def estimate(
        cls, embeddings: Tensor, levels: Tensor, lengths: Tensor, groups: Sequence[str]
    ) -> Self:
        """Return the familiarity of validation clips.

        Each of the three limits lets a third of `FALSE_ALARMS` of the clips of new
        groups beyond it, see `limits_of_new`; distances are from the clips of other
        groups.

        Args:
            embeddings: `(clips, width)`.
            levels: `(clips,)` in dBFS.
            lengths: `(clips,)` in seconds.
            groups: Group of each clip (speaker, song, artist), `MIN_GROUPS` at least.
        """
        apart = distances_left_out(embeddings, groups)
        _, distance = limits_of_new(apart, groups, 2 * _EACH)
        mean, whitening = reference_of(embeddings)
        short, long = _usual(lengths.log(), groups, log(_LENGTH_RATIO))
        return cls(
            Reference(mean.float(), whitening.float()),
            max(distance, _DISTANCE),
            _usual(levels, groups, _LEVEL_STEP),
            (exp(short), exp(long)),
        )

    def alarms(self, embeddings: Tensor, levels: Tensor, lengths: Tensor) -> Tensor:
        """Return in what clips are unusual, `(clips, 3)` bool in the order of `ALARMS`.

        Args:
            embeddings: `(clips, width)`.
            levels: `(clips,)` in dBFS.
            lengths: `(clips,)` in seconds.
        """
        distances = self.reference.distances(embeddings.cpu())
        columns = (
            (levels < self.level[0]) | (levels > self.level[1]),
            (lengths < self.length[0]) | (lengths > self.length[1]),
            ~(distances <= self.distance),
        )
        return torch.stack([one.cpu() for one in columns], 1)


@dataclass(frozen=True, eq=False)
class Reliability:
    """What a model knows of its own reliability, from its validation clips.

    Args:
        temperature: Logits are divided by it to make probabilities that are as often
            right as they say; None of a model of values.
        familiarity: What the clips were like; None where they were of too few groups.
        clips: How many clips.
        groups: How many speakers, songs or artists.
        false_alarms: Share of the test clips that are warned of, and its interval; None
            where no test has counted them.
    """

    temperature: float | None = None
    familiarity: Familiarity | None = None
    clips: int = 0
    groups: int = 0
    false_alarms: tuple[float, float, float] | None = None

    @classmethod
    def estimate(
        cls,
        temperature: float | None,
        embeddings: Tensor,
        levels: Tensor,
        lengths: Tensor,
        groups: Sequence[str],
    ) -> Self:
        """Return the reliability that validation clips show.

        Args:
            temperature: As above.
            embeddings: As in `Familiarity.estimate`, and so the rest.
            levels: `(clips,)` in dBFS.
            lengths: `(clips,)` in seconds.
            groups: Group of each clip.
        """
        familiarity, number = None, len(set(groups))
        if number >= MIN_GROUPS:
            heard = embeddings, levels, lengths
            familiarity = Familiarity.estimate(*heard, groups)
        return cls(temperature, familiarity, len(groups), number)

    def calibrated(self, logits: Tensor) -> Tensor:
        """Return probabilities of logits `(..., classes)`."""
        scores = logits.float()
        return (scores / (self.temperature or 1.0)).softmax(-1)

    def warnings(self, embedding: Tensor, level: float, length: float) -> list[str]:
        """Return in what a recording is unlike those that the model is used to.

        Args:
            embedding: `(width,)` what the classifier gets of it.
            level: In dBFS, of the root mean square.
            length: In seconds that is heard at once.
        """
        known = self.familiarity
        if known is None:
            return []
        values = torch.tensor([level]), torch.tensor([length])
        unusual = known.alarms(embedding[None], *values)[0].tolist()
        distance = float(known.reference.distances(embedding[None].cpu()))
        low, high = known.level
        short, long = known.length
        sentences = (
            f"level {level:.1f} dBFS (usual: {low:.1f} to {high:.1f})",
            f"length {length:.2f} s (usual: {short:.2f} to {long:.2f})",
            f"unlike what the model knows (distance {distance:.2f}, usual: up to "
            f"{known.distance:.2f})",
        )
        return [one for one, odd in zip(sentences, unusual, strict=True) if odd]

    @property
    def caveat(self) -> str:
        """How often a warning is wrong, or why there is none, in one sentence."""
        whose = "speaker (or song)" if self.groups == 1 else "speakers (or songs)"
        of = f"{self.clips} validation clips of {self.groups} {whose}"
        if self.familiarity is None:
            return (
                "Whether a recording is unlike those that the model knows can't be "
                f"told from {of}: it takes {MIN_GROUPS} speakers or more."
            )
        rate = f"meant to be wrong of {100 * FALSE_ALARMS:.0f} % of familiar recordings"
        if self.false_alarms is not None:
            share, low, high = (100 * one for one in self.false_alarms)
            rate += f", counted on test clips: {share:.1f} % [{low:.1f}, {high:.1f}]"
        return f"Warnings of unlike recordings are {rate} (limits from {of})."

    def tensors(self) -> dict[str, Tensor]:
        """Return all of it by name, as `of` reads it: float32, of numbers float64."""
        numbers: dict[str, Any] = {"clips": (self.clips, self.groups)}
        numbers |= {"temperature": self.temperature, "false_alarms": self.false_alarms}
        known, arrays = self.familiarity, {}
        if known is not None:
            numbers |= {name: getattr(known, name) for name in _LIMITS}
            arrays = known.reference._asdict()
        return arrays | {
            name: torch.tensor(value, dtype=torch.float64)
            for name, value in numbers.items()
            if value is not None
        }

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> Self:
        """Return the reliability that `tensors` gave.

        Raises:
            ReliabilityError: They are others, or not finite.
        """
        _refuse_others(tensors)
        tensors = {name: one.detach().cpu() for name, one in tensors.items()}
        numbers: dict[str, Any] = {
            name: one.tolist() for name, one in tensors.items() if one.ndim < 2
        }
        familiarity = None
        if "mean" in tensors:
            familiarity = Familiarity(
                Reference(tensors["mean"], tensors["whitening"]),
                numbers["distance"],
                tuple(numbers["level"]),
                tuple(numbers["length"]),
            )
        clips, groups = map(int, numbers["clips"])
        rate = numbers.get("false_alarms")
        counted = None if rate is None else tuple(rate)
        return cls(numbers.get("temperature"), familiarity, clips, groups, counted)


def _usual(values: Tensor, groups: Sequence[str], step: float) -> tuple[float, float]:
    """Return the usual least and greatest value, a step from the mean at least."""
    low, high = limits_of_new(values, groups, _EACH)
    mean = float(values.mean())
    return min(low, mean - step), max(high, mean + step)


def _refuse_others(tensors: Mapping[str, Tensor]) -> None:
    width = tensors["mean"].numel() if "mean" in tensors else 0
    shapes: dict[str, tuple[int, ...]] = {"clips": (2,)}
    if "temperature" in tensors:
        shapes["temperature"] = ()
    if "false_alarms" in tensors:
        shapes["false_alarms"] = (3,)
    if set(tensors) & {*_LIMITS, "mean", "whitening"}:
        shapes |= {**_LIMITS, "mean": (width,), "whitening": (width, width)}
    if {name: tuple(one.shape) for name, one in tensors.items()} != shapes:
        raise ReliabilityError(
            "What stands for the reliability of the model is not what crossemo writes: "
            "take the file as it was."
        )
    for name, one in tensors.items():
        positive = name != "temperature" or float(one) > 0
        if not (one.is_floating_point() and one.isfinite().all() and positive):
            raise ReliabilityError(
                f"The reliability of the model is broken: its {name} is no number that "
                "it can be."
            )
