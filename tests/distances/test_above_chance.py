from dataclasses import fields

import numpy as np
import pytest
import torch

from crossemo.distances.above_chance import AboveChance, frechet_above_chance
from crossemo.distances.cells import Cell
from crossemo.distances.frechet import frechet_distance
from crossemo.metrics.jackknife import jackknife_interval
from tests.distances.normals import ssl_like


def cast(actors: range, clips: int, seed: int, part: int) -> Cell:
    """Clips whose actors differ as much as the clips of one actor do."""
    voices = ssl_like(48, 256, seed=seed)[list(actors)]
    x = voices.repeat(clips, 1) + ssl_like(len(actors) * clips, 256, 1000 * part + seed)
    return Cell(x, tuple(f"actor {actor}" for actor in actors) * clips)


@pytest.mark.parametrize(
    ("others", "clips", "plain", "tolerance"),
    [
        (range(24), 8, 0.05, 0.006),
        (range(23), 4, 0.08, 0.015),  # another n, and an actor too many
        (range(24, 48), 8, 0.15, 0.03),
        (range(12, 36), 8, 0.1, 0.03),
    ],
)
def test_one_distribution_is_at_chance(
    others: range, clips: int, plain: float, tolerance: float
) -> None:
    corrected = []
    for seed in range(12):
        x, y = cast(range(24), 8, seed, 1), cast(others, clips, seed, 2)
        scale = 2 * float((torch.arange(1, 257) ** -1.5).sum())
        assert frechet_distance(x.embeddings, y.embeddings) > plain * scale
        distances = frechet_above_chance([x], [y], blocks=0, seed=seed)
        corrected.append(distances.value.item() / scale)
    # four standard errors or more
    assert abs(float(np.mean(corrected))) < tolerance


def test_a_shift_is_found_in_full() -> None:
    x, y = cast(range(24), 8, 0, 1), cast(range(24), 8, 0, 2)
    distances = frechet_above_chance([x], [Cell(y.embeddings + 0.1, y.groups)])
    assert distances.value.item() == pytest.approx(256 * 0.1**2, rel=0.05)
    torch.testing.assert_close(distances.value, distances.across - distances.floor)
    low, high = jackknife_interval(distances.value, distances.replicates)
    assert 0 < low.item() < 256 * 0.1**2 < high.item()


def test_seeds_decide_the_splits() -> None:
    x, y = cast(range(7), 3, 0, 1), cast(range(9), 3, 0, 2)
    runs = [frechet_above_chance([x], [y], splits=2, seed=seed) for seed in (0, 0, 1)]

    def same(a: AboveChance, b: AboveChance) -> bool:
        names = [field.name for field in fields(AboveChance)]
        return all(torch.equal(getattr(a, name), getattr(b, name)) for name in names)

    assert same(runs[0], runs[1])
    assert not same(runs[0], runs[2])
    assert runs[0].clips.item() == 9  # of 7 actors, a half has 3 with 3 clips each
    assert runs[0].replicates.shape == (7, 1, 1)  # as many blocks as the fewer actors


def test_halves_never_share_an_actor() -> None:
    # clips of an actor are one point, so a distance of zero would betray a shared one
    points = ssl_like(6, 4)
    x = Cell(points[[0, 1] * 5], ("0", "1") * 5)
    distances = frechet_above_chance([x], [x])
    gap = (points[0] - points[1]).square().sum().item()
    assert distances.across.item() == pytest.approx(gap)
    assert distances.floor.item() == pytest.approx(gap)
    assert distances.value.item() == pytest.approx(0, abs=1e-12)


def test_all_pairs_agree_with_each_pair_alone() -> None:
    xs = [cast(range(6), clips, seed, 1) for seed, clips in ((0, 4), (1, 2))]
    ys = [cast(range(6), clips, seed, 2) for seed, clips in ((2, 3), (3, 4), (4, 2))]
    together = frechet_above_chance(xs, ys, splits=400, blocks=0)
    for i, x in enumerate(xs):
        for j, y in enumerate(ys):
            alone = frechet_above_chance([x], [y], splits=400, blocks=0, seed=1)
            half = 3 * min(len(x), len(y)) // 6
            assert together.clips[i, j].item() == alone.clips.item() == half
            # The draws differ, so their means do a little.
            torch.testing.assert_close(
                together.value[i, j], alone.value[0, 0], rtol=0.1, atol=0.1
            )


def test_a_cell_that_cannot_be_halved_has_no_distance() -> None:
    x = ssl_like(8, 3)
    whole = Cell(x, ("a", "b") * 4)
    none, one, lone = (
        Cell(x[:0], ()),
        Cell(x[:4], ("a",) * 4),
        Cell(x[:2], ("a", "b")),
    )
    distances = frechet_above_chance([whole, none, one, lone], [whole])
    assert distances.value.isfinite().flatten().tolist() == [True, False, False, False]
    assert distances.across.isnan().flatten().tolist() == [False, True, True, True]


def test_what_is_no_set_of_cells_is_refused() -> None:
    x = ssl_like(8, 3)
    cell = Cell(x, ("a", "b") * 4)
    with pytest.raises(ValueError, match="0 splits can't be averaged"):
        frechet_above_chance([cell], [cell], splits=0)
    with pytest.raises(ValueError, match="have 2 and 3 features"):
        frechet_above_chance([Cell(x[:, :2], cell.groups)], [cell])
    with pytest.raises(ValueError, match="8 embeddings and 3 groups"):
        Cell(x, ("a", "b", "c"))
    broken = x.clone()
    broken[6, 1] = torch.nan
    with pytest.raises(ValueError, match="Embedding 6 of 8 holds NaN"):
        Cell(broken, cell.groups)
    with pytest.raises(ValueError, match=r"has shape \(n, d\), not \(8,\)"):
        Cell(x[:, 0], cell.groups)


def test_intervals_change_no_value() -> None:
    x, y = cast(range(7), 3, 0, 1), cast(range(9), 3, 0, 2)
    values = [frechet_above_chance([x], [y], blocks=b).value.item() for b in (0, 4, 12)]
    assert len(set(values)) == 1


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
        distances = frechet_above_chance(cells[:3], cells[3:], blocks=0)
        assert distances.value.isfinite().all()
        assert distances.clips.eq(4).all()


def test_within_a_domain_each_pair_stands_once() -> None:
    cells = [cast(range(6), 4, seed, seed) for seed in range(3)]
    distances = frechet_above_chance(cells, cells, splits=2)
    above = torch.triu(torch.ones(3, 3), 1).bool()
    assert torch.equal(distances.value.isfinite(), above)


@pytest.mark.slow
def test_intervals_hold_the_truth() -> None:
    hits = 0
    for seed in range(60):
        x, y = cast(range(12), 4, seed, 1), cast(range(12), 4, seed, 2)
        shifted = Cell(y.embeddings + 0.1, y.groups)
        distances = frechet_above_chance([x], [shifted], splits=3, seed=seed)
        low, high = jackknife_interval(distances.value, distances.replicates)
        hits += bool(low < 256 * 0.1**2 < high)
    assert hits >= 50  # 89 % to 100 % in larger simulations
