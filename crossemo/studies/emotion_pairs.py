"""The distance of each emotion beside its gain, over units that do not meet.

A speaker whose anger is odd in song lies far from speech there and is hard to
recognise, too. Where distance and gain are of the same speakers, such noise looks like
an answer. So the gain on the units of one fold is set against the distance over the
units of other folds, and never also the other way round, as the noise of two folds
would meet twice.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import pandas as pd
import torch
from torch import Tensor

from crossemo.metrics.jackknife import jackknife_interval
from crossemo.metrics.rank_correlation import RankCorrelation, rank_correlation
from crossemo.studies.gains import table_of

_LEAST = 3  # folds of a jackknife


@dataclass(frozen=True)
class EmotionPairs:
    """Gains and distances of one encoder, strategy and direction.

    Args:
        clips: Of `clip_gains`.
        near: Of `same_emotion`, of one part.
        emotions: Those that have a gain and a distance.
        layers: The hidden states.
        gains: `(folds, emotions)`.
        distances: `(layers, folds, emotions)`.
        against: `(folds, folds)` bool, which distances each fold's gain is set against.
        shared: Whether these are over the units of the gain.
    """

    clips: pd.DataFrame
    near: pd.DataFrame
    emotions: Sequence[str]
    layers: Sequence[str]
    gains: Tensor
    distances: Tensor
    against: Tensor
    shared: bool = False

    @classmethod
    def of(cls, clips: pd.DataFrame, near: pd.DataFrame) -> Self:
        """Return pairs of the part whose units are most apart from the gain's.

        Args:
            clips: Of `clip_gains`.
            near: Of `same_emotion`.
        """
        known = near.dropna(subset=["distance"])
        parts = dict(iter(known.groupby("part")))
        of_fold = clips.groupby("fold")["group"].agg(frozenset)
        folds, outside = list(of_fold.index), torch.eye(len(of_fold)).bool()
        designs = {"test": against(list(of_fold)), "train": outside, "val": outside}
        for part, design in designs.items():
            if part in parts and design.any():
                return cls._over(folds, clips, parts[part], design)
        # Only distances over the units of the gain are left: all folds are one.
        rest = parts.get("all", parts.get("test", known)).assign(fold=0)
        one = torch.ones(1, 1).bool()
        return cls._over([0], clips.assign(fold=0), rest, one, shared=True)

    @classmethod
    def _over(
        cls,
        folds: Sequence[Hashable],
        clips: pd.DataFrame,
        near: pd.DataFrame,
        design: Tensor,
        shared: bool = False,
    ) -> Self:
        gaining = set(clips["emotion"])
        emotions = [one for one in dict.fromkeys(near["emotion"]) if one in gaining]
        gains = table_of(clips, "gain", folds, emotions)
        by_layer = dict(iter(near.groupby("layer", sort=False)))
        tables = [table_of(t, "distance", folds, emotions) for t in by_layer.values()]
        distances = torch.stack(tables) if tables else gains[None][:0]
        layers = list(by_layer)
        return cls(clips, near, emotions, layers, gains, distances, design, shared)

    @property
    def facts(self) -> dict[str, Any]:
        """What the correlations are of."""
        return {
            "emotions": len(self.emotions),
            "shared_units": self.shared,
            "part": next(iter(self.near["part"]), ""),
            "folds": len(self.gains),
            "units": self.clips["group"].nunique(),
            "clips": len(self.clips),
        }

    def correlation(self) -> RankCorrelation:
        """Return that of every layer, within folds."""
        return rank_correlation(*self._pairs(torch.ones(len(self.gains)).bool()))

    def interval(self, rho: Tensor) -> tuple[Tensor, Tensor]:
        """Return the jackknife's intervals over folds, `(layers,)` each.

        Args:
            rho: `(layers,)` of all folds.
        """
        folds = len(self.gains)
        if folds < _LEAST:
            return (torch.full_like(rho, torch.nan),) * 2
        without = ~torch.eye(folds).bool()
        rhos = torch.stack([self._rho(*self._pairs(one)) for one in without])
        low, high = jackknife_interval(rho, rhos)
        return low.clamp(-1, 1), high.clamp(-1, 1)

    def pooled(self) -> Tensor:
        """Return Spearman's correlation of `points` in every layer, `(layers,)`."""
        of_emotions = self.clips.assign(fold=0)
        gains = table_of(of_emotions, "gain", [0], self.emotions)
        return self._rho(gains, self.distances.nanmean(1, keepdim=True))

    def points(self) -> Iterator[dict[str, Any]]:
        """Yield the distance and the gain of every emotion in every layer."""
        by_emotion = self.clips.groupby("emotion")
        gains = {one: _gain(by_emotion.get_group(one)) for one in self.emotions}
        for (layer, emotion), rows in self.near.groupby(
            ["layer", "emotion"], sort=False
        ):
            if emotion in gains:
                names = {"layer": layer, "emotion": emotion}
                yield names | _distance(rows) | gains[emotion]

    def _rho(self, gains: Tensor, distances: Tensor) -> Tensor:
        as_they_are = torch.arange(len(self.emotions))[None]
        return rank_correlation(gains, distances, as_they_are).rho

    def _pairs(self, folds: Tensor) -> tuple[Tensor, Tensor]:
        """Return gains and the distances they are set against, of some folds."""
        design = self.against & folds & folds[:, None]
        gaining = design.any(1)
        counted = torch.where(design[gaining], 1.0, torch.nan)[..., None]
        # (layers, gaining folds, folds, emotions)
        return self.gains[gaining], (self.distances[:, None] * counted).nanmean(2)


