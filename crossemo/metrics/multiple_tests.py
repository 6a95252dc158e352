"""Correction of p-values for the number of tests."""

import torch
from torch import Tensor


def benjamini_hochberg(p: Tensor) -> Tensor:
    r"""Return p-values corrected for their number, so as to bound false discoveries.

    $$ q_{(i)} = \min_{j \ge i} \tfrac{m}{j} p_{(j)} $$

    (Benjamini & Hochberg, 1995). Among tests with q ≤ 0.05 an expected 5 % at most are
    false alarms, also where the tests depend on each other positively, as those of
    neighbouring layers do.

    Args:
        p: `(m,)`; NaN counts as no test.

    Returns:
        `(m,)`, NaN where p is.

    >>> benjamini_hochberg(torch.tensor([0.01, 0.04, 0.03]))  # 3·.01, 3/3·.04
    tensor([0.0300, 0.0400, 0.0400])
    """
    from scipy.stats import false_discovery_control  # slow to import

    q = p.clone()
    tested = ~p.isnan()
    if tested.any():
        q[tested] = torch.from_numpy(false_discovery_control(p[tested])).to(p.dtype)
    return q
