"""What a task says of what is learnt: targets, outputs, loss and scores."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

if TYPE_CHECKING:
    from torch import Tensor

    from crossemo.corpora.base import Clip, Corpus
    from crossemo.metrics.measure import Measure

Target = int | tuple[float, ...]
Family = Literal["categorical", "gaussian"]


class Task(ABC):
    """What is learnt of a clip, and how well it was learnt.

    Attributes:
        kind: Name of the file that the task stands in.
        headline: Name of the score by which checkpoints are chosen and stages, layers
            and encoders are compared; logged as `val/ROLE/score` too.
        family: What a linear model of the targets is: `categorical`, logistic
            regression, or `gaussian`, linear regression.
        constant_name: What the best guess without listening is called.
        name: Name of the task, as written in a config.
        outputs: Names of the model's outputs, in order.
        chance: The headline score of guessing; None where there is no such thing.
        least_batch: Fewest clips of a batch that the loss can be of.
    """

    kind: ClassVar[str]
    headline: ClassVar[str]
    family: ClassVar[Family]
    constant_name: ClassVar[str]
    name: str
    outputs: tuple[str, ...]
    chance: float | None
    least_batch: int = 1

    @property
    def sought(self) -> str:
        """What a clip of the task is, for a sentence."""
        return f"of {' or '.join(self.outputs)}"

    @classmethod
    @abstractmethod
    def of_outputs(cls, outputs: tuple[str, ...]) -> Self:
        """Return a task of outputs alone, for a model that has no data."""

    @abstractmethod
    def target(self, clip: "Clip", corpus: "Corpus") -> Target | None:
        """Return what the model should say of a clip; None leaves the clip out.

        Args:
            clip: The clip.
            corpus: The corpus that it is of, which says what the published labels mean
                and on what scale the values are.

        Raises:
            UnknownEmotionError: The label is no word that crossemo knows.
        """

    @abstractmethod
    def counts(self, targets: Sequence[Target]) -> dict[str, int]:
        """Return the number of clips of each class; empty where there are none."""

    @property
    def emotions(self) -> tuple[str, ...]:
        """Names of the emotions that distances are measured between; may be none."""
        return self.outputs

    def emotions_of(self, targets: "Tensor") -> "Tensor":
        """Return the number of each target's emotion, `(clips,)` int64."""
        return targets

    def constant(self, targets: Sequence[Target]) -> list[str]:
        """Return the outputs of which nothing can be learnt, as targets are equal."""
        return []

    @abstractmethod
    def weights(self, counts: Sequence[float]) -> "Tensor":
        """Return weights of targets that balance a training part of these counts."""

    @abstractmethod
    def loss(self, outputs: "Tensor", targets: "Tensor", weights: "Tensor") -> "Tensor":
        """Return the loss of a batch, a scalar.

        Args:
            outputs: `(batch, outputs)` of the model.
            targets: `(batch,)` or `(batch, outputs)`; under several processes, as
                many clips in each.
            weights: What `weights` returned, or ones.
        """

    @abstractmethod
    def predictions(self, outputs: "Tensor") -> "Tensor":
        """Return what the model says, `(batch, outputs)`, such as probabilities."""

    def temperature(self, outputs: "Tensor", targets: "Tensor") -> float | None:
        """Return what makes outputs as often right as they say; None of no classes.

        Args:
            outputs: `(clips, outputs)` of a model.
            targets: `(clips,)` or `(clips, outputs)`, not of its training.
        """
        return None

    def calibration(self, predictions: "Tensor", targets: "Tensor") -> dict[str, float]:
        """Return the scores of how right predictions are about their own certainty."""
        return {}

    @abstractmethod
    def decide(self, outputs: "Tensor") -> "Tensor":
        """Return what is said of clips in the shape of their targets.

        Args:
            outputs: `(..., outputs)` of a model.

        Returns:
            `(...)` classes, or `(..., outputs)` values.
        """

    @abstractmethod
    def guess(self, targets: "Tensor") -> "Tensor":
        """Return the target that suits these best, one for all clips.

        Args:
            targets: `(clips,)` or `(clips, outputs)`, of one clip at least.
        """

    @abstractmethod
    def guessing(self, targets: "Tensor") -> tuple[float, float]:
        """Return the interval of the headline score of guessing; NaN if unknown."""

    @abstractmethod
    def tally(
        self, decisions: "Tensor", targets: "Tensor", groups: "Tensor", n_groups: int
    ) -> "Tensor":
        """Return sums over the clips of each group, of which all `measures` are made.

        Args:
            decisions: `(..., clips)` or `(..., clips, outputs)`, see `decide`.
            targets: `(clips,)` or `(clips, outputs)`.
            groups: `(clips,)` number of the group of each clip.
            n_groups: Number of groups.

        Returns:
            `(..., groups, rows, columns)` float64.
        """

    @abstractmethod
    def measures(self) -> "dict[str, Measure]":
        """Return all scores as functions of `tally`, the headline first."""

    @abstractmethod
    def scores(self, predictions: "Tensor", targets: "Tensor") -> dict[str, float]:
        """Return the scores of a validation, the headline and `loss` among them.

        Args:
            predictions: `(clips, outputs)`, of the clips of all processes.
            targets: `(clips,)` or `(clips, outputs)`.
        """

    @abstractmethod
    def evaluation(
        self, predictions: "Tensor", targets: "Tensor", units: Sequence[str]
    ) -> dict[str, Any]:
        """Return all scores of a test with their intervals, ready for JSON.

        Args:
            predictions: `(clips, outputs)`.
            targets: `(clips,)` or `(clips, outputs)`.
            units: Unit of each clip (speaker, song, artist).
        """

    @abstractmethod
    def difference(
        self,
        first: "Tensor",
        second: "Tensor",
        targets: "Tensor",
        units: Sequence[str],
    ) -> dict[str, Any]:
        """Return how much higher the second model's headline score is, with interval.

        Args:
            first: `(clips, outputs)` predictions of one model.
            second: `(clips, outputs)` predictions of another on the same clips.
            targets: As in `evaluation`.
            units: As in `evaluation`.
        """

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return what the task is, ready for JSON."""
