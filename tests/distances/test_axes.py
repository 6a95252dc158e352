import torch

from crossemo.distances.axes import (
    axis_moments,
    fidelities,
    nuclear_norms,
    roots_of,
)
from crossemo.distances.cell_units import units_of
from crossemo.distances.cells import Cell
from crossemo.distances.frechet import factor, frechet_terms
from tests.distances.normals import normal, ssl_like


def cells() -> list[Cell]:
    x = Cell(3 + ssl_like(30, 5), tuple("abcdef") * 5)
    return [x, Cell(ssl_like(12, 5, 1) @ normal(5, 5), tuple("abc") * 4)]


def test_covariances_of_any_units_are_those_of_their_clips() -> None:
    x, y = cells()
    units = units_of([x, y])
    moments = axis_moments(torch.cat((x.embeddings, y.embeddings)), units)
    in_first = torch.tensor([True, False, True, True, False, False, True, False, True])
    weights = torch.stack((in_first, ~in_first)).double()
    clips = torch.cat((x.embeddings, y.embeddings))
    for row, covariance in zip(weights, moments.covariances(weights), strict=True):
        rows = clips[row[units.of_clips] == 1]
        torch.testing.assert_close(covariance, rows.T.cov())
        torch.testing.assert_close(moments.means(row), rows.mean(0))
    one = torch.zeros(1, 9).double()
    assert moments.covariances(one).isnan().all()


def test_traces_are_those_of_products_of_different_groups() -> None:
    x, _ = cells()
    units = units_of([x])
    value = axis_moments(x.embeddings, units).traces(torch.ones(6).double())
    products = x.embeddings @ x.embeddings.T
    other = torch.tensor([[g != k for k in x.groups] for g in x.groups])
    expected = products.diagonal().mean() - products[other].mean()
    torch.testing.assert_close(value, expected)


def test_traces_of_few_actors_are_not_too_small() -> None:
    """Four actors, who differ as much as their clips do: a trace of 2 · 6."""
    values = []
    for seed in range(400):
        voices = normal(4, 6, seed)
        cell = Cell(voices.repeat(5, 1) + normal(20, 6, 1000 + seed), tuple("abcd") * 5)
        moments = axis_moments(cell.embeddings, units_of([cell]))
        values.append(moments.traces(torch.ones(4).double()))
    traces = torch.stack(values)
    assert abs(float(traces.mean()) - 12) < 4 * float(traces.std()) / 20


def test_fidelities_are_those_of_the_frechet_distance() -> None:
    x, y = cells()
    a, b = factor(x.embeddings), factor(y.embeddings)
    expected = (a.trace + b.trace - frechet_terms(a, b)[1]) / 2
    covariances = torch.stack([x.embeddings.T.cov(), y.embeddings.T.cov()])
    roots = roots_of(covariances)
    torch.testing.assert_close(fidelities(*roots), expected, rtol=1e-4, atol=0)
    torch.testing.assert_close(nuclear_norms(a.root @ b.root.T), expected)


def test_what_has_no_covariance_has_no_fidelity() -> None:
    some = ssl_like(9, 4).T.cov()
    roots = roots_of(torch.stack((some, some * torch.nan, some * 0)))
    values = fidelities(roots, roots)
    torch.testing.assert_close(values[0], some.trace())
    assert values[1].isnan()
    assert values[2] == 0


def test_few_clips_have_a_fidelity_along_many_axes() -> None:
    x = ssl_like(3, 8)
    roots = roots_of(x.T.cov())
    expected = (x - x.mean(0)).square().sum() / 2
    torch.testing.assert_close(fidelities(roots, roots), expected, rtol=1e-4, atol=0)
