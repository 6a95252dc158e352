from dataclasses import astuple

import pytest
import torch
from torch import Tensor

from crossemo.distances.above_chance import (
    Fidelities,
    axis_fidelities,
    crossed_fidelities,
    deal_halves,
)
from crossemo.distances.axes import axis_moments
from crossemo.distances.cell_units import units_of
from crossemo.distances.cells import Cell
from crossemo.distances.frechet import factor, frechet_terms
from tests.distances.normals import ssl_like

WIDTH = 96


def cast(actors: range, clips: int, seed: int, part: int, scale: float = 1) -> Cell:
    """Clips whose actors differ as much as the clips of one actor do."""
    voices = ssl_like(48, WIDTH, seed=seed)[list(actors)]
    noise = ssl_like(len(actors) * clips, WIDTH, 1000 * part + seed)
    x = scale * (voices.repeat(clips, 1) + noise)
    return Cell(x, tuple(f"actor {actor}" for actor in actors) * clips)


def term(x: Cell, y: Cell, splits: int = 4) -> Tensor:
    """The covariance term in units of twice the trace of the clips of an actor."""
    fidelities, _ = crossed_fidelities([x], [y], deal_halves([x], [y], splits))
    trace = 2 * (torch.arange(1, WIDTH + 1) ** -1.5).sum().double()[None]
    return fidelities.term(trace, trace)[0, 0] / trace[0]


@pytest.mark.parametrize(
    ("others", "clips"),
    [(range(24), 8), (range(23), 4), (range(24, 48), 8), (range(12, 36), 8)],
)
def test_one_distribution_is_at_chance(others: range, clips: int) -> None:
    values, plain = [], []
    for seed in range(16):
        x, y = cast(range(24), 8, seed, 1), cast(others, clips, seed, 2)
        terms = frechet_terms(factor(x.embeddings), factor(y.embeddings))
        plain.append(float(terms[1]))
        values.append(term(x, y))
    above = torch.stack(values)
    assert abs(float(above.mean())) < 4 * float(above.std()) / 4
    # What few clips give is many times that.
    assert sum(plain) / 16 > 0.1
    assert abs(float(above.mean())) < 0.03


def test_a_difference_in_scale_is_not_told_too_small() -> None:
    """Twice the deviations: (2 - 1)² traces in the units of the first domain."""
    values = []
    for seed in range(24):
        x = cast(range(12), 6, seed, 1)
        y = cast(range(12), 6, seed, 2, scale=2)
        fidelities, _ = crossed_fidelities([x], [y], deal_halves([x], [y], 4))
        trace = 2 * (torch.arange(1, WIDTH + 1) ** -1.5).sum().double()[None]
        values.append(fidelities.term(trace, 4 * trace)[0, 0] / trace[0])
    above = torch.stack(values)
    assert float(above.mean()) == pytest.approx(1, abs=0.1)


def test_few_groups_against_many_songs_are_at_chance() -> None:
    """Four actors of twenty clips have less in common than two hundred songs."""
    values = []
    for seed in range(40):
        voices = ssl_like(204, 48, seed)
        rows = [actor for actor in range(4) for _ in range(20)]
        x = voices[rows] + ssl_like(80, 48, 1000 + seed)
        y = voices[4:] + ssl_like(200, 48, 2000 + seed)
        cells = [
            Cell(x, tuple(f"actor {row}" for row in rows)),
            Cell(y, tuple(f"song {row}" for row in range(200))),
        ]
        halves = deal_halves([cells[0]], [cells[1]], 4)
        fidelities, _ = crossed_fidelities([cells[0]], [cells[1]], halves)
        traces = [
            axis_moments(c.embeddings, units).traces(torch.ones(len(units)).double())
            for c in cells
            for units in [units_of([c])]
        ]
        term = fidelities.term(traces[0][None], traces[1][None])[0, 0]
        values.append(term / (2 * (torch.arange(1, 49) ** -1.5).sum()))
    above = torch.stack(values)
    assert abs(float(above.mean())) < 0.025  # .04 by the mean of both attenuations


def test_fidelities_are_those_of_the_frechet_distance() -> None:
    """One clip of each actor, so that the halves are known but for their order."""
    x, y = cast(range(6), 1, 0, 1), cast(range(6), 1, 0, 2)
    (side_of,) = deal_halves([x], [y], 1)
    fidelities, clips = crossed_fidelities([x], [y], [side_of])
    rows = [[side_of[g] == side for g in x.groups] for side in (0, 1)]
    xa, xb, ya, yb = (factor(cell.embeddings[half]) for cell in (x, y) for half in rows)

    def fidelity(a: object, b: object) -> Tensor:
        return (a.trace + b.trace - frechet_terms(a, b)[1]) / 2  # type: ignore

    expected = (fidelity(xa, yb) + fidelity(xb, ya)) / 2
    torch.testing.assert_close(fidelities.across[0, 0], expected)
    torch.testing.assert_close(fidelities.x[0, 0], fidelity(xa, xb))
    torch.testing.assert_close(fidelities.y[0, 0], fidelity(ya, yb))
    assert clips.item() == 3


def test_large_cells_have_the_same_fidelities() -> None:
    """Cells of more clips than features are reduced to roots."""
    x, y = cast(range(8), 3, 0, 1), cast(range(8), 3, 0, 2)
    halves = deal_halves([x], [y], 2)
    few = [Cell(one.embeddings[:, :30], one.groups) for one in (x, y)]
    fewer = [Cell(one.embeddings[:, :20], one.groups) for one in (x, y)]
    padding = torch.zeros(24, 10).double()
    padded = [Cell(torch.cat((c.embeddings, padding), 1), c.groups) for c in fewer]
    assert len(few[0]) < 30
    one, _ = crossed_fidelities([fewer[0]], [fewer[1]], halves)
    other, _ = crossed_fidelities([padded[0]], [padded[1]], halves)
    for a, b in zip(astuple(one), astuple(other), strict=True):
        torch.testing.assert_close(a, b)


