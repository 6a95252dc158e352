"""Calibration: whether probabilities are as often right as they say."""

from collections.abc import Hashable, Sequence
from math import exp, log
from typing import NamedTuple

import torch
from torch import Tensor

from crossemo.metrics.shares import share_interval

BINS = 15
_REACH = 100.0  # a temperature lies between a hundredth and a hundred


def calibration_error(probabilities: Tensor, targets: Tensor) -> float:
    r"""Return the expected calibration error (Guo et al., 2017).

    $$ \sum_b \frac{n_b}{n} | a_b - c_b | $$

    over `BINS` bins of equal width of the probability of the class that is said: $n_b$
    clips of a bin, the share $a_b$ of them that is right, and the mean $c_b$ of their
    probability. By luck alone it is above 0, the more so the fewer the clips.

    Args:
        probabilities: `(clips, classes)`.
        targets: `(clips,)` class indices.

    >>> import torch
    >>> sure = torch.tensor([[0.9, 0.1], [0.9, 0.1]])  # right once, wrong once
    >>> round(calibration_error(sure, torch.tensor([0, 1])), 4)  # |0.5 - 0.9|
    0.4
    """
    from torchmetrics.functional.classification import multiclass_calibration_error

    classes = probabilities.shape[1]
    targets = targets.to(probabilities.device)
    error = multiclass_calibration_error(probabilities, targets, classes, BINS)
    return float(error)


class Bin(NamedTuple):
    """Clips whose class is said with about the same probability.

    Args:
        clips: How many; of clips that are judged several times, in the mean.
        confidence: The mean of that probability.
        accuracy: The share of them that is right.
        low: Lower end of its 95 % interval, see `share_interval`.
        high: Upper end.
    """

    clips: float
    confidence: float
    accuracy: float
    low: float
    high: float


def calibration_bins(
    probabilities: Tensor, targets: Tensor, groups: Sequence[str]
) -> list[Bin]:
    """Return the bins of `calibration_error` that have a clip, from low to high.

    Args:
        probabilities: `(clips, classes)`.
        targets: `(clips,)` class indices.
        groups: Group of each clip (speaker, song, artist).

    >>> sure = torch.tensor([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4]])
    >>> bins = calibration_bins(sure, torch.tensor([0, 1, 0]), "abc")
    >>> [(one.clips, round(one.confidence, 2), one.accuracy) for one in bins]
    [(1.0, 0.6, 1.0), (2.0, 0.9, 0.5)]
    """
    confidence, classes = probabilities.cpu().max(-1)
    return bins_of(confidence, classes == targets.cpu(), groups)


def bins_of(
    confidence: Tensor,
    right: Tensor,
    groups: Sequence[str],
    clips: Sequence[Hashable] | None = None,
) -> list[Bin]:
    """Return the bins of clips by the probability of the class that is said.

    Where all clips are judged as often, by several models, those of all bins add up to
    the number of different clips, and an interval counts each clip of a bin once.

    Args:
        confidence: `(clips,)` that probability.
        right: `(clips,)` bool, whether that class is the true one.
        groups: Group of each clip.
        clips: Name of each clip; each is another one by default.
    """
    clips = range(len(right)) if clips is None else clips
    judgements = len(clips) / max(len(set(clips)), 1)
    edges = torch.linspace(0, 1, BINS + 1)  # a probability of 1 is a bin by itself
    numbers = torch.bucketize(confidence.float(), edges, right=True)
    bins = []
    for number in sorted(set(numbers.tolist())):
        rows = (numbers == number).nonzero()[:, 0]
        units = [groups[row] for row in rows.tolist()]
        different = len({clips[row] for row in rows.tolist()})
        interval = share_interval(right[rows], units, clips=different)
        said = float(confidence[rows].double().mean())
        share = float(right[rows].double().mean())
        bins.append(
            Bin(len(rows) / judgements, said, share, interval.low, interval.high)
        )
    return bins


def error_of(bins: Sequence[Bin]) -> float:
    """Return the expected calibration error of some bins."""
    clips = sum(one.clips for one in bins)
    gaps = (one.clips * abs(one.accuracy - one.confidence) for one in bins)
    return sum(gaps) / clips


def fit_temperature(logits: Tensor, targets: Tensor) -> float:
    r"""Return the temperature by which logits are divided for the likeliest targets.

    It minimises the cross-entropy of $\mathrm{softmax}(z / T)$ (Guo et al., 2017), a
    convex problem in $1 / T$. One more clip counts as of all classes alike, so that a
    model that is right about all of a few clips isn't taken to be right for ever.

    Args:
        logits: `(clips, classes)`, or logarithms of probabilities.
        targets: `(clips,)` class indices.

    Returns:
        From 0.01 to 100; above 1 where the model is too sure.

    Raises:
        ValueError: There is no clip.
    """
    from scipy.optimize import minimize_scalar  # takes its time

    if not len(logits):
        raise ValueError("There is no clip to fit a temperature to.")
    scores = logits.detach().double().cpu()
    scores = (scores - scores.max(-1, keepdim=True).values).clamp_min(-1e6)
    unknown = 1 / (len(scores) + 1)
    true = scores.gather(1, targets.cpu()[:, None])[:, 0]
    expected = ((1 - unknown) * true + unknown * scores.mean(1)).mean()

    def loss(log_temperature: float) -> float:
        sharpness = exp(-log_temperature)
        return float((scores * sharpness).logsumexp(1).mean() - sharpness * expected)

    bounds = -log(_REACH), log(_REACH)
    best = minimize_scalar(loss, bounds=bounds, options={"xatol": 1e-8})
    return exp(float(best.x))


def calibrate(probabilities: Tensor, temperature: float) -> Tensor:
    """Return the probabilities of the same logits at a temperature.

    Args:
        probabilities: `(..., classes)` at a temperature of 1.
        temperature: Above 0.

    >>> import torch
    >>> calibrate(torch.tensor([0.8, 0.2]), 2.0)  # odds 4 become 2
    tensor([0.6667, 0.3333])
    """
    return (probabilities.log() / temperature).softmax(-1)
