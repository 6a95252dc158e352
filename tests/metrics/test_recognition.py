import copy
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    recall_score,
)
from torch import Tensor
from torch.multiprocessing.spawn import spawn
from torchmetrics import MetricCollection

from crossemo.emotions import label_space
from crossemo.metrics.names import ScoreName
from crossemo.metrics.recognition import SCORES, recognition_metrics

CLASSES = ("neutral", "calm", "happy", "sad", "angry", "fearful")


def clips(n: int = 157, present: int = 6, guessed: int = 6) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(present, (n,), generator=generator)
    logits = torch.randn(n, 6, generator=generator)
    logits[torch.arange(n), labels] += 1
    logits[:, guessed:] = -torch.inf
    return logits, labels


def reference(logits: Tensor, labels: Tensor) -> dict[str, float]:
    target, guess = labels.numpy(), logits.argmax(1).numpy()
    recalls = recall_score(
        target, guess, labels=range(6), average=None, zero_division=np.nan
    )
    with warnings.catch_warnings():
        # a class that is predicted but has no clip, which is what some tests want
        warnings.filterwarnings("ignore", message="y_pred contains classes")
        balanced = balanced_accuracy_score(target, guess)
    return {
        "UA": balanced,
        "WA": accuracy_score(target, guess),
        "macro_F1": f1_score(target, guess, average="macro"),
        **{f"recall/{c}": recall for c, recall in zip(CLASSES, recalls, strict=True)},
    }


def scores(*batches: tuple[Tensor, Tensor]) -> dict[str, float]:
    metrics = recognition_metrics(CLASSES)
    for logits, labels in batches:
        metrics.update(logits, labels)
    return {name: float(value) for name, value in metrics.compute().items()}


@pytest.mark.parametrize(("present", "guessed"), [(6, 6), (4, 6), (6, 4), (4, 4)])
def test_scores_are_those_of_scikit_learn(present: int, guessed: int) -> None:
    batch = clips(present=present, guessed=guessed)
    expected = pytest.approx(reference(*batch), rel=1e-6, nan_ok=True)
    assert scores(batch) == expected


def test_a_class_without_clips_does_not_lower_ua() -> None:
    logits = torch.eye(6)[torch.tensor([0, 0, 1, 5])]
    result = scores((logits, torch.tensor([0, 0, 1, 1])))
    assert result["UA"] == 0.75  # recalls 1 and 1/2; torchmetrics would give 1/2
    assert result["macro_F1"] == pytest.approx((1 + 2 / 3 + 0) / 3)
    assert np.isnan(result["recall/fearful"])


@pytest.mark.parametrize("size", [1, 7, 100])
def test_batches_add_up_and_may_be_empty(size: int) -> None:
    logits, labels = clips()
    parts = [
        (logits[start : start + size], labels[start : start + size])
        for start in range(0, len(labels), size)
    ]
    empty = (logits[:0], labels[:0])
    assert scores(empty, *parts, empty) == scores((logits, labels))


def test_no_clip_at_all_gives_nan() -> None:
    logits, labels = clips()
    assert all(np.isnan(v) for v in scores((logits[:0], labels[:0])).values())


def test_the_state_is_one_shared_confusion_matrix() -> None:
    logits, labels = clips()
    metrics = recognition_metrics(CLASSES)
    metrics.update(logits, labels)
    assert len(metrics.compute_groups) == 1
    expected = confusion_matrix(labels.numpy(), logits.argmax(1).numpy())
    for name in scores((logits, labels)):
        state = metrics[name].confmat
        assert isinstance(state, Tensor)
        assert np.array_equal(state.numpy(), expected)


def test_reset_starts_again() -> None:
    first, second = clips(50), clips(90)
    metrics = recognition_metrics(CLASSES)
    metrics.update(*first)
    metrics.compute()
    metrics.reset()
    metrics.update(*second)
    assert {k: float(v) for k, v in metrics.compute().items()} == scores(second)


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))]
)
def test_collections_can_be_copied(
    copied: Callable[[MetricCollection], MetricCollection],
) -> None:
    batch = clips()
    metrics = copied(recognition_metrics(CLASSES)).clone(prefix="val/")
    metrics.update(*batch)
    expected = {f"val/{name}": value for name, value in scores(batch).items()}
    assert {k: float(v) for k, v in metrics.compute().items()} == expected


def test_class_names_may_hold_a_slash() -> None:
    classes = label_space("four").classes
    metrics = recognition_metrics(classes)
    metrics.update(torch.eye(4), torch.arange(4))
    assert float(metrics.compute()["recall/neutral/calm"]) == 1.0


@pytest.mark.parametrize("name", SCORES)
def test_scores_take_stacks_of_matrices(name: ScoreName) -> None:
    generator = torch.Generator().manual_seed(0)
    counts = torch.randint(9, (2, 3, 4, 4), generator=generator)
    stacked = SCORES[name](counts)
    single = [[float(SCORES[name](counts[i, j])) for j in range(3)] for i in range(2)]
    torch.testing.assert_close(stacked, torch.tensor(single))


def _score_on_rank(rank: int, folder: str) -> None:
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2
    )
    logits, labels = clips()
    metrics = recognition_metrics(CLASSES)
    # all clips but the first 20 are on one process, then one has none at all
    for part in (
        (slice(20), slice(0)) if rank == 0 else (slice(20, 90), slice(90, None))
    ):
        metrics.update(logits[part], labels[part])
    values: NDArray[np.float64] = np.array(
        [float(v) for v in metrics.compute().values()]
    )
    np.save(f"{folder}/{rank}.npy", values)
    dist.destroy_process_group()


@pytest.mark.slow
def test_processes_add_up(tmp_path: Path) -> None:
    spawn(_score_on_rank, (str(tmp_path),), nprocs=2)  # type: ignore[no-untyped-call]
    expected = np.array(list(scores(clips()).values()))
    for rank in range(2):
        np.testing.assert_array_equal(np.load(tmp_path / f"{rank}.npy"), expected)