def test_along_all_axes_they_are_those_of_all_features() -> None:
    x, y = cast(range(8), 3, 0, 1), cast(range(8), 3, 0, 2)
    few = [Cell(c.embeddings[:, :6], c.groups) for c in (x, y)]
    units, halves = units_of(few), deal_halves([few[0]], [few[1]], 3)
    moments = axis_moments(torch.cat([c.embeddings for c in few]), units)
    weights = torch.ones(2, len(units)).double()
    weights[1, [unit for unit, g in enumerate(units.groups) if g == "actor 3"]] = 0
    along = axis_fidelities(moments, units, (1, 1), halves, weights)
    whole, _ = crossed_fidelities([few[0]], [few[1]], halves)
    rest = [
        Cell(
            c.embeddings[[g != "actor 3" for g in c.groups]],
            tuple(g for g in c.groups if g != "actor 3"),
        )
        for c in few
    ]
    without, _ = crossed_fidelities([rest[0]], [rest[1]], halves)
    for row, expected in enumerate((whole, without)):
        for name in ("across", "x", "y"):
            value = getattr(along, name)[row]
            # Whole halves there, halves of equal size here: as many without an actor.
            tolerance = 1e-6 if row == 0 else 0.25
            torch.testing.assert_close(
                value, getattr(expected, name), rtol=tolerance, atol=0
            )


def test_splits_are_the_same_whatever_the_user_draws() -> None:
    x, y = cast(range(7), 3, 0, 1), cast(range(9), 3, 0, 2)
    one, other = deal_halves([x], [y], 3), deal_halves([x], [y], 3)
    assert one == other
    assert one[0] != one[1]
    for side_of in one:
        sides = [side_of[f"actor {actor}"] for actor in range(7)]
        assert sum(sides) in (3, 4)


def test_halves_never_share_an_actor() -> None:
    # Clips of an actor are one point, so that a half of one actor has no variance.
    points = ssl_like(2, 4)
    x = Cell(points[[0, 1] * 5], ("0", "1") * 5)
    fidelities, _ = crossed_fidelities([x], [x], deal_halves([x], [x], 2))
    y = Cell(x.embeddings, x.groups)
    fidelities, clips = crossed_fidelities([x], [y], deal_halves([x], [y], 2))
    assert fidelities.across.item() == pytest.approx(0, abs=1e-12)
    assert fidelities.x.item() == pytest.approx(0, abs=1e-12)
    assert clips.item() == 5


def test_a_cell_that_cannot_be_halved_has_no_fidelity() -> None:
    x = ssl_like(8, 3)
    whole = Cell(x, ("a", "b") * 4)
    none, one, lone = (
        Cell(x[:0], ()),
        Cell(x[:4], ("a",) * 4),
        Cell(x[:2], ("a", "b")),
    )
    cells = [whole, none, one, lone]
    halves = deal_halves(cells, [whole], 2)
    fidelities, _ = crossed_fidelities(cells, [whole], halves)
    assert fidelities.across.isfinite().flatten().tolist() == [True] + 3 * [False]
    traces = torch.ones(4).double()
    assert fidelities.term(traces, traces[:1]).isnan().sum() == 3


def test_cells_without_variance_have_no_difference_of_it() -> None:
    zero, one = torch.zeros(1, 1).double(), torch.ones(1, 1).double()
    assert Fidelities(zero, zero, zero).term(zero[0], zero[0]).item() == 0
    # From one with variance it differs by all of that.
    assert Fidelities(zero, zero, one).term(zero[0], 3 * one[0]).item() == 3


def test_within_a_domain_each_pair_stands_once() -> None:
    cells = [cast(range(6), 4, seed, seed) for seed in range(3)]
    fidelities, _ = crossed_fidelities(cells, cells, deal_halves(cells, cells, 2))
    above = torch.triu(torch.ones(3, 3), 1).bool()
    assert torch.equal(fidelities.across.isfinite(), above)


def test_what_is_no_set_of_cells_is_refused() -> None:
    x = ssl_like(8, 3)
    cell = Cell(x, ("a", "b") * 4)
    with pytest.raises(ValueError, match="0 splits can't be averaged"):
        deal_halves([cell], [cell], 0)
    with pytest.raises(ValueError, match="8 embeddings and 3 groups"):
        Cell(x, ("a", "b", "c"))
    broken = x.clone()
    broken[6, 1] = torch.nan
    with pytest.raises(ValueError, match="Embedding 6 of 8 holds NaN"):
        Cell(broken, cell.groups)
    with pytest.raises(ValueError, match=r"has shape \(n, d\), not \(8,\)"):
        Cell(x[:, 0], cell.groups)


def test_lone_clips_and_nested_groups_can_be_halved() -> None:
    """Every clip a group of its own, or every artist in one emotion only."""
    x = ssl_like(48, 6)
    lone = [
        Cell(x[k : k + 8], tuple(f"{k + n}" for n in range(8))) for k in range(0, 48, 8)
    ]
    nested = [
        Cell(x[k : k + 8], tuple(f"{k}{n % 2}" for n in range(8)))
        for k in range(0, 48, 8)
    ]
    for cells in (lone, nested):
        halves = deal_halves(cells[:3], cells[3:], 4)
        fidelities, clips = crossed_fidelities(cells[:3], cells[3:], halves)
        assert fidelities.across.isfinite().all()
        assert clips.eq(4).all()
