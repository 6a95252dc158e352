"""Rank correlation over a few things, such as emotions, and its permutation test."""

from dataclasses import dataclass

import torch
from torch import Tensor

from crossemo.metrics.permutation import orders

MOST_ORDERS = 40_320  # 8!
_DRAWS = 9999
_SLACK = 1e-9  # the same ranks in another order differ by rounding


@dataclass(frozen=True)
class RankCorrelation:
    """A rank correlation, and what it would be were one measure's things exchanged.

    Args:
        values: `(orders, ...)` the correlation in each order of the things, the first
            of them as they are; NaN where a measure is the same of all things.
    """

    values: Tensor

    @property
    def rho(self) -> Tensor:
        """The correlation, `(...)`."""
        return self.values[0]

    @property
    def p(self) -> Tensor:
        """How often an order gives a correlation that is as low, `(...)`."""
        return self._share(self.values, self.rho)

    @property
    def p_two_sided(self) -> Tensor:
        """How often an order gives one that is as far from 0, `(...)`."""
        return self._share(-self.values.abs(), -self.rho.abs())

    @property
    def least_p(self) -> Tensor:
        """The smallest p that so many things allow, `(...)`."""
        return self._share(self.values, self.values.amin(0))

    def chance_low(self, level: float = 0.05) -> Tensor:
        """Return the highest correlation whose p is a level or less, `(...)`.

        NaN where so few things allow none.
        """
        beyond = self.values.sort(0).values[int(level * len(self.values) + _SLACK)]
        low = self.values.masked_fill(self.values >= beyond - _SLACK, -torch.inf)
        return low.amax(0).nan_to_num(torch.nan, neginf=torch.nan)

    def _share(self, values: Tensor, low: Tensor) -> Tensor:
        share = (values <= low + _SLACK).double().mean(0)
        return share.masked_fill(self.rho.isnan(), torch.nan)


def rank_correlation(
    first: Tensor, second: Tensor, exchanges: Tensor | None = None
) -> RankCorrelation:
    r"""Return Spearman's correlation of two measures of some things, within strata.

    Values are ranked within each stratum:

    $$ \rho = \frac{\sum_{s,i} a_{si} b_{si}}
                   {\sqrt{\sum_{s,i} a_{si}^2 \sum_{s,i} b_{si}^2}} $$

    with the centred ranks a and b of thing i in stratum s. Of one stratum it is
    Spearman's; of several without ties, the mean of theirs. Had the measures nothing to
    do with each other, the second's things might stand in any order, the same one in
    all strata.

    Args:
        first: `(strata, things)`; NaN where a thing has no value in a stratum.
        second: `(..., strata, things)`.
        exchanges: `(orders, things)` the orders to try, the first as they are. All of
            up to eight things if None, else 9999 more at random.

    >>> one = rank_correlation(torch.tensor([[1, 2, 3.0]]), torch.tensor([[9, 8, 5.0]]))
    >>> round(one.rho.item(), 6), round(one.p.item(), 6)  # one order in six
    (-1.0, 0.166667)
    """
    a, b = centred_ranks(first), centred_ranks(second)
    things = first.shape[-1]
    if exchanges is None:
        exchanges = orders(things, _DRAWS, most=MOST_ORDERS)
    products = torch.einsum("si,...sj->...ij", a, b)
    sums = products[..., torch.arange(things), exchanges].sum(-1).movedim(-1, 0)
    size = (a.square().sum() * b.square().sum((-2, -1))).sqrt()
    return RankCorrelation(sums / torch.where(size > 0, size, torch.nan))


def centred_ranks(values: Tensor) -> Tensor:
    """Return ranks along the last dimension less their mean; equal values share one.

    Args:
        values: `(..., things)`; NaN where there is none.

    Returns:
        `(..., things)` float64, 0 where there is no value.

    >>> centred_ranks(torch.tensor([5.0, 1.0, 5.0, torch.nan])).tolist()
    [0.5, -1.0, 0.5, 0.0]
    """
    from scipy.stats import rankdata

    ranks = rankdata(values.double().numpy(), axis=-1, nan_policy="omit")
    centred = torch.as_tensor(ranks)
    return (centred - centred.nanmean(-1, keepdim=True)).nan_to_num(0)
