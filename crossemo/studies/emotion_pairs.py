"""The distance of each emotion beside its gain, over units that do not meet.

A speaker whose anger is odd in song lies far from speech there and is hard to
recognise, too. Where distance and gain are of the same speakers, such noise looks like
an answer. So the folds are dealt to three sets, and the gain on each set is set against
the distance over the next one: were two sets paired both ways, their noise would meet
twice and give false alarms up to twice as often.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import pandas as pd
import torch
from torch import Tensor

from crossemo.metrics.intervals import MIN_GROUPS
from crossemo.metrics.jackknife import jackknife_interval
from crossemo.metrics.rank_correlation import RankCorrelation, rank_correlation

SETS = 3
_LEAST = 4  # folds of a jackknife


@dataclass(frozen=True)
class EmotionPairs:
    """Gains and distances of one encoder, strategy and direction.

    Args:
        clips: Of `clip_gains`.
        near: Of `same_emotion`, of one part.
        gaining: `(strata, folds)` bool, the folds whose clips say a stratum's gain.
        measured: `(strata, folds)` bool, those whose distances it is set against.
        shared: Whether these are over the units of the gain.
    """

    clips: pd.DataFrame
    near: pd.DataFrame
    gaining: Tensor
    measured: Tensor
    shared: bool

    @classmethod
    def of(cls, clips: pd.DataFrame, near: pd.DataFrame) -> Self:
        """Return pairs of the part whose units are most apart from the gain's.

        Args:
            clips: Of `clip_gains`.
            near: Of `same_emotion`.
        """
        known = near.dropna(subset=["distance"])
        parts = {str(part): rows for part, rows in known.groupby("part")}
        units = clips.groupby("fold")["group"].agg(frozenset)
        folds = len(units)
        met = sum(map(len, units)) > len(frozenset().union(*units))
        if "test" in parts and folds > 1 and not met:
            return cls(clips, parts["test"], *dealt(folds), shared=False)
        outside = torch.eye(folds).bool()
        for part in ("train", "val"):
            if part in parts:
                return cls(clips, parts[part], outside, outside, shared=False)
        every = torch.ones(1, folds).bool()
        rest = parts.get("all", parts.get("test", known)).assign(fold=units.index[0])
        return cls(clips, rest, every, every, shared=True)

    @cached_property
    def emotions(self) -> list[str]:
        """Those that have a gain and a distance."""
        gaining = set(self.clips["emotion"])
        return [one for one in dict.fromkeys(self.near["emotion"]) if one in gaining]

    @cached_property
    def layers(self) -> list[str]:
        """The hidden states."""
        return list(dict.fromkeys(self.near["layer"]))

    @property
    def facts(self) -> dict[str, Any]:
        """What the correlations are of."""
        return {
            "emotions": len(self.emotions),
            "shared_units": self.shared,
            "part": next(iter(self.near["part"]), ""),
            "folds": self.clips["fold"].nunique(),
            "units": self.clips["group"].nunique(),
            "clips": len(self.clips),
        }

    def correlation(self) -> RankCorrelation:
        """Return that of every layer, within strata."""
        return rank_correlation(*self._strata(self.gaining, self.measured))

    def interval(self, rho: Tensor) -> tuple[Tensor, Tensor]:
        """Return the jackknife's intervals over folds, `(layers,)` each.

        Args:
            rho: `(layers,)` of all folds.
        """
        folds = self.gaining.shape[1]
        if self.shared or folds < _LEAST:
            return (torch.full_like(rho, torch.nan),) * 2
        rests = ~torch.eye(folds).bool()
        rhos = [self._rho(self.gaining & one, self.measured & one) for one in rests]
        low, high = jackknife_interval(rho, torch.stack(rhos))
        return low.clamp(-1, 1), high.clamp(-1, 1)

    def pooled(self) -> Tensor:
        """Return Spearman's correlation of all `points` of every layer, `(layers,)`."""
        every = torch.ones(1, self.gaining.shape[1]).bool()
        return self._rho(every, every)

    def points(self) -> Iterator[dict[str, Any]]:
        """Yield the distance and the gain of every emotion in every layer."""
        by_emotion = self.clips.groupby("emotion")
        gains = {one: _gain(by_emotion.get_group(one)) for one in self.emotions}
        by_place = self.near.groupby(["layer", "emotion"], sort=False)
        for (layer, emotion), rows in by_place:
            if emotion in gains:
                names = {"layer": layer, "emotion": emotion}
                yield names | _distance(rows) | gains[emotion]

    def _rho(self, gaining: Tensor, measured: Tensor) -> Tensor:
        as_they_are = torch.arange(len(self.emotions))[None]
        return rank_correlation(*self._strata(gaining, measured), as_they_are).rho

    def _strata(self, gaining: Tensor, measured: Tensor) -> tuple[Tensor, Tensor]:
        """Return gains and distances of folds, `(..., strata, emotions)` each."""
        sums, counts = self._gains
        gains = gaining.double() @ sums / (gaining.double() @ counts)
        counted = torch.where(measured, 1.0, torch.nan)[..., None]
        distances = (self._distances[:, None] * counted).nanmean(2)
        known = ~(gains.isnan().all(1) | distances.isnan().all(2).all(0))
        return gains[known], distances[:, known]

    @cached_property
    def _gains(self) -> tuple[Tensor, Tensor]:
        """Sums of gains and numbers of clips, `(folds, emotions)` each."""
        by_cell = self.clips.groupby(["fold", "emotion"])["gain"]
        sums, counts = (
            _tensor(table.unstack().reindex(columns=self.emotions)).nan_to_num(0)
            for table in (by_cell.sum(), by_cell.size())
        )
        return sums, counts

    @cached_property
    def _distances(self) -> Tensor:
        """`(layers, folds, emotions)`."""
        table = self.near.pivot_table("distance", ["layer", "fold"], "emotion")
        folds = sorted(set(self.clips["fold"]))
        rows = pd.MultiIndex.from_product([self.layers, folds])
        cells = _tensor(table.reindex(index=rows, columns=self.emotions))
        return cells.view(len(self.layers), len(folds), -1)


