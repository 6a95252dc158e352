"""Linear probes of values: ridge regression in closed form."""

import torch
from torch import Tensor

from crossemo.metrics.regression import concordance
from crossemo.probes.ridge import predict_left_out, solve_ridge
from crossemo.probes.solved import SolvedProbes, Standardised
from crossemo.probes.task import ProbeTask


class RidgeProbes(SolvedProbes):
    """Ridge regressions, each value with a penalty of its own.

    It is that of the highest CCC of the training clips, where each unit of them is
    predicted by the fit without it: neither validation nor test clips choose it. The
    validation score, which chooses layers, is the mean CCC of the fit to the training
    clips with these penalties.
    """

    @staticmethod
    def choices_of(task: ProbeTask) -> tuple[int, ...]:
        """Return `(folds, variants, outputs)`."""
        return len(task.learnt), len(task.targets), task.outputs

    def choose(
        self, clips: Standardised, task: ProbeTask, judged: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return validation CCC `(variants,)` and penalties `(variants, outputs)`."""
        penalties = torch.tensor(self.penalties).to(clips.clips)
        targets = _columns(task, clips.inside)
        units = task.units[clips.inside]
        if units.min() == units.max():  # without the only one, nothing would be left
            units = torch.arange(len(units)).to(units)
        predictions = predict_left_out(
            clips.fitted, clips.basis.moments, targets, clips.width * penalties, units
        )
        scores = concordance(predictions.mT, targets.T)  # (penalties, columns)
        penalty = penalties[scores.argmax(0)].view(len(task.targets), -1)
        weight, bias = self.fit(clips, task, penalty)
        seen = weight @ clips.clips[judged].T + bias[..., None]
        validation = concordance(seen, task.targets[:, judged].double().mT)
        return validation.mean(-1), penalty

    def fit(
        self, clips: Standardised, task: ProbeTask, penalty: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return weights and biases at the penalty of each value."""
        targets = _columns(task, clips.inside)
        strength = clips.width * penalty.flatten()
        weight = solve_ridge(clips.fitted, clips.basis.moments, targets, strength)
        shape = (len(task.targets), task.outputs)
        return weight.view(*shape, -1), targets.mean(0).view(shape)


def _columns(task: ProbeTask, inside: Tensor) -> Tensor:
    """Return the targets of some clips, `(clips, variants * outputs)` float64."""
    return task.targets[:, inside].double().movedim(0, 1).flatten(1)
