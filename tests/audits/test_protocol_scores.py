import math

import pytest
import torch
from scipy import stats
from torch import Tensor

from crossemo.audits.auditing import PROTOCOLS
from crossemo.audits.protocol_scores import protocol_rows
from crossemo.tasks import task_of

TASK = task_of("classes", ("sad", "happy"))
SAID = torch.tensor(  # (protocols, repeats, units) sad clips of five that are right
    [
        [[1, 2, 3], [2, 2, 3]],
        [[1, 2, 4], [2, 2, 3]],
        [[2, 3, 4], [3, 2, 4]],
        [[4, 4, 5], [5, 4, 5]],
    ]
)


def confusions(right: Tensor) -> Tensor:
    """Return counts of five sad clips and no others, of each unit."""
    sums = torch.zeros(*right.shape, 2, 2, dtype=torch.float64)
    sums[..., 0, 0], sums[..., 0, 1] = right, 5 - right
    return sums


def test_scores_and_differences_have_intervals_over_units_and_repeats() -> None:
    rows = protocol_rows(confusions(SAID), TASK)
    assert [row["protocol"] for row in rows] == list(PROTOCOLS)
    shares = SAID.double() / 5
    t = stats.t.ppf(0.975, 2)
    for row, own in zip(rows, shares, strict=True):
        for prefix, values in (("", own), ("difference", own - shares[0])):
            of_repeats, of_units = values.mean(1), values.mean(0)
            # All units have as many clips, so the jackknife's is the usual error.
            variance = of_units.var() / 3 + of_repeats.var() / 2
            half = float(t * variance.sqrt())
            low, high = (f"{prefix}_{end}".lstrip("_") for end in ("low", "high"))
            sd = f"{prefix}_repeat_sd".lstrip("_")
            mean = float(values.mean())
            assert row[prefix or "value"] == pytest.approx(mean)
            assert row[sd] == pytest.approx(float(of_repeats.std()))
            ends = mean - half, mean + half
            if not prefix:
                ends = max(ends[0], 0), min(ends[1], 1)
            assert (row[low], row[high]) == pytest.approx(ends)
    assert {row["units"] for row in rows} == {3}
    assert {row["repeats"] for row in rows} == {2}


def test_units_without_tested_clips_count_where_they_have_some() -> None:
    sums = confusions(SAID)
    sums[0, :, 2] = 0  # one fold alone is tested, and shuffled clips are of all units
    rows = protocol_rows(sums, TASK)
    assert [row["units"] for row in rows] == [2, 3, 3, 3]
    assert math.isnan(rows[0]["low"])
    assert not math.isnan(rows[3]["difference_low"])
