from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossemo.data.windows import (
    WHOLE,
    Window,
    Windowing,
    all_windows,
    random_crops,
)
from crossemo.errors import CrossEmoError

windowings = st.integers(1, 50).flatmap(
    lambda window: st.builds(Windowing, st.just(window), st.integers(1, window))
)
lengths = st.integers(1, 400)


@given(windowings, lengths)
def test_windows_cover_a_clip_in_order_and_are_of_like_length(
    windowing: Windowing, length: int
) -> None:
    windows = windowing.windows(length)
    heard = Counter(n for start, stop in windows for n in range(start, stop))
    assert sorted(heard) == list(range(length))
    assert windows == sorted(windows)
    if length <= windowing.window:
        assert windows == [(0, length)]
        return
    size = windowing.window
    assert all(stop - start == size for start, stop in windows[:-1])
    assert size <= 2 * (windows[-1][1] - windows[-1][0]) < 3 * size
    starts = [start for start, _ in windows]
    assert set(np.diff(starts)) <= {windowing.hop}
    if windowing.hop == size:
        assert set(heard.values()) == {1}


@given(lengths)
def test_without_a_window_clips_stay_whole(length: int) -> None:
    assert WHOLE.windows(length) == [(0, length)]
    assert WHOLE.crop(length, 0.9) == (0, length)
    assert WHOLE.key("1f", length) == "1f"


@pytest.mark.parametrize(
    ("length", "hop", "expected"),
    [
        (10, 10, [(0, 10)]),
        (11, 10, [(0, 11)]),
        (14, 10, [(0, 14)]),
        (15, 10, [(0, 10), (10, 15)]),
        (20, 10, [(0, 10), (10, 20)]),
        (34, 10, [(0, 10), (10, 20), (20, 34)]),
        (21, 5, [(0, 10), (5, 15), (10, 21)]),
        (27, 8, [(0, 10), (8, 18), (16, 27)]),
        (25, 8, [(0, 10), (8, 18), (16, 25)]),
    ],
)
def test_a_remainder_of_less_than_half_a_window_belongs_to_the_last(
    length: int, hop: int, expected: list[tuple[int, int]]
) -> None:
    assert Windowing(10, hop).windows(length) == expected


@given(st.lists(st.tuples(lengths, windowings), max_size=30), st.integers(0, 9))
def test_crops_lie_in_their_clips_and_are_the_same_again(
    clips: list[tuple[int, Windowing]], epoch: int
) -> None:
    sizes = [length for length, _ in clips]
    cuts = [windowing for _, windowing in clips]
    crops = random_crops(sizes, cuts, 3, epoch)
    assert crops == random_crops(sizes, cuts, 3, epoch)
    for place, (crop, (length, windowing)) in enumerate(zip(crops, clips, strict=True)):
        assert crop.clip == place
        assert 0 <= crop.start < crop.stop <= length
        assert crop.length == min(length, windowing.window)


def test_crops_begin_anywhere_alike_and_differ_from_epoch_to_epoch() -> None:
    cut = Windowing(10, 10)
    starts = Counter(
        random_crops([14], [cut], seed, epoch)[0].start
        for seed in range(20)
        for epoch in range(100)
    )
    assert sorted(starts) == [0, 1, 2, 3, 4]
    # Chi-squared with 4 degrees of freedom passes 18.5 once in a thousand.
    assert sum((n - 400) ** 2 / 400 for n in starts.values()) < 18.5


def test_windows_of_several_clips_bear_their_numbers() -> None:
    windows = all_windows([25, 8], [Windowing(10, 10), WHOLE])
    assert windows == [
        Window(0, 0, 10),
        Window(0, 10, 20),
        Window(0, 20, 25),
        Window(1, 0, 8),
    ]


def test_a_window_of_seconds_is_one_of_samples() -> None:
    assert Windowing.of_seconds(1.5, None, 100) == Windowing(150, 150)
    assert Windowing.of_seconds(1.5, 0.5, 100) == Windowing(150, 50)
    for window in (None, 0):
        assert Windowing.of_seconds(window, None, 100) == WHOLE
        assert Windowing.of_seconds(window, 0.5, 100) == WHOLE
    assert Windowing(150, 50).describe(100) == {"window": 1.5, "hop": 0.5}
    assert WHOLE.describe(100) == {"window": None, "hop": None}


def test_what_is_computed_of_a_clip_depends_on_how_it_is_cut() -> None:
    keys = {Windowing(10, hop).key("1f", 11) for hop in (5, 10)}
    assert len(keys) == 2
    assert "1f" not in keys
    assert Windowing(10, 10).key("1f", 10) == "1f"


@pytest.mark.parametrize(
    ("window", "hop", "sentence"),
    [
        (-1.0, None, "window is -1 s: choose 0.08 s or more, or 0 to take clips whole"),
        (0.07, None, "window is 0.07 s: choose 0.08 s or more"),
        (float("nan"), None, "window is nan s"),
        (float("inf"), None, "window is inf s"),
        (2.0, 3.0, "hop is 3 s and window 2 s: choose a hop of a sample at the least"),
        (2.0, 0.0, "hop is 0 s: choose a hop above 0"),
        (0.0, -1.0, "hop is -1 s: choose a hop above 0"),
        (2.0, float("nan"), "hop is nan s"),
    ],
)
def test_windows_that_can_not_be_are_refused(
    window: float, hop: float | None, sentence: str
) -> None:
    with pytest.raises(CrossEmoError, match=sentence):
        Windowing.of_seconds(window, hop, 100, min_samples=4)
