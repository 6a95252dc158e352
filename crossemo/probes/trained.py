"""SUPERB's probes of one view, trained on one role."""

from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn

from crossemo.probes.bank import ProbeBank, joined, raw_logits
from crossemo.probes.base import Chosen, Probes
from crossemo.probes.clips import class_shares
from crossemo.probes.task import ProbeTask

LESS = 1e-3  # by what share a loss must fall to be better


class TrainedProbes(Probes):
    """Probes of all folds, learning rates and variants, each with its best weights.

    Best are those of the highest recall on validation (UA) and, among these, those
    whose loss is lower by a thousandth than that of the best so far. A probe that has
    waited too long for better ones has stopped: it may be trained on beside the
    others, and its best stays as it is.

    Args:
        task: What is learnt.
        values: `(clips, width)` features of all clips.
        banks: Probes of each learning rate.
        rates: The learning rates.
        patience: Epochs without improvement after which a probe stops.

    Attributes:
        recall: `(folds, rates, variants)` the best validation UA.
        loss: The loss that goes with it.
        waited: Epochs since.
        learning: `(folds, variants, clips)` weights of the training clips: they sum to
            1, and all classes weigh the same.
        judging: The same of the validation clips.
    """

    recall: Tensor
    loss: Tensor
    waited: Tensor
    learning: Tensor
    judging: Tensor
    mean: Tensor
    inverse: Tensor

    def __init__(
        self,
        task: ProbeTask,
        values: Tensor,
        banks: Sequence[ProbeBank],
        rates: Sequence[float],
        patience: int,
    ) -> None:
        super().__init__(task)
        self.rates = tuple(rates)
        self.banks = nn.ModuleList(banks)
        self.best = deepcopy(self.banks).requires_grad_(False)
        self.patience = patience
        shape = (len(task.learnt), len(banks), len(task.targets))
        self.register_buffer("recall", torch.full(shape, -torch.inf))
        self.register_buffer("loss", torch.full(shape, torch.inf))
        self.register_buffer("waited", torch.zeros(shape, dtype=torch.long))
        for name, tensor in zip(("mean", "inverse"), task.scale(values), strict=True):
            self.register_buffer(name, tensor, persistent=False)
        for name, inside in (("learning", task.learnt), ("judging", task.judged)):
            shares = class_shares(task.targets, inside[:, None], task.outputs).float()
            self.register_buffer(name, shares, persistent=False)

    def unfinished(self) -> float:
        """Return the share of the probes that haven't stopped."""
        return float((self.waited < self.patience).double().mean())

    def scores(self) -> Tensor:
        """Return the best validation UA so far, `(folds, variants)`."""
        return self.recall.amax(1)

    def running(self) -> list[int]:
        """Return the numbers of the learning rates of which a probe hasn't stopped."""
        left = (self.waited < self.patience).any((0, 2))
        return left.nonzero().flatten().tolist()

    def learn(self, values: Tensor) -> None:
        """Judge the probes on validation and give them the gradients of training.

        Args:
            values: `(clips, width)` features of all clips.
        """
        running = self.running()
        if not running:
            return
        task = self.task
        clips = values[task.rows]
        with torch.enable_grad():
            banks = self._of(self.banks, running)
            scores = raw_logits(joined(banks), clips, self.mean, self.inverse)
            scores = scores.mT.log_softmax(-2)  # clips last, which is much faster
            shape = (
                len(scores),
                len(banks),
                -1,
                *scores.shape[2:],
            )  # folds, rates, variants
            scores = scores.view(shape)
            targets = task.targets.expand(*scores.shape[:-2], -1)
            losses = -scores.gather(-2, targets[..., None, :]).squeeze(-2)
            parameters = [p for bank in banks for p in bank.parameters()]
            gradients = torch.autograd.grad(
                (losses * self.learning[:, None]).sum(), parameters
            )
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        right = scores.detach().max(-2).indices == targets
        # Doubles hold every such sum exactly, so that equal recalls are equal.
        recall = (right * self.judging[:, None].double()).sum(-1).float()
        loss = (losses.detach() * self.judging[:, None]).sum(-1)
        self._keep_best(running, recall, loss)

    def chosen(self) -> Chosen:
        """Choose the learning rate of each fold and variant on validation."""
        best = self.recall == self.recall.amax(1, True)
        rate = torch.where(best, self.loss, torch.inf).argmin(1)
        stacked = [
            torch.stack(list(same), 1)
            for same in zip(*(b.maps for b in self._of(self.best)), strict=True)
        ]  # (folds, rates, variants, ...)
        maps = [_pick(one, rate) for one in stacked]
        recall = self.recall.gather(1, rate[:, None]).squeeze(1)
        return Chosen(maps, recall, torch.tensor(self.rates)[rate.cpu()])

    def _keep_best(self, rates: list[int], recall: Tensor, loss: Tensor) -> None:
        best, least = self.recall[:, rates], self.loss[:, rates]
        waited = self.waited[:, rates]
        better = (recall > best) | ((recall == best) & (loss < (1 - LESS) * least))
        better &= waited < self.patience
        self.recall[:, rates] = torch.where(better, recall, best)
        self.loss[:, rates] = torch.where(better, loss, least)
        self.waited[:, rates] = torch.where(better, 0, waited + 1)
        best_banks = self._of(self.best, rates)
        for place, bank in enumerate(self._of(self.banks, rates)):
            if (here := better[:, place]).any():
                for new, old in zip(bank.maps, best_banks[place].maps, strict=True):
                    mask = here.view(*here.shape, *[1] * (new.ndim - 2))
                    old.copy_(torch.where(mask, new.detach(), old))

    def _of(
        self, banks: nn.ModuleList, numbers: Sequence[int] | None = None
    ) -> list[ProbeBank]:
        chosen = range(len(banks)) if numbers is None else numbers
        chosen_banks = [banks[number] for number in chosen]
        return [bank for bank in chosen_banks if isinstance(bank, ProbeBank)]


def _pick(parameters: Tensor, rate: Tensor) -> Tensor:
    """Take one rate of `(folds, rates, variants, ...)` for each fold and variant."""
    ones = [1] * (parameters.ndim - 3)
    index = rate[:, None].view(len(rate), 1, -1, *ones)
    index = index.expand(-1, 1, -1, *parameters.shape[3:])
    return parameters.gather(1, index).squeeze(1)
