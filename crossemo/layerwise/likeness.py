"""Rows of `layer_similarity.csv`: CKA of the layers of two domains."""

from collections.abc import Sequence

import torch
from torch import Tensor

from crossemo.data.role_pairs import layer_column, role_pairs
from crossemo.layerwise.conditions import Row
from crossemo.layerwise.geometry import cka, emotion_products, exchange_p
from crossemo.metrics.intervals import MIN_GROUPS
from crossemo.metrics.jackknife import jackknife_interval
from crossemo.probes.clips import ProbedClips


def similarity_rows(
    clips: ProbedClips, values: Tensor, layers: Sequence[int]
) -> list[Row]:
    """Return a row for every two layers of every two roles.

    The intervals are the jackknife's over groups, which leave both roles where they are
    in both; p exchanges the emotions of one role. See `crossemo.layerwise.geometry`.

    Args:
        clips: The clips of all roles; of one alone, or without classes, there is no
            row.
        values: `(clips, layers, width)` their features.
        layers: Numbers of the layers.
    """
    if not clips.task.counts([]):  # values have no emotions to arrange
        return []
    names = sorted(set(clips.groups))
    means, present = _group_means(clips, values.double(), names)
    rows: list[Row] = []
    for pair in role_pairs(clips.names):
        roles = [clips.names.index(role) for role in pair]
        rows += _pair_rows(pair, means[:, roles], present[roles], layers)
    return rows


def _pair_rows(
    pair: tuple[str, str], means: Tensor, present: Tensor, layers: Sequence[int]
) -> list[Row]:
    """Return the rows of two roles; see `_group_means` for means and presence."""
    first, second = (emotion_products(means[:, r], present[r]) for r in range(2))
    value, p = cka(first, second), exchange_p(first, second)
    low = high = torch.full_like(value, torch.nan)
    groups = present.shape[1]
    if groups >= MIN_GROUPS:
        low, high = jackknife_interval(value, _replicates(means, present))
    return [
        {
            layer_column(pair[0]): one,
            layer_column(pair[1]): other,
            "cka": float(value[i, j]),
            "low": float(low[i, j].clamp(min=-1)),
            "high": float(high[i, j].clamp(max=1)),
            "p": float(p[i, j]),
            "groups": groups,
        }
        for i, one in enumerate(layers)
        for j, other in enumerate(layers)
    ]


def _replicates(means: Tensor, present: Tensor) -> Tensor:
    """Return the CKA without each group, `(groups, layers, layers)`."""
    values = []
    for group in range(present.shape[1]):
        others = present.clone()
        others[:, group] = False
        first, second = (emotion_products(means[:, r], others[r]) for r in range(2))
        values.append(cka(first, second))
    return torch.stack(values)


def _group_means(
    clips: ProbedClips, values: Tensor, names: Sequence[str]
) -> tuple[Tensor, Tensor]:
    """Return the mean of the clips of every role, group and class.

    Returns:
        Means `(layers, roles, groups, classes, width)`, and `(roles, groups, classes)`
        bool, whether there is a clip.
    """
    roles, classes = len(clips.names), len(clips.task.outputs)
    group = torch.tensor([names.index(name) for name in clips.groups])
    cell = (clips.roles * len(names) + group) * classes + clips.targets
    cells = roles * len(names) * classes
    member = torch.nn.functional.one_hot(cell, cells).double()  # (clips, cells)
    counts = member.sum(0)
    sums = torch.einsum("nc,nld->lcd", member, values)
    means = sums / counts.clamp(min=1)[:, None]
    shape = (roles, len(names), classes)
    return means.view(len(means), *shape, -1), (counts > 0).view(shape)
