"""What probes of any head are to the module that runs them and to those who judge."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from torch import Tensor, nn
from torch.optim import Optimizer

from crossemo.probes.task import ProbeTask
from crossemo.tasks import Task

Variant = tuple[int | None, int | None]


class Chosen(NamedTuple):
    """The probes of one view and role that validation chose.

    Args:
        maps: Weights and biases, one linear map after the other,
            `(folds, variants, ...)`.
        validation: `(folds, variants)` headline score on validation, by which layers
            are chosen.
        choice: `(folds, variants)` what was chosen, a penalty or a learning rate; or
            `(folds, variants, outputs)` one for each value.
    """

    maps: list[Tensor]
    validation: Tensor
    choice: Tensor


class Probes(nn.Module, ABC):
    """Probes of one view, of all folds and variants, that learn from one role.

    Args:
        task: What is learnt.
    """

    def __init__(self, task: ProbeTask) -> None:
        super().__init__()
        self._task = [task]  # shared between views, so not a submodule of each

    @property
    def task(self) -> ProbeTask:
        """What is learnt."""
        return self._task[0]

    @abstractmethod
    def learn(self, values: Tensor) -> None:
        """Do the work of an epoch, up to the optimizer's step.

        Args:
            values: `(clips, width)` features of all clips.
        """

    @abstractmethod
    def unfinished(self) -> float:
        """Return the share of the probes that aren't what they will be."""

    @abstractmethod
    def scores(self) -> Tensor:
        """Return the best headline score on validation so far, `(folds, variants)`.

        It is -inf where nothing has been learnt yet.
        """

    @abstractmethod
    def chosen(self) -> Chosen:
        """Return the probes that validation chooses."""


@dataclass(frozen=True)
class ProbeProtocol(ABC):
    """How probes of a head come about; its fields are the options that it uses.

    Attributes:
        grid_name: Name of the option that is chosen from.
        fitted: Parts whose clips the chosen probes are fitted on and standardised by.
        checkpoint_every: Epochs between checkpoints.
    """

    grid_name: ClassVar[str]
    fitted: ClassVar[tuple[int, ...]]
    checkpoint_every: ClassVar[int]

    @property
    def grid(self) -> tuple[float, ...]:
        """What is chosen from."""
        return tuple(getattr(self, self.grid_name))

    @abstractmethod
    def summary(self, task: Task) -> str:
        """Return what a reader of a table must know of it.

        Args:
            task: What is learnt.

        Raises:
            CrossEmoError: It can't be learnt by such probes.
        """

    @abstractmethod
    def ends_matter(self, task: Task) -> bool:
        """Return whether most choices at an end of the grid are worth a warning."""

    @abstractmethod
    def variants(self, shuffles: int) -> list[Variant]:
        """Return seeds of first weights and of shuffled targets, if any, of each."""

    @abstractmethod
    def probes(self, task: ProbeTask, values: Tensor) -> Probes:
        """Return probes of a view that haven't learnt yet.

        Args:
            task: What is learnt.
            values: `(clips, width)` features of all clips.
        """

    @abstractmethod
    def optimizer(self, probes: Sequence[Probes]) -> Optimizer:
        """Return what takes a step at the end of each epoch."""

    @abstractmethod
    def due(self, probes: Sequence[Probes]) -> list[int]:
        """Return the numbers of the probes that learn in the next epoch."""

    @abstractmethod
    def epochs(self, probes: int) -> int | None:
        """Return after how many epochs so many probes are finished, if it is known."""

    @abstractmethod
    def warnings(self, probes: Sequence[Probes]) -> Iterator[str]:
        """Yield sentences on probes that could have been better."""

    def describe(self, probes: Sequence[Probes]) -> dict[str, Any]:
        """Return how the probes came about, ready for JSON."""
        summary = self.summary(probes[0].task.learnable)
        return {"protocol": " ".join(summary.split())}
