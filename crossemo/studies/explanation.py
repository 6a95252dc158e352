"""Does similarity explain transfer? The distance of each emotion against its gain."""

from collections.abc import Iterator
from math import nan
from typing import Any, NamedTuple

import pandas as pd
import torch

from crossemo.metrics.multiple_tests import benjamini_hochberg
from crossemo.metrics.rank_correlation import RankCorrelation
from crossemo.report.study_rows import averaged, plain
from crossemo.studies.emotion_pairs import EmotionPairs
from crossemo.studies.findings import Findings
from crossemo.studies.gains import clip_gains, same_emotion

HEAD = ["encoder", "strategy", "source", "target", "study", "condition"]
ALL = "all"  # layers, the best of which is taken
ESTIMATOR = "fad_above_chance"
MIXTURE = "mixture"  # of hidden states
LEAST = 3  # emotions
TESTS = [
    *HEAD, "layer", "emotions", "rho", "low", "high", "p", "p_two_sided", "least_p",
    "q", "chance_low", "rho_pooled", "shared_units", "part", "folds", "units", "clips",
    "runs", "reason",
]  # fmt: skip
POINTS = [
    *HEAD, "layer", "emotion", "distance", "distance_low", "distance_high", "gain",
    "gain_low", "gain_high", "clips", "units",
]  # fmt: skip
_NO_RANKS = "All emotions gained alike, or are equally far, so that none comes first."


class Explanation(NamedTuple):
    """What distances say of gains.

    Args:
        tests: A row for every encoder, strategy, direction and layer, and one for the
            best of the layers.
        points: A row for every emotion of these, with its distance and its gain.
    """

    tests: pd.DataFrame
    points: pd.DataFrame


def explanation_of(findings: Findings, estimator: str = ESTIMATOR) -> Explanation:
    """Return what the distances of some runs say of the gains of all that compare.

    Args:
        findings: What many runs say together.
        estimator: Of the distances.
    """
    predictions, exclusions = findings.predictions, findings.exclusions
    scored = predictions[~predictions["run"].isin(exclusions["run"])]
    runs = averaged(findings.runs, exclusions)
    return explain(findings.distances, scored, runs, estimator)


def explain(
    distances: pd.DataFrame,
    predictions: pd.DataFrame,
    runs: pd.DataFrame,
    estimator: str = ESTIMATOR,
) -> Explanation:
    """Set the distance of each emotion before training against what transfer gained.

    Distances are those of the runs that gained, else of the same encoder's with another
    strategy.

    Args:
        distances: Rows of `fad.csv` with their `run`.
        predictions: Rows of `predictions.csv` with their `run`.
        runs: The runs; only those that are done count.
        estimator: Of the distances.
    """
    done = runs[(runs["state"] == "done") & (runs["kind"] == "stages")]
    tests: list[dict[str, Any]] = []
    points: list[dict[str, Any]] = []
    for names, members in done.groupby(HEAD, dropna=False, sort=False):
        head = dict(zip(HEAD, names, strict=True))
        gains = clip_gains(_of_runs(predictions, members))
        if gains.empty:  # no stage with transfer and without it on the same clips
            continue
        near = same_emotion(_of_runs(distances, members), estimator)
        if near.empty:
            members = pd.concat([members, others := _of_encoder(done, head)])
            near = same_emotion(_of_runs(distances, others), estimator)
            near = near[near["layer"] != MIXTURE]  # which the strategy decides
        pairs = EmotionPairs.of(gains, near)
        tags = head | {"runs": tuple(members["run"])}
        tests += [tags | row for row in verdicts(pairs)]
        points += [head | row for row in pairs.points()]
    return Explanation(_corrected(tests), pd.DataFrame(points, columns=POINTS))


def _of_runs(table: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    folds = runs[["run", "fold"]].fillna({"fold": 0})
    # Categories of two columns can't be compared, and groups of them are of all pairs.
    return plain(table.drop(columns="fold", errors="ignore")).merge(folds, on="run")


def _of_encoder(runs: pd.DataFrame, head: dict[str, Any]) -> pd.DataFrame:
    """Return all runs of the same encoder, as it was before training, and clips."""
    same = ["encoder", "source", "target", "study"]
    return runs[(runs[same] == [head[name] for name in same]).all(axis=1)]


def verdicts(pairs: EmotionPairs) -> Iterator[dict[str, Any]]:
    """Yield a row for every layer and one for the best of them."""
    facts = pairs.facts | {"reason": ""}
    if facts["emotions"] < LEAST:
        yield facts | {"layer": ALL, "reason": _why_not(facts["emotions"])}
        return
    every = pairs.correlation()
    low, high = pairs.interval(every.rho)
    pooled = pairs.pooled()
    for number, layer in enumerate(pairs.layers):
        ends = {"low": float(low[number]), "high": float(high[number])}
        of_points = {"layer": layer, "rho_pooled": float(pooled[number])}
        yield facts | of_points | ends | _verdict(every.values[:, number])
    known = every.values[:, ~every.rho.isnan()]
    if not known.shape[1]:
        yield facts | {"layer": ALL, "reason": _NO_RANKS}
    else:
        farthest = RankCorrelation(-known.abs().amax(1)).p  # of the best either way
        both = {"layer": ALL, "p_two_sided": float(farthest)}
        yield facts | _verdict(known.amin(1)) | both


def _verdict(values: torch.Tensor) -> dict[str, float]:
    one = RankCorrelation(values)
    return {
        "rho": float(one.rho),
        "p": float(one.p),
        "p_two_sided": float(one.p_two_sided),
        "least_p": float(one.least_p),
        "chance_low": float(one.chance_low()),
    }


def _why_not(emotions: int) -> str:
    if not emotions:
        return (
            "No distance of an emotion was measured before training: leave "
            "--fad.before on, and measure two speakers or more with two clips of each."
        )
    return f"{emotions} emotions have a distance and a gain, and it takes {LEAST}."


def _corrected(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return the table with q: p corrected for encoders, strategies and directions."""
    table = pd.DataFrame(rows, columns=TESTS)
    best = table["layer"] == ALL
    p = torch.tensor(table.loc[best, "p"].to_numpy(dtype=float))
    table["q"] = nan
    table.loc[best, "q"] = benjamini_hochberg(p).numpy()
    return table
