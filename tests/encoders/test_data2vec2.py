import pytest

from crossemo.encoders.data2vec2 import slopes


@pytest.mark.parametrize("heads", [1, 2, 4, 8, 16])
def test_slopes_of_a_power_of_two_are_a_geometric_series(heads: int) -> None:
    # Press et al., 2022: it begins at 2 to the power of -8 / n and goes on so.
    first = 2 ** (-8 / heads)
    expected = [first**power for power in range(1, heads + 1)]
    assert slopes(heads).tolist() == pytest.approx(expected, rel=1e-6)


def test_slopes_of_twelve_heads_are_those_of_eight_and_every_other_of_sixteen() -> None:
    eight = [2**-power for power in range(1, 9)]
    sixteen = [2 ** (-power / 2) for power in range(1, 17)]
    assert slopes(12).tolist() == pytest.approx([*eight, *sixteen[0:8:2]], rel=1e-6)
