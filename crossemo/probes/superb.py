"""The protocol of SUPERB's probes: a projection and a classifier, trained by AdamW."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.optim import AdamW, Optimizer

from crossemo.errors import CrossEmoError
from crossemo.probes.bank import ProbeBank
from crossemo.probes.base import ProbeProtocol, Probes, Variant
from crossemo.probes.clips import TRAIN
from crossemo.probes.task import ProbeTask
from crossemo.probes.trained import TrainedProbes
from crossemo.tasks import Task

RATES = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
MIN_RUNNING = 0.01  # share of running probes that is worth a warning


@dataclass(frozen=True)
class TrainedProtocol(ProbeProtocol):
    """AdamW on all training clips at each step, the best epoch and rate by validation.

    Args:
        hidden: Width of the projection.
        rates: Learning rates to choose from.
        seeds: Seeds of the probes' first weights.
        weight_decay: AdamW's.
        patience: Epochs without a better validation UA, or loss, after which a probe
            stops.

    Raises:
        CrossEmoError: A list is empty, or a number trains nothing.
    """

    grid_name: ClassVar[str] = "rates"
    fitted: ClassVar[tuple[int, ...]] = (TRAIN,)
    checkpoint_every: ClassVar[int] = 50

    hidden: int = 256
    rates: tuple[float, ...] = RATES
    seeds: tuple[int, ...] = (0, 1, 2)
    weight_decay: float = 0.01
    patience: int = 300

    def __post_init__(self) -> None:
        for name in ("rates", "seeds"):
            if not len(getattr(self, name)):
                raise CrossEmoError(f"model.{name} is empty: give at least one.")
        if min(self.seeds) < 0:  # which are those of the shuffles
            raise CrossEmoError(f"model.seeds are {self.seeds}: give numbers from 0.")
        if min(self.rates) <= 0 or self.patience < 1:
            raise CrossEmoError(
                f"Rates {self.rates} and patience {self.patience} train nothing: rates "
                "are above 0, patience is 1 or more."
            )

    def summary(self, task: Task) -> str:
        """Return what they are.

        Raises:
            CrossEmoError: Values are learnt, for which SUPERB has no such probes.
        """
        if task.family != "categorical":
            raise CrossEmoError(
                "model.head superb trains a classifier, and "
                f"{' and '.join(task.outputs)} can't be classified: leave it out, and "
                "linear probes are ridge regressions."
            )
        return (
            "SUPERB's probes, trained by AdamW; learning rate and epoch chosen on\n"
            "validation: a protocol to compare with, not an optimum"
        )

    def ends_matter(self, task: Task) -> bool:
        """Return True."""
        return True

    def variants(self, shuffles: int) -> list[Variant]:
        """Return one for each seed, and one for each shuffle."""
        # Weights of their own, as first weights favour classes that nothing corrects.
        shuffled = [(-1 - n, n) for n in range(shuffles)]
        return [*((seed, None) for seed in self.seeds), *shuffled]

    def probes(self, task: ProbeTask, values: Tensor) -> "TrainedProbes":
        """Return probes of a view with their first weights."""
        variants = self.variants(len(task.targets) - len(self.seeds))
        seeds = [seed for seed, _ in variants if seed is not None]
        sizes = len(task.learnt), seeds, values.shape[1], task.outputs, self.hidden
        banks = [ProbeBank(*sizes) for _ in self.rates]
        return TrainedProbes(task, values, banks, self.rates, self.patience)

    def optimizer(self, probes: Sequence[Probes]) -> Optimizer:
        """Return AdamW with a group of parameters for each learning rate."""
        trained = [one for one in probes if isinstance(one, TrainedProbes)]
        groups = [
            {
                "params": [p for one in trained for p in one.banks[k].parameters()],
                "lr": rate,
                "name": f"rate {rate:g}",
            }
            for k, rate in enumerate(self.rates)
        ]
        return AdamW(groups, weight_decay=self.weight_decay)

    def due(self, probes: Sequence[Probes]) -> list[int]:
        """Return all, as each takes a step in every epoch."""
        return list(range(len(probes)))

    def epochs(self, probes: int) -> None:
        """Return None: probes stop by themselves."""

    def warnings(self, probes: Sequence[Probes]) -> Iterator[str]:
        """Yield how many probes had not stopped."""
        running = sum(one.unfinished() for one in probes) / len(probes)
        if running >= MIN_RUNNING:
            yield (
                f"{100 * running:.0f} % of the probes had not stopped by the last "
                "epoch: give --trainer.max_epochs more."
            )
