import pytest
import torch

from crossemo.distances.cell_units import units_of
from crossemo.distances.cells import Cell
from crossemo.distances.kernel import linear_sums
from crossemo.distances.leaving_out import LeavingOut, leave_out
from tests.distances.normals import normal


def cell(names: str, seed: int = 0) -> Cell:
    return Cell(normal(2 * len(names), 3, seed), tuple(names * 2))


def leaving(x: Cell, y: Cell, most: int = 24) -> LeavingOut:
    return leave_out([x], [y], units_of([x, y]), most)


def test_shared_groups_leave_both_domains() -> None:
    out = leaving(cell("abcd"), cell("abcd"))
    assert sorted(map(tuple, (out.weights == 0).nonzero().tolist())) == sorted(
        (block, unit)
        for block in range(4)
        for unit in (out.weights[block] == 0).nonzero().flatten().tolist()
    )
    assert (out.weights == 0).sum(1).tolist() == [2] * 4
    assert out.factors.tolist() == [3 / 4] * 4
    assert out.freedom.tolist() == [3, 3]


def test_separate_groups_leave_one_by_one() -> None:
    out = leaving(cell("abcd"), cell("efghij"))
    assert (out.weights == 0).sum(1).tolist() == [1] * 10
    assert sorted(out.factors.tolist()) == pytest.approx([3 / 4] * 4 + [5 / 6] * 6)
    assert out.freedom.tolist() == [3, 5]
    few = leaving(cell("abcd"), cell("efghij"), most=2)
    assert (few.weights == 0).sum(1).tolist() == [2, 2, 3, 3]
    assert len(leaving(cell("ab"), cell("cd"), most=0)) == 0


def test_of_separate_means_it_is_the_textbook_variance() -> None:
    """One clip of each group: var(x) / m + var(y) / n of the difference of means."""
    x, y = Cell(normal(5, 1), tuple("abcde")), Cell(normal(8, 1, 1), tuple("fghijklm"))
    out = leaving(x, y)
    clips = torch.cat((x.embeddings, y.embeddings))[:, 0]
    in_x = torch.arange(13) < 5

    def difference(weights: torch.Tensor) -> torch.Tensor:
        means = [
            (weights * side) @ clips / (weights * side).sum(-1)
            for side in (in_x, ~in_x)
        ]
        return means[0] - means[1]

    expected = clips[:5].var() / 5 + clips[5:].var() / 8
    torch.testing.assert_close(out.variance(difference(out.weights)), expected)


def test_deviations_are_from_the_mean_of_a_kind() -> None:
    """Leaving out a group of x shifts all values, which is no noise."""
    out = leaving(cell("abcd"), cell("efghij"))
    values = torch.tensor([1.0, 2, 3, 4, 11, 12, 13, 14, 15, 16]).double()
    expected = 3 / 4 * 5.0 + 5 / 6 * 17.5
    assert out.variance(values).item() == pytest.approx(expected)


def test_replicates_are_those_of_the_cells_left() -> None:
    x, y = cell("abcde"), cell("abcde", 1)
    sums = linear_sums([x, y])
    out = leave_out([x], [y], sums.units)
    values = sums.distance(0, 1, out.weights)
    for weights, value in zip(out.weights, values, strict=True):
        (gone,) = {g for g, w in zip(sums.units.groups, weights, strict=True) if w == 0}
        rest = [
            Cell(
                one.embeddings[[g != gone for g in one.groups]],
                tuple(g for g in one.groups if g != gone),
            )
            for one in (x, y)
        ]
        # Equally many clips of all actors, so that no centre has a part in it.
        torch.testing.assert_close(value, linear_sums(rest).distance(0, 1))
