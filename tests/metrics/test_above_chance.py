import numpy as np
import pytest
import torch
from torch import Tensor

from crossemo.metrics.above_chance import frechet_above_chance
from crossemo.metrics.frechet import frechet_distance
from tests.metrics.normals import ssl_like


def cast(actors: range, clips: int, seed: int, part: int) -> tuple[Tensor, list[str]]:
    """Clips whose actors differ as much as the clips of one actor do."""
    voices = ssl_like(48, 256, seed=seed)[list(actors)]
    x = voices.repeat(clips, 1) + ssl_like(len(actors) * clips, 256, 1000 * part + seed)
    return x, [f"actor {actor}" for actor in actors] * clips


@pytest.mark.parametrize(
    ("others", "clips", "plain", "tolerance"),
    [
        (range(24), 8, 0.05, 0.006),
        (range(23), 4, 0.08, 0.015),  # another n, and half an actor too many
        (range(24, 48), 8, 0.15, 0.03),
        (range(12, 36), 8, 0.1, 0.03),
    ],
)
def test_one_distribution_is_at_chance(
    others: range, clips: int, plain: float, tolerance: float
) -> None:
    corrected = []
    for seed in range(12):
        (x, x_groups), (y, y_groups) = (
            cast(range(24), 8, seed, 1),
            cast(others, clips, seed, 2),
        )
        scale = 2 * float((torch.arange(1, 257) ** -1.5).sum())
        assert frechet_distance(x, y) > plain * scale
        result = frechet_above_chance(x, y, x_groups, y_groups, seed=seed)
        corrected.append(result.value / scale)
    # four standard errors or more
    assert abs(float(np.mean(corrected))) < tolerance


def test_a_shift_is_found_in_full() -> None:
    (x, x_groups), (y, y_groups) = cast(range(24), 8, 0, 1), cast(range(24), 8, 0, 2)
    result = frechet_above_chance(x, y + 0.1, x_groups, y_groups)
    assert result.value == pytest.approx(256 * 0.1**2, rel=0.05)
    within = (result.within_x + result.within_y) / 2
    assert result.value == pytest.approx(result.across - within)


def test_seeds_decide_the_splits() -> None:
    (x, x_groups), (y, y_groups) = cast(range(7), 3, 0, 1), cast(range(9), 3, 0, 2)
    runs = [
        frechet_above_chance(x, y, x_groups, y_groups, splits=2, seed=seed)
        for seed in (0, 0, 1)
    ]
    assert runs[0] == runs[1] != runs[2]
    assert runs[0].clips == 9  # 7 actors make halves of 3, with 3 clips each


def test_halves_never_share_an_actor() -> None:
    # clips of an actor are one point, so a distance of zero would betray a shared one
    points = ssl_like(6, 4)
    rows = [actor for actor in range(6) for _ in range(5)]
    x, groups = points[rows], [str(row) for row in rows]
    one_actor_each = frechet_above_chance(x[:10], x[:10], groups[:10], groups[:10])
    gap = (points[0] - points[1]).square().sum().item()
    assert one_actor_each.across == pytest.approx(gap)
    assert one_actor_each.within_x == pytest.approx(gap)
    assert one_actor_each.value == pytest.approx(0, abs=1e-12)


def test_one_group_or_clip_is_refused() -> None:
    x = ssl_like(4, 3)
    with pytest.raises(ValueError, match="All clips are of a: halves need two groups"):
        frechet_above_chance(x, x, ["a"] * 4, ["a", "b"] * 2)
    with pytest.raises(ValueError, match="4 embeddings and 3 groups"):
        frechet_above_chance(x, x, ["a", "b"] * 2, ["a", "b", "c"])
    with pytest.raises(ValueError, match="Half a set is 1 clip"):
        frechet_above_chance(x[:2], x[:2], ["a", "b"], ["a", "b"])
    with pytest.raises(ValueError, match="0 splits can't be averaged"):
        frechet_above_chance(x, x, ["a", "b"] * 2, ["a", "b"] * 2, splits=0)


def test_bad_embeddings_are_named_by_their_row_in_the_set() -> None:
    x, groups = ssl_like(8, 3), ["a", "b"] * 4
    broken = x.clone()
    broken[6, 1] = torch.nan
    with pytest.raises(ValueError, match="Embedding 6 of 8 holds NaN"):
        frechet_above_chance(x, broken, groups, groups)
    with pytest.raises(ValueError, match=r"has shape \(n, d\), not \(8,\)"):
        frechet_above_chance(x[:, 0], x, groups, groups)
    with pytest.raises(ValueError, match="have 2 and 3 features"):
        frechet_above_chance(x[:, :2], x, groups, groups)
