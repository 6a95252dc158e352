import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossemo.data.windows import Windowing
from crossemo.recognition.cutting import LONGEST_WHOLE, Cutting, cut

RATE = 10


@settings(deadline=None)
@given(
    length=st.integers(1, 90),
    window=st.integers(2, 20),
    hop=st.integers(1, 20),
    ends=st.lists(st.integers(1, 89), max_size=6),
)
def test_windows_are_those_of_the_whole_waveform(
    length: int, window: int, hop: int, ends: list[int]
) -> None:
    waveform = np.arange(length, dtype=np.float32)
    windowing = Windowing(window, min(hop, window))
    pieces = np.split(waveform, sorted(end for end in ends if end < length))
    stretches = [*cut(iter(pieces), windowing)]
    assert [
        (one.start, one.start + len(one.samples)) for one in stretches
    ] == windowing.windows(length)
    for one in stretches:
        np.testing.assert_array_equal(
            one.samples, waveform[one.start :][: len(one.samples)]
        )


@pytest.mark.parametrize(
    ("seconds", "always", "number"),
    [
        (LONGEST_WHOLE, False, 1),
        (LONGEST_WHOLE + 1, False, 6),
        (LONGEST_WHOLE + 1, True, 1),
    ],
)
def test_only_long_recordings_are_cut_where_none_was_in_training(
    seconds: float, always: bool, number: int
) -> None:
    whole = np.zeros(int(seconds * RATE), np.float32)
    pieces = iter(np.array_split(whole, 7))
    stretches = [*Cutting(RATE, always_whole=always).cut(pieces)]
    assert len(stretches) == number
    assert sum(len(one.samples) for one in stretches) == len(whole)
