"""Values of emotions: every clip has a place on scales such as valence and arousal."""

import logging
from collections.abc import Mapping, Sequence
from math import isnan, nan
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, cast

import torch
from torch import Tensor
from torch import distributed as dist

from crossemo.emotions import QUADRANTS, quadrant
from crossemo.errors import CrossEmoError
from crossemo.metrics.agreement import (
    concordance_difference,
    concordance_interval,
    group_moments,
)
from crossemo.metrics.measure import Measure
from crossemo.metrics.moment_scores import moment_measures
from crossemo.metrics.names import AGREEMENT
from crossemo.metrics.regression import concordance, value_scores
from crossemo.tasks.base import Family, Target, Task

if TYPE_CHECKING:
    from crossemo.corpora.base import Clip, Corpus

logger = logging.getLogger(__name__)

VALUES = ("valence", "arousal", "dominance")
LEAST_CLIPS = 8  # of a batch: the CCC of fewer is mostly noise


class Values(Task):
    """Regression of valence, arousal and dominance.

    Targets, predictions and scores are on one scale for all corpora: from -1 to 1
    about the middle of the corpus's own, see `crossemo.corpora.base.Scale.relative`.

    Args:
        outputs: Which values, in order.
        loss: `ccc`, one less the concordance over the batch of all processes, or
            `mse`, the mean squared error.
        weights: How much each output weighs in the loss; all alike if None.

    Attributes:
        criterion: The loss by name.
        shares: Share of each output in the loss.

    Raises:
        CrossEmoError: There is no such value or loss, or a weight is below 0.
    """

    kind: ClassVar[str] = "values"
    headline: ClassVar[str] = AGREEMENT
    family: ClassVar[Family] = "gaussian"
    constant_name: ClassVar[str] = "mean"
    chance = 0.0

    def __init__(
        self,
        outputs: Sequence[str] = VALUES[:2],
        loss: Literal["ccc", "mse"] = "ccc",
        weights: Mapping[str, float] | None = None,
    ) -> None:
        outputs = (outputs,) if isinstance(outputs, str) else tuple(outputs)
        if not outputs or len(set(outputs)) < len(outputs) or set(outputs) - {*VALUES}:
            raise CrossEmoError(
                f"Values of {', '.join(map(str, outputs)) or 'nothing'} can't be "
                f"learnt: choose one or more of {', '.join(VALUES)}, each once."
            )
        if loss not in ("ccc", "mse"):
            raise CrossEmoError(f"There is no loss {loss!r}: choose ccc or mse.")
        shares = dict.fromkeys(outputs, 1.0) if weights is None else dict(weights)
        if set(shares) != set(outputs) or not (
            min(shares.values()) >= 0 < sum(shares.values()) < float("inf")
        ):
            raise CrossEmoError(
                f"The weights {shares} don't suit {', '.join(outputs)}: give each "
                "output one of 0 or more, and not 0 to all."
            )
        self.outputs, self.name = outputs, "_".join(outputs)
        self.criterion = loss
        self.least_batch = LEAST_CLIPS if loss == "ccc" else 1
        self.shares = [shares[name] / sum(shares.values()) for name in outputs]

    @classmethod
    def of_outputs(cls, outputs: tuple[str, ...]) -> Self:
        """Return the task of these values.

        Raises:
            CrossEmoError: They are none.
        """
        return cls(outputs)

    @property
    def sought(self) -> str:
        """What a clip of the task is, for a sentence."""
        return f"with {' and '.join(self.outputs)} on a scale of its corpus"

    def target(self, clip: "Clip", corpus: "Corpus") -> Target | None:
        """Return the values of a clip, each from -1 to 1 about the scale's middle.

        A clip that lacks one, or has one outside of its corpus's scale, has no target.
        """
        values = [getattr(clip, name) for name in self.outputs]
        scale = corpus.scale
        if scale is None or any(one is None or one not in scale for one in values):
            return None
        return tuple(scale.relative(one) for one in values)

    def counts(self, targets: Sequence[Target]) -> dict[str, int]:
        """Return nothing, as there are no classes."""
        return {}

    @property
    def emotions(self) -> tuple[str, ...]:
        """The quadrants; none without valence and arousal."""
        return QUADRANTS if set(VALUES[:2]) <= set(self.outputs) else ()

    def emotions_of(self, targets: Tensor) -> Tensor:
        """Return the number of each target's quadrant, where the middle is high."""
        places = [self.outputs.index(name) for name in VALUES[:2]]
        words = (quadrant(*pair) for pair in targets[:, places].tolist())
        return torch.tensor([QUADRANTS.index(str(word)) for word in words])

    def constant(self, targets: Sequence[Target]) -> list[str]:
        """Return the outputs whose targets are all equal."""
        columns = zip(*cast(Sequence[tuple[float, ...]], targets), strict=True)
        pairs = zip(self.outputs, columns, strict=True)
        return [name for name, column in pairs if len(set(column)) < 2]

    def weights(self, counts: Sequence[float]) -> Tensor:
        """Return ones: no clip weighs more than another."""
        return torch.ones(len(self.outputs))

    def loss(self, outputs: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        """Return the loss of a batch.

        A CCC is of the clips of all processes, and its gradients too, so that two
        processes learn what one does of the same clips.

        Raises:
            CrossEmoError: There are too few clips for a CCC.
        """
        predicted, true = outputs.float(), targets.float()
        if self.criterion == "mse":
            losses = (predicted - true).square().mean(0)
        else:
            predicted, true = _of_all(predicted), _of_all(true)
            if len(true) < LEAST_CLIPS:
                raise CrossEmoError(
                    f"The CCC of a batch of {len(true)} is mostly noise: give "
                    f"{LEAST_CLIPS} clips or more (data.batch_size in each process), "
                    "or the task's loss mse."
                )
            losses = 1 - concordance(predicted.T, true.T)
        return (losses * losses.new_tensor(self.shares)).sum()

    def predictions(self, outputs: Tensor) -> Tensor:
        """Return the values `(batch, outputs)` as they are."""
        return outputs.float()

    def decide(self, outputs: Tensor) -> Tensor:
        """Return the values `(..., outputs)` as they are."""
        return outputs.float()

    def guess(self, targets: Tensor) -> Tensor:
        """Return the means, `(outputs,)`."""
        return targets.mean(0)

    def guessing(self, targets: Tensor) -> tuple[float, float]:
        """Return NaN: how values would be guessed is no matter of course."""
        return nan, nan

    def tally(
        self, decisions: Tensor, targets: Tensor, groups: Tensor, n_groups: int
    ) -> Tensor:
        """Return sums of moments, `(..., groups, outputs, 6)`."""
        sums = group_moments(decisions.mT, targets.T, groups, n_groups)
        return sums.transpose(-2, -3)

    def measures(self) -> dict[str, Measure]:
        """Return the scores of `value_scores`."""
        return moment_measures(self.outputs)

    def scores(self, predictions: Tensor, targets: Tensor) -> dict[str, float]:
        """Return CCC, RMSE, Pearson's correlation and R², and the loss of all clips."""
        scores = value_scores(predictions, targets, self.outputs)
        losses = [
            scores[f"RMSE/{name}"] ** 2
            if self.criterion == "mse"
            else 1 - scores[f"{AGREEMENT}/{name}"]
            for name in self.outputs
        ]
        pairs = zip(losses, self.shares, strict=True)
        return {**scores, "loss": sum(loss * share for loss, share in pairs)}

    def evaluation(
        self, predictions: Tensor, targets: Tensor, units: Sequence[str]
    ) -> dict[str, Any]:
        """Return all scores, with the intervals of the CCC."""
        scores = self.scores(predictions, targets)
        self._warn(scores, len(targets))
        interval = concordance_interval(predictions, targets, units)
        alone = {
            f"{AGREEMENT}_interval/{name}": concordance_interval(
                predictions[:, [place]], targets[:, [place]], units
            )
            for place, name in enumerate(self.outputs)
        }
        return {
            **scores,
            f"{AGREEMENT}_interval": [interval.low, interval.high],
            f"{AGREEMENT}_interval_unit": interval.unit,
            **{name: [one.low, one.high] for name, one in alone.items()},
            "n": len(targets),
            "groups": len(set(units)),
        }

    def difference(
        self, first: Tensor, second: Tensor, targets: Tensor, units: Sequence[str]
    ) -> dict[str, Any]:
        """Return the difference of the mean CCC on the same clips."""
        models = first.double(), second.double()
        true = targets.double()
        before, after = (float(concordance(one.T, true.T).mean()) for one in models)
        interval = concordance_difference(*models, true, units)
        return {
            AGREEMENT: after - before,
            f"{AGREEMENT}_interval": [interval.low, interval.high],
            f"{AGREEMENT}_interval_unit": interval.unit,
        }

    def describe(self) -> dict[str, Any]:
        """Return the outputs, the loss and the scale that all numbers are on."""
        settings = {
            "outputs": list(self.outputs),
            "loss": self.criterion,
            "weights": dict(zip(self.outputs, self.shares, strict=True)),
            "scale": "-1 to 1 about the middle of each corpus's own",
        }
        return {"values": settings}

    def _warn(self, scores: Mapping[str, float], clips: int) -> None:
        same = [name for name in self.outputs if isnan(scores[f"Pearson/{name}"])]
        if same and (not _together() or dist.get_rank() == 0):
            logger.warning(
                f"Predictions or targets of {' and '.join(same)} are all equal in "
                f"{clips} clips: the {AGREEMENT} is 0, and there is no correlation."
            )


def _of_all(tensor: Tensor) -> Tensor:
    """Return the rows of all processes, each with its gradient."""
    if not _together():
        return tensor
    from torch.distributed.nn.functional import all_gather

    return torch.cat(all_gather(tensor))  # type: ignore[no-untyped-call]


def _together() -> bool:
    return dist.is_available() and dist.is_initialized()