def dealt(folds: int) -> tuple[Tensor, Tensor]:
    """Deal folds to three sets in a circle: gains of one, distances of the next.

    Args:
        folds: Number of folds, two or more; two make one stratum.

    Returns:
        `(strata, folds)` bool: whose clips say the gain of a stratum, and whose
        distances it is set against.

    >>> [one.int().tolist() for one in dealt(3)]
    [[[1, 0, 0], [0, 1, 0], [0, 0, 1]], [[0, 1, 0], [0, 0, 1], [1, 0, 0]]]
    """
    numbers = torch.arange(min(SETS, folds))
    members = torch.arange(folds) % len(numbers) == numbers[:, None]
    strata = 1 if folds == 2 else SETS
    return members[:strata], members.roll(-1, 0)[:strata]


def _tensor(table: pd.DataFrame) -> Tensor:
    return torch.tensor(table.to_numpy(dtype=float))


def _gain(clips: pd.DataFrame) -> dict[str, float]:
    """Return the gain of one emotion with its interval over three units or more."""
    of_unit = _tensor(clips.groupby("group")["gain"].agg(["sum", "size"]))
    whole = of_unit.sum(0)
    rest = whole - of_unit
    gain = whole[0] / whole[1]
    ends = jackknife_interval(gain, rest[:, 0] / rest[:, 1])
    low, high = torch.stack(ends).clamp(-1, 1)
    if len(of_unit) < MIN_GROUPS:
        low, high = torch.full((2,), torch.nan)
    values = {"gain": gain, "gain_low": low, "gain_high": high}
    facts = {"clips": len(clips), "units": len(of_unit)}
    return {name: float(value) for name, value in values.items()} | facts


def _distance(rows: pd.DataFrame) -> dict[str, float]:
    """Return the mean distance of one emotion in one layer over folds.

    Its interval is over folds where these are of different units, else the mean of
    their intervals over units.
    """
    values = torch.tensor(rows["distance"].to_numpy())
    low, high = (torch.tensor(rows[end].mean()) for end in ("low", "high"))
    if rows["part"].iloc[0] == "test" and len(values) >= _LEAST:
        rest = (values.sum() - values) / (len(values) - 1)
        low, high = jackknife_interval(values.mean(), rest)
    ends = {"distance_low": float(low), "distance_high": float(high)}
    return {"distance": float(values.mean())} | ends