def against(units: Sequence[frozenset[str]]) -> Tensor:
    """Return which folds' distances the gain of each fold is set against.

    Folds stand in a circle, each set against the half of them that comes next, so that
    no two meet in both directions; and only against those that share no unit with it.

    Args:
        units: Those tested in each fold.

    Returns:
        `(folds, folds)` bool, rows are of gains and columns of distances.

    >>> against([frozenset(one) for one in "abc"]).int().tolist()
    [[0, 1, 0], [0, 0, 1], [1, 0, 0]]
    """
    count = len(units)
    design = torch.zeros(count, count, dtype=torch.bool)
    for one in range(count):
        for steps in range(1, count // 2 + 1):
            opposite = 2 * steps == count and 2 * one >= count  # set against this one
            other = (one + steps) % count
            design[one, other] = not opposite and not units[one] & units[other]
    return design


def _gain(clips: pd.DataFrame) -> dict[str, float]:
    """Return the gain of one emotion with its interval over units."""
    sums = torch.tensor(clips.groupby("group")["gain"].agg(["sum", "size"]).to_numpy())
    total = sums.sum(0)
    rest = total - sums
    value = total[0] / total[1]
    low, high = jackknife_interval(value, rest[:, 0] / rest[:, 1])
    facts = {"clips": len(clips), "units": len(sums)}
    return {
        "gain": float(value),
        "gain_low": float(low),
        "gain_high": float(high),
    } | facts


def _distance(rows: pd.DataFrame) -> dict[str, float]:
    """Return the mean distance of one emotion in one layer over folds.

    Its interval is over folds where these are of different units, else the mean of
    their intervals over units.
    """
    values = torch.tensor(rows["distance"].to_numpy())
    value = values.mean()
    low, high = (torch.tensor(rows[end].mean()) for end in ("low", "high"))
    if rows["part"].iloc[0] == "test" and len(values) >= _LEAST:
        replicates = (values.sum() - values) / (len(values) - 1)
        low, high = jackknife_interval(value, replicates)
    return {
        "distance": float(value),
        "distance_low": float(low),
        "distance_high": float(high),
    }
