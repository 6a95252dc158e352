"""The axes along which clips vary, which every penalty of a linear fit shares."""

from typing import NamedTuple

import torch
from torch import Tensor

NO_MOMENT = 1e-12  # of the largest: what is below is rounding


class Eigenbasis(NamedTuple):
    """Orthogonal axes of some clips.

    Args:
        axes: `(width, rank)`, of unit length.
        moments: `(rank,)` mean square of the clips along each, ascending.
    """

    axes: Tensor
    moments: Tensor


def eigenbasis(clips: Tensor) -> Eigenbasis:
    r"""Return the eigenvectors of the second moments of clips, $Z^T Z / n$.

    They span all clips, so that a linear map with a penalty on its squares, which lies
    in that span, is the same map in these coordinates, $W z = (W V)(V^T z)$, at the
    same penalty. Directions without clips are left out.

    Args:
        clips: `(clips, width)` float64, standardised.

    >>> axes, moments = eigenbasis(torch.tensor([[2.0, 0.0], [-2.0, 0.0]]).double())
    >>> axes.abs(), moments
    (tensor([[1.],
            [0.]], dtype=torch.float64), tensor([4.], dtype=torch.float64))
    """
    count, width = clips.shape
    span = None
    if width > count:  # fewer clips span fewer dimensions, and eigh takes their cube
        span = torch.linalg.qr(clips.T).Q
        clips = clips @ span
    moments, axes = torch.linalg.eigh(clips.T @ clips / count)
    there = moments > NO_MOMENT * moments[-1]
    axes, moments = axes[:, there], moments[there]
    return Eigenbasis(axes if span is None else span @ axes, moments)
