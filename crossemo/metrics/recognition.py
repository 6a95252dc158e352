"""Recognition scores, all of them read off one confusion matrix."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassConfusionMatrix

from crossemo.metrics.names import HEADLINE, ScoreName


def unweighted_recall(confusion: Tensor) -> Tensor:
    """Return the mean recall over the classes that have clips (UA).

    A class without a clip has no recall and is left out of the mean, as in
    scikit-learn's `balanced_accuracy_score`. torchmetrics' macro recall differs: it
    counts such a class as 0 once a clip is mistaken for it.

    Args:
        confusion: `(..., classes, classes)` counts; rows are targets, columns
            predictions.

    Returns:
        `(...)` from 0 to 1, NaN where there is no clip.

    >>> unweighted_recall(torch.tensor([[3, 1, 0], [1, 1, 0], [0, 0, 0]]))
    tensor(0.6250)
    """
    clips = confusion.sum(-1)
    return _mean_where(clips > 0, _diagonal(confusion) / clips)


def accuracy(confusion: Tensor) -> Tensor:
    """Return the share of clips recognised (WA), NaN where there is no clip.

    Args:
        confusion: `(..., classes, classes)` counts, rows are targets.
    """
    return _diagonal(confusion).sum(-1) / confusion.sum((-2, -1))


def macro_f1(confusion: Tensor) -> Tensor:
    """Return the mean F1 over the classes that are a target or a prediction.

    A class that is predicted but has no clip counts as 0, as in scikit-learn and
    torchmetrics.

    Args:
        confusion: `(..., classes, classes)` counts, rows are targets.

    Returns:
        `(...)` from 0 to 1, NaN where there is no clip.
    """
    # 2 TP + FN + FP
    seen = confusion.sum(-1) + confusion.sum(-2)
    return _mean_where(seen > 0, 2 * _diagonal(confusion) / seen)


def class_recall(confusion: Tensor, index: int) -> Tensor:
    """Return the recall of one class, NaN where it has no clip.

    Args:
        confusion: `(..., classes, classes)` counts, rows are targets.
        index: The class.
    """
    return confusion[..., index, index] / confusion[..., index, :].sum(-1)


SCORES: dict[ScoreName, Callable[[Tensor], Tensor]] = {
    HEADLINE: unweighted_recall,
    "WA": accuracy,
    "macro_F1": macro_f1,
}


class ConfusionScore(MulticlassConfusionMatrix):
    """A score of the confusion matrix, as a torchmetrics metric.

    The state is the matrix of counts, so the score is exact however the clips were
    split over batches and processes.

    Args:
        score: `(classes, classes)` counts to a scalar.
        classes: Number of classes.
    """

    higher_is_better = True

    def __init__(self, score: Callable[[Tensor], Tensor], classes: int) -> None:
        super().__init__(num_classes=classes)
        self.score = score

    def compute(self) -> Tensor:
        """Return the score of all clips so far."""
        return self.score(self.confmat)


def recognition_metrics(classes: Sequence[str]) -> MetricCollection:
    """Return the recognition scores as one collection over one shared state.

    It holds `UA` (unweighted average recall), `WA` (accuracy), `macro_F1` and the
    recall of each class as `recall/<class>`; all are scalars. Update it with logits
    `(clips, classes)` and labels `(clips,)`, no clips at all included. The shared
    state is the confusion matrix: `metrics["UA"].confmat`, `(classes, classes)` int64
    with targets as rows.

    Args:
        classes: Class names in the order of their indices.

    >>> metrics = recognition_metrics(["sad", "happy"])
    >>> metrics.update(torch.tensor([[2.0, 1.0], [0.0, 1.0]]), torch.tensor([0, 0]))
    >>> metrics[HEADLINE].confmat
    tensor([[1, 1],
            [0, 0]])
    >>> metrics.compute()["recall/sad"]
    tensor(0.5000)
    """
    scores: dict[str, Callable[[Tensor], Tensor]] = dict(SCORES.items())
    for index, name in enumerate(classes):
        scores[f"recall/{name}"] = partial(class_recall, index=index)
    return MetricCollection(
        {name: ConfusionScore(score, len(classes)) for name, score in scores.items()},
        compute_groups=[list(scores)],
    )


def _diagonal(confusion: Tensor) -> Tensor:
    return confusion.diagonal(dim1=-2, dim2=-1)


def _mean_where(present: Tensor, values: Tensor) -> Tensor:
    return torch.where(present, values, 0).sum(-1) / present.sum(-1)
