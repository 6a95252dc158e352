"""What the probes of one role have to learn, fold by fold."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from crossemo.probes.clips import TRAIN, VAL, ProbedClips, shuffled_targets


class ProbeTask(nn.Module):
    """The training and validation clips of one role in every fold.

    Args:
        clips: All clips.
        role: Number of the role that is learnt from.
        shuffles: For each variant the seed of its shuffled targets; None for the true
            ones.

    Attributes:
        rows: `(clips,)` positions of the clips of any fold; in a fold that doesn't
            learn from one or is judged on it, the clip weighs 0.
        learnt: `(folds, clips)` bool, the training clips.
        judged: `(folds, clips)` bool, the validation clips.
        targets: `(variants, clips)` classes, or `(variants, clips, outputs)` values.
        units: `(clips,)` number of the unit of each clip.
        learnable: What is learnt.
        outputs: Number of classes, or of values.
    """

    rows: Tensor
    learnt: Tensor
    judged: Tensor
    targets: Tensor
    units: Tensor

    def __init__(
        self, clips: ProbedClips, role: int, shuffles: Sequence[int | None]
    ) -> None:
        super().__init__()
        part = torch.where(clips.roles == role, clips.parts, -1)
        learnt, judged = part == TRAIN, part == VAL
        rows = (learnt | judged).any(0).nonzero().flatten()
        learnt, judged = learnt[:, rows], judged[:, rows]
        targets = torch.stack(
            [
                clips.targets if seed is None else shuffled_targets(clips, seed)
                for seed in shuffles
            ]
        )[:, rows]
        names = {name: number for number, name in enumerate(sorted(set(clips.groups)))}
        self.learnable, self.outputs = clips.task, len(clips.task.outputs)
        tensors = {
            "rows": rows,
            "learnt": learnt,
            "judged": judged,
            "targets": targets,
            "units": torch.tensor([names[name] for name in clips.groups])[rows],
        }
        for name, tensor in tensors.items():
            self.register_buffer(name, tensor, persistent=False)

    def scale(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and inverse deviation of each fold's training clips.

        Args:
            values: `(clips, width)` features of all clips.

        Returns:
            `(folds, 1, width)` each; 0 for the inverse of a deviation that is none, so
            that a feature that says nothing in training says nothing in a test.
        """
        return scale_of(values[self.rows][None], self.learnt)


def scale_of(values: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and inverse deviation over the clips inside.

    Args:
        values: `(folds, clips, width)`, or `(1, clips, width)` for the same in all.
        inside: `(folds, clips)` bool.
    """
    weights = inside[:, :, None] / inside.sum(1)[:, None, None]
    mean = (values * weights).sum(1, keepdim=True)
    variance = ((values - mean).square() * weights).sum(1, keepdim=True)
    # Below the rounding of features, which are float32, a deviation is none.
    none = variance.sqrt() <= 10 * torch.finfo(torch.float32).eps * mean.abs()
    return mean, torch.where(none, 0, variance.rsqrt())
