"""Made-up studies in which transfer gains, and distances are, as is planted."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Frames = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]
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


class Speakers:
    """Speakers with their oddities.

    Args:
        plan: Who is tested.
        distances: `(layers, emotions)` or `(emotions,)` before training.
        gains: `(emotions,)` differences of recalls.
        seed: Of speakers and clips.
    """

    def __init__(
        self, plan: Plan, distances: Floats, gains: Floats, seed: int = 0
    ) -> None:
        self.plan, self.rng = plan, np.random.default_rng(seed)
        shape = (plan.folds, plan.speakers, len(gains))
        noise = self.rng.standard_normal((2, *shape))
        of_layers = self.rng.standard_normal((plan.layers, *shape))
        odd = plan.distance_noise * (0.7**0.5 * noise[0] + 0.3**0.5 * of_layers)
        mixed = plan.common * noise[0] + (1 - plan.common**2) ** 0.5 * noise[1]
        truth = np.broadcast_to(distances, (plan.layers, len(gains)))
        near = truth[:, None] + odd.mean(2)
        if plan.part == "train":
            near = (near.sum(1, keepdims=True) - near) / (plan.folds - 1)
        if plan.part == "all":
            near = near.mean(1, keepdims=True).repeat(plan.folds, 1)
        self.distances = near  # (layers, folds, emotions)
        self.gains = gains + plan.gain_noise * mixed  # (folds, speakers, emotions)

    def right(self, half: float) -> NDArray[np.bool_]:
        """Return which clips a stage has right.

        Args:
            half: Of the gain that the stage has, 0.5 or -0.5.

        Returns:
            `(seeds, folds, speakers, emotions, takes)`.
        """
        recalls = (RECALL + half * self.gains)[..., None]
        shape = (self.plan.seeds, *self.gains.shape, self.plan.takes)
        right: NDArray[np.bool_] = self.rng.random(shape) < recalls
        return right

    def clip_gains(self) -> pd.DataFrame:
        """Return what `clip_gains` makes of the predictions."""
        gained = (1.0 * self.right(0.5) - self.right(-0.5)).mean(0)
        fold, speaker, emotion, take = np.indices(gained.shape).reshape(4, -1)
        columns = {"fold": fold, "group": fold * 100 + speaker, "clip": take}
        named = columns | {"emotion": np.array(EMOTIONS)[emotion]}
        return pd.DataFrame(named | {"gain": gained.ravel()})

    def same_emotion(self) -> pd.DataFrame:
        """Return what `same_emotion` makes of the distances."""
        layer, fold, emotion = np.indices(self.distances.shape).reshape(3, -1)
        columns = {"fold": fold, "part": self.plan.part, "layer": layer.astype(str)}
        values = self.distances.ravel()
        ends = {"distance": values, "low": values - 0.1, "high": values + 0.1}
        return pd.DataFrame(columns | {"emotion": np.array(EMOTIONS)[emotion]} | ends)


def frames(plan: Plan, distances: Floats, gains: Floats, seed: int = 0) -> Frames:
    """Return the frames `distances`, `predictions` and `runs` of one condition.

    Args:
        plan: Who is tested.
        distances: As in `Speakers`.
        gains: As in `Speakers`.
        seed: As in `Speakers`.
    """
    made_up = Speakers(plan, distances, gains, seed)
    folds, seeds = np.indices((plan.folds, plan.seeds)).reshape(2, -1)
    names = [f"fold{fold}_seed{one}" for fold, one in zip(folds, seeds, strict=True)]
    runs = pd.DataFrame({"run": names, "fold": folds, "seed": seeds}).assign(
        encoder="tiny", strategy="full", source="demo-speech", target="demo-song"
    )
    named = runs.assign(study="one", condition="first", state="done", kind="stages")
    return _distances(made_up, named), _predictions(made_up, named), named


def _distances(made_up: Speakers, runs: pd.DataFrame) -> pd.DataFrame:
    rows = made_up.same_emotion().merge(runs[["run", "fold"]], on="fold")
    scaled = {"distance": "by_trace", "low": "by_trace_low", "high": "by_trace_high"}
    table = rows.rename(columns={"emotion": "x_emotion", **scaled})
    return table.drop(columns="fold").assign(
        y_emotion=table["x_emotion"],
        value=3 * table["by_trace"],
        stage="before",
        unit="clip",
        x_domain="source",
        y_domain="target",
        estimator="fad_above_chance",
    )


def _predictions(made_up: Speakers, runs: pd.DataFrame) -> pd.DataFrame:
    tables = []
    for stage, half in (("target_only", -0.5), ("target", 0.5)):
        right = made_up.right(half)
        seed, fold, speaker, emotion, take = np.indices(right.shape).reshape(5, -1)
        keys = pd.DataFrame({"fold": fold, "seed": seed, "stage": stage})
        keys["true"] = np.array(EMOTIONS)[emotion]
        keys["group"] = [
            f"demo/{one}-{s}" for one, s in zip(fold, speaker, strict=True)
        ]
        keys["clip"] = keys["group"] + keys["true"] + take.astype(str)
        keys["predicted"] = np.where(right.ravel(), keys["true"], "none")
        tables.append(keys.merge(runs[["run", "fold", "seed"]], on=["fold", "seed"]))
    table = pd.concat(tables).drop(columns=["fold", "seed"])
    return table.assign(place="target", corpus="demo-song")
