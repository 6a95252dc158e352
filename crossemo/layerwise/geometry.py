"""How alike two domains arrange the emotions: linear CKA of their means."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from crossemo.metrics.permutation import MOST_ORDERS, orders


def emotion_products(means: Tensor, present: Tensor) -> Tensor:
    r"""Return the inner products of the emotions' means, centred over the emotions.

    A mean over few clips is noisy, and its product with itself too large. So the
    product of the emotions a and b is the mean of $m_{ga} \cdot m_{hb}$ over pairs of
    *different* groups g and h, whose noise is independent, as in cross-validated
    distances (Walther et al., 2016, NeuroImage 137).

    Args:
        means: `(layers, groups, emotions, width)` mean of each group's clips of an
            emotion; anything where it has none.
        present: `(groups, emotions)` bool, where it has some.

    Returns:
        `(layers, emotions, emotions)`; NaN where an emotion has fewer than two groups.
    """
    has_clips = present.to(means.dtype)
    means = torch.where(present[..., None], means, 0)
    total = means.sum(1)
    products = total @ total.mT - torch.einsum("lgad,lgbd->lab", means, means)
    pairs = has_clips.sum(0)[:, None] * has_clips.sum(0) - has_clips.T @ has_clips
    table = products / pairs
    centred = table - table.mean(-1, keepdim=True)
    return centred - centred.mean(-2, keepdim=True)


def cka(first: Tensor, second: Tensor) -> Tensor:
    """Return the linear CKA of every layer of one domain with every layer of another.

    It is the cosine of two tables of centred inner products (Kornblith et al., 2019,
    ICML), 1 where emotions lie in the same arrangement up to rotation and size.

    Args:
        first: `(layers, emotions, emotions)` of `emotion_products`.
        second: `(layers, emotions, emotions)` of the other domain.

    Returns:
        `(layers of first, layers of second)`.

    >>> table = torch.tensor([[[1.0, -1.0], [-1.0, 1.0]]])
    >>> cka(table, 3 * table)
    tensor([[1.]])
    """
    one, other = (normalize(side.flatten(1), dim=1) for side in (first, second))
    cosines: Tensor = one @ other.T
    return cosines


def exchange_p(first: Tensor, second: Tensor, seed: int = 0) -> Tensor:
    """Return p-values of CKA, by exchanges of the emotions of one domain.

    Args:
        first: As in `cka`.
        second: As in `cka`.
        seed: Seed of the draws, where there are too many orders to try all.

    Returns:
        `(layers of first, layers of second)`: the share of orders of the emotions whose
        CKA is as high, the present order among them.
    """
    observed = cka(first, second)
    slack = 10 * torch.finfo(first.dtype).eps
    exchanged = torch.stack(
        [
            cka(first, second[:, order][:, :, order])
            for order in orders(first.shape[-1], MOST_ORDERS - 1, seed)
        ]
    )
    p = (exchanged >= observed - slack).double().mean(0)
    return p.masked_fill(observed.isnan(), torch.nan)
