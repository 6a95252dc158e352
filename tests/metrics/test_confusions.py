from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    recall_score,
)
from torch import Tensor

from crossemo.metrics.confusions import (
    fold_counts,
    group_counts,
    mean_over_folds,
    means_without_each_block,
)
from crossemo.metrics.names import ScoreName
from crossemo.metrics.recognition import SCORES

CLASSES = 3
MEASURES: dict[ScoreName, Any] = {
    # balanced_accuracy_score warns of classes that are said and not there
    "UA": lambda y, p: recall_score(y, p, labels=np.unique(y), average="macro"),
    "WA": accuracy_score,
    "macro_F1": lambda y, p: f1_score(y, p, average="macro"),
}


def random_clips(
    seed: int, groups: int, clips: int = 60
) -> tuple[Tensor, Tensor, Tensor]:
    """Predictions `(2, 2, clips)`, labels and groups."""
    generator = torch.Generator().manual_seed(seed)
    predictions = torch.randint(CLASSES, (2, 2, clips), generator=generator)
    labels = torch.randint(CLASSES, (clips,), generator=generator)
    group = torch.arange(clips) % groups
    return predictions, labels, group[torch.randperm(clips, generator=generator)]


def mean_by_hand(
    predictions: Tensor, labels: Tensor, folds: Tensor, keep: Tensor, name: ScoreName
) -> float:
    scores = [
        MEASURES[name](labels[inside], predictions[inside])
        for fold in set(folds.tolist())
        if (inside := (folds == fold) & keep).any()
    ]
    return float(np.mean(scores))


def test_counts_are_the_confusions_of_each_group() -> None:
    predictions, labels, groups = random_clips(0, 5)
    predictions[1, 0, ::3] = -1  # not judged
    counts = group_counts(labels, predictions, groups, 6, CLASSES)
    assert counts.shape == (2, 2, 6, CLASSES, CLASSES)
    for place in np.ndindex(2, 2):
        for group in range(5):
            inside = (groups == group) & (predictions[place] >= 0)
            expected = confusion_matrix(
                labels[inside], predictions[place][inside], labels=range(CLASSES)
            )
            assert counts[place][group].tolist() == expected.tolist()
    assert not counts[:, :, 5].any()


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize(("groups", "n_blocks"), [(4, 4), (12, 12), (12, 5)])
def test_means_and_replicates_are_those_of_scikit_learn(
    name: ScoreName, groups: int, n_blocks: int
) -> None:
    predictions, labels, group = random_clips(1, groups)
    folds = torch.arange(groups) * 2 % 5  # numbers with gaps, unequal sizes
    counts = group_counts(labels, predictions, group, groups, CLASSES)
    means = mean_over_folds(counts, folds, SCORES[name])
    blocks = torch.arange(groups) % n_blocks
    replicates = means_without_each_block(counts, folds, blocks, SCORES[name])
    assert replicates.shape == (n_blocks, 2, 2)
    everyone = torch.ones(len(labels), dtype=torch.bool)
    for place in np.ndindex(2, 2):
        clips = predictions[place], labels, folds[group]
        expected = mean_by_hand(*clips, everyone, name)
        assert float(means[place]) == pytest.approx(expected)
        for one in range(n_blocks):
            expected = mean_by_hand(*clips, blocks[group] != one, name)
            assert float(replicates[one][place]) == pytest.approx(expected)


def test_a_fold_that_loses_its_only_group_is_left_out_of_the_mean() -> None:
    counts = torch.zeros(3, 2, 2)
    counts[:, 0, 0] = torch.tensor([4.0, 1, 0])  # recall 1, ½ and 0 of class 0
    counts[:, 0, 1] = torch.tensor([0.0, 1, 5])
    folds, score = torch.tensor([0, 1, 2]), SCORES["UA"]
    assert float(mean_over_folds(counts, folds, score)) == 0.5
    replicates = means_without_each_block(counts, folds, folds, score)
    assert replicates.tolist() == [0.25, 0.5, 0.75]
    assert mean_over_folds(0 * counts, folds, score).isnan()


@given(st.integers(0, 99), st.permutations(range(6)))
def test_names_of_groups_and_folds_do_not_matter(seed: int, order: list[int]) -> None:
    predictions, labels, group = random_clips(seed, 6)
    folds = torch.tensor([0, 0, 1, 1, 2, 2])
    counts = group_counts(labels, predictions, group, 6, CLASSES)
    turned = counts[:, :, order]
    for names in (folds[order], 7 - folds[order]):
        torch.testing.assert_close(
            mean_over_folds(turned, names, SCORES["UA"]),
            mean_over_folds(counts, folds, SCORES["UA"]),
        )


@given(st.integers(0, 99))
def test_one_fold_is_no_fold_at_all(seed: int) -> None:
    predictions, labels, group = random_clips(seed, 6)
    counts = group_counts(labels, predictions, group, 6, CLASSES)
    total = fold_counts(counts, torch.zeros(6, dtype=torch.long)).squeeze(2)
    torch.testing.assert_close(total, counts.sum(2))
    expected = balanced_accuracy_score(labels, predictions[1, 0])
    assert float(SCORES["UA"](total)[1, 0]) == pytest.approx(expected)
