from collections import Counter

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from crossemo.audits.leaky_parts import (
    shuffled_clips,
    strata_of,
    validation_from_training,
)
from crossemo.probes.clips import TEST, TRAIN, VAL


@st.composite
def split_clips(draw: st.DrawFn) -> tuple[Tensor, Tensor, Tensor, int]:
    """Return folds of units, the unit and the stratum of each clip, and a seed."""
    units = draw(st.integers(3, 8))
    folds = draw(st.integers(3, units))
    clips = st.lists(st.integers(0, 3), min_size=1, max_size=6)
    strata = [draw(clips) for _ in range(units)]
    unit = torch.tensor([n for n, one in enumerate(strata) for _ in one])
    place = unit % folds
    parts = torch.stack([torch.where(place == n, TEST, TRAIN) for n in range(folds)])
    for fold in range(folds):
        parts[fold][place == (fold + 1) % folds] = VAL
    dropped = draw(st.lists(st.booleans(), min_size=len(unit), max_size=len(unit)))
    parts[:, torch.tensor(dropped) & (unit == 0)] = -1  # as where a unit is cut
    stratum = torch.tensor([kind for one in strata for kind in one])
    return parts, unit, stratum, draw(st.integers(0, 2**32))


def counts(parts: Tensor, strata: Tensor) -> list[Counter[tuple[int, int]]]:
    """Return the clips of each stratum in each part, fold by fold."""
    kinds = strata.tolist()
    return [Counter(zip(fold, kinds, strict=True)) for fold in parts.tolist()]


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(split_clips())
def test_shuffled_folds_test_each_clip_as_often_and_are_as_large(
    split: tuple[Tensor, Tensor, Tensor, int],
) -> None:
    parts, _, strata, seed = split
    shuffled = shuffled_clips(parts, strata, seeded(seed))
    assert counts(shuffled, strata) == counts(parts, strata)
    # All folds of a clip go together: its column is that of one clip alike.
    columns = [Counter(map(tuple, one.T.tolist())) for one in (parts, shuffled)]
    assert columns[0] == columns[1]
    tested = (shuffled == TEST).sum(0)
    assert int(tested.max()) <= 1
    assert int(tested.sum()) == int((parts == TEST).sum())
    assert torch.equal(shuffled, shuffled_clips(parts, strata, seeded(seed)))


@given(split_clips())
def test_validation_alone_shares_units_with_training(
    split: tuple[Tensor, Tensor, Tensor, int],
) -> None:
    parts, unit, strata, seed = split
    shared = validation_from_training(parts, strata, seeded(seed))
    assert counts(shared, strata) == counts(parts, strata)
    fixed = (parts == TEST) | (parts < 0)
    assert torch.equal(shared == TEST, parts == TEST)
    assert torch.equal(shared[fixed], parts[fixed])
    for fold, own in zip(shared, parts, strict=True):
        tested = set(unit[fold == TEST].tolist())
        others = set(unit[(fold == TRAIN) | (fold == VAL)].tolist())
        before = set(unit[(own == TRAIN) | (own == VAL)].tolist())
        assert not tested & others
        assert others == before


def test_any_clip_of_a_class_takes_any_place_as_often() -> None:
    parts = torch.tensor([[TEST, TRAIN, VAL, TRAIN, TEST]])
    strata = torch.tensor([0, 0, 0, 0, 1])
    draws = 4000
    shuffled = torch.cat(
        [shuffled_clips(parts, strata, seeded(n)) for n in range(draws)]
    )
    assert (shuffled[:, 4] == TEST).all()
    share = (shuffled[:, :4] == TEST).double().mean(0)
    assert (share - 1 / 4).abs().max() < 4 * (3 / 16 / draws) ** 0.5
    mixed = [validation_from_training(parts, strata, seeded(n)) for n in range(draws)]
    share = (torch.cat(mixed)[:, 1:4] == VAL).double().mean(0)
    assert (share - 1 / 3).abs().max() < 4 * (2 / 9 / draws) ** 0.5


def test_strata_are_classes_or_sides_of_values() -> None:
    assert strata_of(torch.tensor([4, 2, 4])).tolist() == [1, 0, 1]
    values = torch.tensor([[0.5, -0.1], [-0.5, -0.1], [0.2, -0.9], [0.0, 0.0]])
    first, second, third, fourth = strata_of(values).tolist()
    assert first == third
    assert len({first, second, fourth}) == 3
