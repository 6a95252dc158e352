"""Made-up runs in which transfer gains as much as is planted, and distances too."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust")
RECALL = 0.5  # mean of both stages


@dataclass(frozen=True)
class Plan:
    """Who is tested, and how much speakers differ.

    Args:
        folds: Folds, each of which tests its own speakers.
        speakers: Speakers of a fold.
        takes: Clips of each emotion by each speaker.
        seeds: Runs of each fold.
        layers: Hidden states.
        distance_noise: Standard deviation of a speaker's distances of an emotion.
        gain_noise: That of a speaker's gains.
        common: Correlation of the two for the same speaker and emotion.
        part: Of whose clips distances are: `test`, `train` or `all`.
    """

    folds: int = 6
    speakers: int = 4
    takes: int = 4
    seeds: int = 2
    layers: int = 4
    distance_noise: float = 0.2
    gain_noise: float = 0.2
    common: float = 0.0
    part: str = "test"


Frames = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]


def frames(plan: Plan, distances: Floats, gains: Floats, seed: int = 0) -> Frames:
    """Return the frames `distances`, `predictions` and `runs` of one condition.

    Args:
        plan: Who is tested.
        distances: `(layers, emotions)` or `(emotions,)` before training.
        gains: `(emotions,)` differences of recalls.
        seed: Of speakers and clips.
    """
    rng = np.random.default_rng(seed)
    shape = (plan.folds, plan.speakers, len(gains))
    noise = rng.standard_normal((2, *shape))
    of_layers = rng.standard_normal((plan.layers, *shape))
    odd = plan.distance_noise * (0.7**0.5 * noise[0] + 0.3**0.5 * of_layers)
    mixed = plan.common * noise[0] + (1 - plan.common**2) ** 0.5 * noise[1]
    truth = np.broadcast_to(distances, (plan.layers, len(gains)))
    near = truth[:, None] + odd.mean(2)  # (layers, folds, emotions)
    if plan.part == "train":
        near = (near.sum(1, keepdims=True) - near) / (plan.folds - 1)
    if plan.part == "all":
        near = near.mean(1, keepdims=True).repeat(plan.folds, 1)
    gaining = gains + plan.gain_noise * mixed  # (folds, speakers, emotions)
    return _distances(plan, near), _predictions(plan, gaining, rng), _runs(plan)


def _names(plan: Plan) -> list[tuple[str, int, int]]:
    folds, seeds = range(plan.folds), range(plan.seeds)
    return [(f"fold{f}_seed{s}", f, s) for f in folds for s in seeds]


def _runs(plan: Plan) -> pd.DataFrame:
    runs = pd.DataFrame(_names(plan), columns=["run", "fold", "seed"])
    same = {"encoder": "tiny", "strategy": "full", "source": "demo-speech"}
    more = {"target": "demo-song", "study": "one", "condition": "first"}
    return runs.assign(**same, **more, state="done", kind="stages")


def _distances(plan: Plan, near: Floats) -> pd.DataFrame:
    tables = []
    for run, fold, _ in _names(plan):
        grid = near[:, fold]
        layers, emotions = np.indices(grid.shape).reshape(2, -1)
        names = np.array(EMOTIONS)[emotions]
        columns = {"layer": layers.astype(str), "x_emotion": names, "y_emotion": names}
        values = {"by_trace": grid.ravel(), "value": 3 * grid.ravel()}
        ends = {"by_trace_low": grid.ravel() - 0.1, "by_trace_high": grid.ravel() + 0.1}
        tables.append(pd.DataFrame({"run": run, **columns, **values, **ends}))
    same = {"stage": "before", "part": plan.part, "unit": "clip"}
    sides = {"x_domain": "source", "y_domain": "target"}
    return pd.concat(tables).assign(**same, **sides, estimator="fad_above_chance")


def _predictions(plan: Plan, gains: Floats, rng: np.random.Generator) -> pd.DataFrame:
    shape = (plan.speakers, gains.shape[-1], plan.takes)
    speakers, emotions, takes = np.indices(shape).reshape(3, -1)
    tables = []
    for run, fold, _ in _names(plan):
        for stage, half in (("target_only", -0.5), ("target", 0.5)):
            recalls = RECALL + half * gains[fold][speakers, emotions]
            right = rng.random(recalls.size) < recalls
            true = np.array(EMOTIONS)[emotions]
            groups = [f"demo/{fold}-{one}" for one in speakers]
            keys = zip(groups, true, takes, strict=True)
            clips = ["-".join(map(str, key)) for key in keys]
            columns = {"run": run, "stage": stage, "clip": clips, "group": groups}
            said = np.where(right, true, "none")
            table = pd.DataFrame(columns | {"true": true, "predicted": said})
            tables.append(table)
    return pd.concat(tables).assign(place="target", corpus="demo-song")
