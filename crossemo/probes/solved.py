"""Linear probes that are solved, whatever regression they are."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from crossemo.probes.base import Chosen, Probes
from crossemo.probes.eigenbasis import Eigenbasis, eigenbasis
from crossemo.probes.task import ProbeTask, scale_of


class Standardised(NamedTuple):
    """Clips as a fit sees them: standardised by those inside, along their axes.

    Args:
        clips: `(clips, rank)` all clips.
        basis: Axes of those inside.
        inside: `(clips,)` bool, which clips are fitted.
    """

    clips: Tensor
    basis: Eigenbasis
    inside: Tensor

    @classmethod
    def by(cls, clips: Tensor, inside: Tensor) -> "Standardised":
        """Return clips `(clips, width)` as a fit to those inside sees them."""
        mean, inverse = scale_of(clips[None], inside[None])
        scaled = (clips - mean[0]) * inverse[0]
        basis = eigenbasis(scaled[inside])
        return cls(scaled @ basis.axes, basis, inside)

    @property
    def fitted(self) -> Tensor:
        """The clips inside, `(clips inside, rank)`."""
        return self.clips[self.inside]

    @property
    def width(self) -> int:
        """Number of features, in units of which penalties are given."""
        return len(self.basis.axes)


class SolvedProbes(Probes):
    """Linear probes of one view, of all folds and variants, solved in one epoch.

    All penalties and variants of a fold are solved together. With the chosen penalty a
    probe is fitted anew on training and validation clips together, standardised by
    them.

    The maps are no parameters: they stay float64 and on the CPU, whatever the trainer
    does with its model.

    Args:
        task: What is learnt.
        width: Features of a clip.
        penalties: Penalties to choose from, in units of the width.

    Attributes:
        maps: Weights `(folds, variants, outputs, width)` and biases
            `(folds, variants, outputs)`.
        validation: `(folds, variants)` headline score on validation before the last
            fit.
        choice: `(folds, variants)` or `(folds, variants, outputs)` penalties.
    """

    # What a checkpoint keeps besides parameters.
    state: ClassVar[tuple[str, ...]] = ("maps", "validation", "choice")

    def __init__(self, task: ProbeTask, width: int, penalties: Sequence[float]) -> None:
        super().__init__(task)
        self.penalties = tuple(penalties)
        shape = (len(task.learnt), len(task.targets))
        sizes = (*shape, task.outputs, width), (*shape, task.outputs)
        self.maps = [torch.zeros(size, dtype=torch.float64) for size in sizes]
        self.validation = torch.full(shape, -torch.inf)
        self.choice = torch.zeros(self.choices_of(task), dtype=torch.float64)
        # A parameter, as DDP wraps no module without any.
        self.solved = nn.Parameter(torch.zeros(()))

    @staticmethod
    def choices_of(task: ProbeTask) -> tuple[int, ...]:
        """Return the shape of the penalties that are chosen."""
        return len(task.learnt), len(task.targets)

    @property
    def problems(self) -> int:
        """How many regressions are solved, those of the last fits included."""
        return self.choice.numel() * (len(self.penalties) + 1)

    def unfinished(self) -> float:
        """Return 0 where all are solved, else 1."""
        return 1 - float(self.solved.detach())

    def scores(self) -> Tensor:
        """Return the validation score of the chosen penalties, `(folds, variants)`."""
        return self.validation

    def chosen(self) -> Chosen:
        """Return the probes, which are chosen as they are solved."""
        return Chosen(self.maps, self.validation, self.choice)

    @torch.no_grad()
    def learn(self, values: Tensor) -> None:
        """Solve the probes of all folds.

        Args:
            values: `(clips, width)` features of all clips.
        """
        task = self.task
        if values.device.type == "mps":  # which knows no float64
            values, task = values.cpu(), task.cpu()
        clips = values[task.rows].double()
        # The trainer's mixed precision is none of theirs.
        with torch.autocast(clips.device.type, enabled=False):
            for fold in range(len(task.learnt)):
                self._solve_fold(clips, task, fold)
        self.solved.fill_(1)

    def _solve_fold(self, clips: Tensor, task: ProbeTask, fold: int) -> None:
        learnt, judged = task.learnt[fold], task.judged[fold]
        score, penalty = self.choose(Standardised.by(clips, learnt), task, judged)
        last = Standardised.by(clips, learnt | judged)
        weight, bias = self.fit(last, task, penalty)
        weight = weight @ last.basis.axes.T
        self.maps[0][fold], self.maps[1][fold] = weight.cpu(), bias.cpu()
        self.validation[fold], self.choice[fold] = score.cpu(), penalty.cpu()

    @abstractmethod
    def choose(
        self, clips: Standardised, task: ProbeTask, judged: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the validation score `(variants,)` and penalties of the best.

        Args:
            clips: The clips, of which a fold's training clips are inside.
            task: What is learnt.
            judged: `(clips,)` bool, its validation clips.
        """

    @abstractmethod
    def fit(
        self, clips: Standardised, task: ProbeTask, penalty: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return float64 weights `(variants, outputs, rank)` and biases.

        Args:
            clips: The clips, those that are fitted inside.
            task: What is learnt.
            penalty: What `choose` returned.
        """

    def get_extra_state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps besides parameters."""
        return {name: getattr(self, name) for name in self.state}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take what `get_extra_state` has returned."""
        for name, value in state.items():
            setattr(self, name, value)
