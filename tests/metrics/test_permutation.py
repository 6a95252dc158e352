from math import comb

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from crossemo.distances.cells import Cell
from crossemo.distances.exchanges import exchangeable, exchanges
from crossemo.metrics.permutation import assignment_p, benjamini_hochberg, permutation_p
from tests.distances.normals import normal


def test_shared_groups_are_swapped_and_others_dealt() -> None:
    x, y = ["a", "b", "c", "d"], ["b", "a", "e"]
    taken = exchanges(x, y, 4000)
    a, b, c, d, y_b, y_a, e = taken.T
    # The two sides of a shared group never end up together.
    assert (a != y_a).all()
    assert (b != y_b).all()
    # Two of c, d and e go to the first cell, as before.
    assert (c.int() + d.int() + e.int() == 2).all()
    # All of the 2 · 2 · 3 exchanges are equally likely.
    kinds, counts = torch.unique(taken, dim=0, return_counts=True)
    assert len(kinds) == 2 * 2 * comb(3, 2)
    assert (counts - 4000 / 12).abs().max() < 5 * (4000 / 12) ** 0.5
    assert torch.equal(taken, exchanges(x, y, 4000))


def test_exchangeable_cells_have_equally_many_clips_of_a_group() -> None:
    x = Cell(normal(13, 2), tuple("aaaabbcccddee"))
    y = Cell(normal(8, 2, 1), tuple("aabbbfgg"))
    first, second = exchangeable(x, y)
    # a and b as many as the fewer; c, d, e at most two, as many as g has.
    assert "".join(first.groups) == "aabbccddee"
    assert "".join(second.groups) == "aabbfgg"
    torch.testing.assert_close(first.embeddings[:4], x.embeddings[[0, 1, 4, 5]])
    alone, same = exchangeable(x, x)
    assert alone.groups == same.groups == x.groups
    lone, _ = exchangeable(x, Cell(y.embeddings[:2], ("a", "b")))
    assert "".join(lone.groups) == "abcccddee"  # nothing to exchange these for


def test_p_counts_the_observed_value_itself() -> None:
    drawn = torch.tensor([[0.0, 5.0], [2.0, 5.0], [1.0, 5.0]])
    p = permutation_p(torch.tensor([1.0, torch.nan]), drawn)
    assert p[0].item() == pytest.approx(3 / 4)
    assert p[1].isnan()
    # What differs by rounding alone is as large.
    assert permutation_p(torch.tensor(1.0), torch.tensor([1 - 1e-12])).item() == 1


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_correction_agrees_with_scipy(p: list[float]) -> None:
    q = benjamini_hochberg(torch.tensor(p, dtype=torch.float64))
    np.testing.assert_allclose(q.numpy(), false_discovery_control(p), rtol=1e-12)


def test_no_test_is_not_corrected_for() -> None:
    nan = torch.nan
    q = benjamini_hochberg(torch.tensor([0.02, nan, 0.03]))
    assert q[[0, 2]].tolist() == pytest.approx([0.03, 0.03])
    assert q[1].isnan()
    assert benjamini_hochberg(torch.tensor([nan])).isnan().all()


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
