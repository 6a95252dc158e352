"""Classes of emotions: every clip is one of a few."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from crossemo.emotions import QUADRANTS, LabelSpace, label_space, quadrant
from crossemo.errors import CrossEmoError
from crossemo.metrics.calibration import calibration_error, fit_temperature
from crossemo.metrics.confusions import contingency, group_counts
from crossemo.metrics.differences import difference_interval
from crossemo.metrics.intervals import chance_interval, clip_counts, score_interval
from crossemo.metrics.measure import Measure
from crossemo.metrics.names import HEADLINE
from crossemo.metrics.recognition import (
    SCORES,
    ConfusionScore,
    class_recall,
    recognition_metrics,
    unweighted_recall,
)
from crossemo.tasks.base import Family, Target, Task

if TYPE_CHECKING:
    from crossemo.corpora.base import Clip, Corpus, Scale


class Classes(Task):
    """Recognition of classes of emotions.

    Args:
        labels: A label space by name, see `crossemo.emotions.label_space`, or a class
            to the words that it takes, such as `{"happy": ["happy", "Q1"]}`.
        neutral_calm: What `four` makes of neutral and calm.
        midline: What a value is that lies exactly in the middle of its scale: `high`,
            `low`, or left out (`drop`).
        margin: Values that are nearer to the middle are left out, in halves of the
            scale's width: 0.25 leaves out 4 to 6 on a scale from 1 to 9.

    Attributes:
        space: The classes and their words.

    Raises:
        UnknownEmotionError: There is no such label space, word or switch.
    """

    kind: ClassVar[str] = "classes"
    headline: ClassVar[str] = HEADLINE
    family: ClassVar[Family] = "categorical"
    constant_name: ClassVar[str] = "majority"

    def __init__(
        self,
        labels: str | Mapping[str, Sequence[str]] = "shared6",
        neutral_calm: str = "merge",
        midline: str = "high",
        margin: float = 0.0,
    ) -> None:
        quadrant(1, 1, midline, margin)  # refuses what is none
        self.midline, self.margin = midline, margin
        self._set(label_space(labels, neutral_calm))

    @classmethod
    def of_outputs(cls, outputs: tuple[str, ...]) -> Self:
        """Return the task of these classes, whatever words they take.

        Raises:
            CrossEmoError: There are fewer than two.
        """
        if len(outputs) < 2:
            raise CrossEmoError(
                f"A recogniser needs two or more classes, not {outputs}."
            )
        task = cls.__new__(cls)
        task.midline, task.margin = "high", 0.0
        task._set(LabelSpace("given", outputs, {name: name for name in outputs}))
        return task

    def target(self, clip: "Clip", corpus: "Corpus") -> Target | None:
        """Return the class of a clip by number.

        A clip without a label is of its quadrant of valence and arousal, see
        `crossemo.emotions.quadrant`; so is every clip where all classes are quadrants
        and its label is none.
        """
        word = None if clip.label is None else corpus.word(clip.label)
        if clip.label is None or (word not in QUADRANTS and self.space.of_quadrants):
            word = self._quadrant(clip, corpus.scale)
        return None if word is None else self.space.index(word)

    def counts(self, targets: Sequence[Target]) -> dict[str, int]:
        """Return the number of clips of each class."""
        numbers = Counter(targets)
        return {name: numbers[place] for place, name in enumerate(self.outputs)}

    def weights(self, counts: Sequence[float]) -> Tensor:
        """Return class weights `(classes,)` that average to one over all clips.

        >>> Classes({"sad": ["sad"], "happy": ["happy"]}).weights([1, 3])
        tensor([2.0000, 0.6667])
        """
        clips = torch.tensor(counts, dtype=torch.float32)
        return clips.sum() / (len(counts) * clips)

    def loss(self, outputs: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        """Return the weighted cross-entropy of logits.

        Weights average to one over the training part, so that the mean over clips is
        the same however a batch is spread over processes.
        """
        losses = cross_entropy(outputs.float(), targets, reduction="none")
        return (losses * weights[targets]).mean()

    def predictions(self, outputs: Tensor) -> Tensor:
        """Return probabilities `(batch, classes)` of logits."""
        return outputs.float().softmax(-1)

    def temperature(self, outputs: Tensor, targets: Tensor) -> float | None:
        """Return what logits are divided by, see `fit_temperature`."""
        return fit_temperature(outputs, targets)

    def calibration(self, predictions: Tensor, targets: Tensor) -> dict[str, float]:
        """Return the expected calibration error and the cross-entropy."""
        loss = float(_losses(predictions, targets).mean())
        return {"ECE": calibration_error(predictions, targets), "loss": loss}

    def decide(self, outputs: Tensor) -> Tensor:
        """Return the class of the highest output, `(...)`."""
        return outputs.argmax(-1)

    def guess(self, targets: Tensor) -> Tensor:
        """Return the commonest class; of several, the first."""
        return targets.bincount(minlength=len(self.outputs)).argmax()

    def guessing(self, targets: Tensor) -> tuple[float, float]:
        """Return the interval of the UA of guessing, see `chance_interval`."""
        return chance_interval(targets, len(self.outputs))

    def tally(
        self, decisions: Tensor, targets: Tensor, groups: Tensor, n_groups: int
    ) -> Tensor:
        """Return confusion counts, `(..., groups, classes, classes)`."""
        return group_counts(targets, decisions, groups, n_groups, len(self.outputs))

    def measures(self) -> dict[str, Measure]:
        """Return the recognition scores, and the recall of each class."""
        measures: dict[str, Measure] = {n: Measure(one) for n, one in SCORES.items()}
        for place, name in enumerate(self.outputs):
            measures[f"recall/{name}"] = Measure(partial(class_recall, index=place))
        return measures

    def scores(self, predictions: Tensor, targets: Tensor) -> dict[str, float]:
        """Return recognition scores and the cross-entropy."""
        meters = recognition_metrics(self.outputs)
        meters.update(predictions, targets)
        confusion = cast(ConfusionScore, meters[HEADLINE]).confmat.double()
        named = {name: cast(ConfusionScore, one) for name, one in meters.items()}
        return {
            **{name: float(one.score(confusion)) for name, one in named.items()},
            "loss": float(_losses(predictions, targets).mean()),
        }

    def evaluation(
        self, predictions: Tensor, targets: Tensor, units: Sequence[str]
    ) -> dict[str, Any]:
        """Return recognition scores, the confusion matrix and intervals."""
        labels, classes = predictions.argmax(-1), len(self.outputs)
        confusion = contingency(targets, labels, (classes, classes))
        interval = score_interval(targets, labels, units, classes)
        return {
            **self.scores(predictions, targets),
            "confusion": confusion.long().tolist(),
            f"{HEADLINE}_interval": [interval.low, interval.high],
            f"{HEADLINE}_interval_unit": interval.unit,
            f"{HEADLINE}_chance": list(chance_interval(targets, classes)),
            "n": len(targets),
            "groups": len(set(units)),
        }

    def difference(
        self, first: Tensor, second: Tensor, targets: Tensor, units: Sequence[str]
    ) -> dict[str, Any]:
        """Return the difference of the macro recalls on the same clips."""
        classes = len(self.outputs)
        labels = [one.argmax(-1) for one in (first, second)]
        before, after = (
            unweighted_recall(clip_counts(targets, one, units, classes).sum(0))
            for one in labels
        )
        interval = difference_interval(targets, labels[0], labels[1], units, classes)
        return {
            HEADLINE: float(after - before),
            f"{HEADLINE}_interval": [interval.low, interval.high],
            f"{HEADLINE}_interval_unit": interval.unit,
        }

    def describe(self) -> dict[str, Any]:
        """Return the name, the classes and how values fall into quadrants of them."""
        classes = {"labels": self.name, "classes": list(self.outputs)}
        if not set(self.space.members) & set(QUADRANTS):
            return classes
        return {**classes, "midline": self.midline, "margin": self.margin}

    def _quadrant(self, clip: "Clip", scale: "Scale | None") -> str | None:
        if scale is None or clip.valence is None or clip.arousal is None:
            return None
        values = scale.relative(clip.valence), scale.relative(clip.arousal)
        return quadrant(*values, self.midline, self.margin)

    def _set(self, space: LabelSpace) -> None:
        self.space = space
        self.name, self.outputs = space.name, space.classes
        self.chance = 1 / len(space.classes)


def _losses(probabilities: Tensor, targets: Tensor) -> Tensor:
    picked = probabilities.gather(1, targets[:, None].to(probabilities.device))
    return -picked.clamp_min(1e-12).log()
