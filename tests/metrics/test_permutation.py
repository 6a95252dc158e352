import numpy as np
import pytest
import torch

from crossemo.metrics.permutation import assignment_p, permutation_p


def test_p_counts_the_observed_value_itself() -> None:
    permuted = torch.tensor([[0.0, 5.0], [2.0, 5.0], [1.0, 5.0]])
    p = permutation_p(torch.tensor([1.0, torch.nan]), permuted)
    assert p[0].item() == pytest.approx(3 / 4)
    assert p[1].isnan()
    # What differs by rounding alone is as large.
    assert permutation_p(torch.tensor(1.0), torch.tensor([1 - 1e-12])).item() == 1


def trace(tables: torch.Tensor) -> torch.Tensor:
    return -tables.diagonal(dim1=1, dim2=2).sum(1)


def test_one_assignment_in_all_is_the_rarest() -> None:
    table = 1 - torch.eye(5)
    assert assignment_p(table, trace) == pytest.approx(1 / 120)
    assert assignment_p(torch.ones(4, 4), trace) == 1
    assert np.isnan(assignment_p(table.masked_fill(table == 0, torch.nan), trace))


def test_assignments_ignore_what_is_near_to_everything() -> None:
    # A hub: the last column is near to all rows, which tells nothing of names.
    table = torch.tensor([[3.0, 3, 1], [3, 3, 1], [3, 3, 1]])
    assert assignment_p(table, trace) == 1
    for row in range(3):
        far = 5 * (torch.arange(3) == row)[:, None]
        assert assignment_p(table + far, trace) == 1


def test_many_emotions_are_assigned_at_random() -> None:
    assert assignment_p(1 - torch.eye(12), trace) == pytest.approx(1 / 5041)
    assert assignment_p(torch.ones(12, 12), trace) == 1
