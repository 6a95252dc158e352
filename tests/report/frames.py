"""Made-up frames of a study, in the form that `studies.findings` gives them."""

from collections.abc import Iterable, Sequence
from itertools import product
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
from pandas import DataFrame
from pandas.api.types import is_numeric_dtype

EMOTIONS = ("angry", "calm", "happy", "sad")
ENCODERS = ("wav2vec2-base", "hubert-base")
STRATEGIES = ("full", "baseline", "weighted sum", "PEFT")
TUNING = dict(zip(STRATEGIES, ("full", "frozen", "frozen", "lora"), strict=True))
DOMAINS = {"voices": "speech", "songs": "music"}
FOLDS, SEEDS = (0, 1, 2), (1, 2)
LAYERS = ("0", "1", "2", "mixture")
SCORES = ("UA", "WA", "macro_F1", *(f"recall/{one}" for one in EMOTIONS))
Row = dict[str, Any]
STUDY = "5f0e1d2c3b4a"
# What a corpus or a clip may be called by those who want to be read as markup.
HOSTILE = "<script>alert('x')</script> & \"quoted\" $x_1$ 50%"


def made_up_frames(
    hostile: str = "",
    sources: Sequence[str] = ("voices", "songs"),
    encoders: Sequence[str] = ENCODERS,
    strategies: Sequence[str] = STRATEGIES,
    logs: Path = Path("logs"),
) -> dict[str, DataFrame]:
    """Return the frames of some encoders and strategies.

    Args:
        hostile: Text that stands in names of runs, corpora and clips and in sentences.
        sources: Of the directions, each with the other corpus as its target.
        encoders: Names of the encoders.
        strategies: Names of the strategies.
        logs: Where the folders of the runs lie.
    """
    rng = np.random.default_rng(0)
    heads = list(_heads(hostile, product(sources, encoders, strategies)))
    frames = {
        "runs": [row for head in heads for row in _runs(head, hostile, logs)],
        "folds": [row for head in heads for row in _folds(head, rng)],
        "tests": [row for head in heads for row in _tests(head, rng)],
        "certainty": [row for head in heads for row in _certainty(head, rng)],
        "exclusions": [
            {"run": f"gone{hostile}", "reason": f"missing{hostile}"},
            {"run": "cut", "reason": "unfinished: fold 2 is not done"},
            {"run": "broken", "reason": f"failed: out of memory {hostile}"},
            {"run": "other", "reason": "incomparable: data.split.folds is 4, not 3"},
        ],
        "distances": [row for head in heads for row in _distances(head, rng)],
        "bias": [row for head in heads for row in _bias(head, rng)],
        "layers": [row for one in encoders for row in _layers(one, rng, hostile)],
        "weights": [row for head in heads for row in _weights(head, rng)],
        "explanation_tests": [row for head in heads for row in _explained(head)],
        "explanation_points": [row for head in heads for row in _points(head, rng)],
        "predictions": [
            {"run": heads[0]["runs"][0], "stage": "target", "place": "target"}
            | {"corpus": "songs", "clip": f"songs/{hostile}1", "group": "songs/1"}
            | {"true": "sad", "predicted": "calm"}
        ],
    }
    frames["runs"] += [_layer_run(one, hostile, logs) for one in encoders]
    frames["runs"] += [_failed(hostile)]
    tables = {name: DataFrame(rows) for name, rows in frames.items()}
    for name in ("distances", "bias", "layers"):  # as they are read
        texts = tables[name].columns[~tables[name].dtypes.map(is_numeric_dtype)]
        tables[name]["layer"] = tables[name]["layer"].astype(str)
        tables[name] = tables[name].astype(dict.fromkeys({*texts, "layer"}, "category"))
    return tables


def made_up_confusions(frames: dict[str, DataFrame]) -> dict[Any, DataFrame]:
    """Return pooled confusion matrices by condition, stage and place."""
    rng = np.random.default_rng(1)
    keys = frames["folds"][["condition", "stage", "place"]].drop_duplicates()
    return {
        key: DataFrame(
            rng.integers(0, 9, (4, 4)) + 30 * np.eye(4, dtype=int), EMOTIONS, EMOTIONS
        )
        for key in keys.itertuples(index=False, name=None)
    }


def _heads(hostile: str, ways: Iterable[tuple[str, str, str]]) -> Any:
    for number, (source, encoder, strategy) in enumerate(ways):
        target = "songs" if source == "voices" else "voices"
        short = strategy.split()[0]
        yield {
            "study": STUDY,
            "condition": f"c{number:011x}",
            "encoder": encoder,
            "strategy": strategy,
            "source": source + hostile,
            "target": target + hostile,
            "task": "six",
            "runs": tuple(
                f"{source}_{encoder}_{short}_fold{fold}_seed{seed}{hostile}"
                for fold, seed in product(FOLDS, SEEDS)
            ),
        }


def _runs(head: Row, hostile: str, logs: Path) -> Any:
    for run, (fold, seed) in zip(head["runs"], product(FOLDS, SEEDS), strict=True):
        name = f"{head['condition']}{fold}{seed}{hostile.replace('/', '')}"
        folder = str(logs / "runs" / name / "version_0")
        of = {name: value for name, value in head.items() if name != "runs"}
        source = next(one for one in DOMAINS if head["source"].startswith(one))
        target = next(one for one in DOMAINS if head["target"].startswith(one))
        yield {
            "run": run,
            "folder": folder,
            "state": "done",
            "sentence": "",
            "kind": "stages",
            "tuning": TUNING[head["strategy"]],
            "layers": "last" if head["strategy"] == "baseline" else "weighted",
            "source_domain": DOMAINS[source],
            "target_domain": DOMAINS[target],
            "split": "groups",
            "fold": fold,
            "folds": len(FOLDS),
            "seed": seed,
            "seconds": 12.5 + fold,
            **of,
        }


def _layer_run(encoder: str, hostile: str, logs: Path = Path()) -> Row:
    return {
        "run": f"layers_{encoder}",
        "folder": str(logs / "runs" / f"layers_{encoder}" / "version_0"),
        "state": "done",
        "kind": "layers",
        "encoder": encoder,
        "source": f"voices{hostile}",
        "target": f"songs{hostile}",
        "task": "six",
        "study": STUDY,
        "condition": f"layers_{encoder}",
        "seconds": 31.0,
    }


def _failed(hostile: str) -> Row:
    sentence = f"The clip {hostile}.wav can't be read."
    return {"run": "broken", "state": "failed", "sentence": sentence, "seconds": nan}


def _interval(value: float, width: float) -> Row:
    return {"value": value, "low": value - width, "high": value + width}


def _folds(head: Row, rng: np.random.Generator) -> Any:
    stages: tuple[str, ...] = ("target_only", "source", "target")
    if head["strategy"] == "PEFT":  # of another plan, with a condition of its own
        stages = (*stages, "joint")
    level = 0.35 + 0.1 * STRATEGIES.index(head["strategy"]) / 3
    for stage, place, score in product(stages, ("source", "target"), SCORES):
        value = level + 0.06 * stages.index(stage) + rng.normal(0, 0.02)
        joint = {"condition": f"joint{head['condition']}"} if stage == "joint" else {}
        counts = {"clips": 96, "units": 12, "folds": 3, "seeds": 2, "leak": ""}
        yield {
            **head,
            **joint,
            "stage": stage,
            "place": place,
            "score": score,
            **_interval(value, 0.05),
            "fold_mean": value + 0.002,
            "fold_sd": 0.03,
            **counts,
        }


def _tests(head: Row, rng: np.random.Generator) -> Any:
    pairs = (
        ("gain", "target", "target_only", "target"),
        ("kept", "target", "source", "source"),
    )
    for (what, stage, than, place), score in product(pairs, SCORES):
        value = (0.06 if what == "gain" else -0.05) + rng.normal(0, 0.04)
        p = float(np.exp(-60 * abs(value)))
        of = {
            "what": what,
            "stage": stage,
            "than": than,
            "place": place,
            "score": score,
        }
        ends = {"difference": value, "low": value - 0.07, "high": value + 0.07}
        counts = {"folds": 3, "units": 12, "clips": 96, "seeds": 2, "leak": ""}
        yield {**head, **of, **ends, "p": p, "q": min(1.0, 2 * p), **counts}


def _certainty(head: Row, rng: np.random.Generator) -> Any:
    stages = ("target_only", "source", "target")
    kinds = (("as said", 0.3), ("calibrated", 0.05))
    for stage, place, (kind, gap) in product(stages, ("source", "target"), kinds):
        for confidence in (0.45, 0.65, 0.9):
            accuracy = confidence - gap * rng.uniform(0.5, 1)
            ends = {"low": max(0, accuracy - 0.2), "high": min(1, accuracy + 0.2)}
            of = {"stage": stage, "place": place, "probabilities": kind}
            counts = {"clips": int(rng.integers(1, 60)), "confidence": confidence}
            yield {**head, **of, **counts, "accuracy": accuracy, **ends, "leak": ""}


def _distances(head: Row, rng: np.random.Generator) -> Any:
    for run, stage, layer in product(head["runs"][:2], ("before", "target"), LAYERS):
        if stage == "before" and layer == "mixture":
            continue
        for x, y in product(EMOTIONS, EMOTIONS):
            value = (0.1 if x == y else 0.4) + rng.normal(0, 0.02)
            value *= 0.6 if stage == "target" else 1
            for estimator in ("fad", "fad_above_chance"):
                yield {
                    **_of(head, run),
                    "stage": stage,
                    "part": "test",
                    "unit": "clip",
                    "layer": layer,
                    "x_domain": "source",
                    "x_emotion": x,
                    "y_domain": "target",
                    "y_emotion": y,
                    "x_n": 8,
                    "y_n": 8,
                    "estimator": estimator,
                    **_interval(2 * value, 0.1),
                    "by_trace": value,
                    "by_trace_low": value - 0.05,
                    "by_trace_high": value + 0.05,
                    "p": 0.01 if x != y else 0.4,
                    "mean_trace": 2.0,
                }


def _bias(head: Row, rng: np.random.Generator) -> Any:
    measures = [("same_emotion_distance", ""), ("same_emotion_gap", "")]
    measures += [("nearest_emotion", ""), *(("deviation", one) for one in EMOTIONS)]
    for run, stage, layer in product(head["runs"][:2], ("before", "target"), LAYERS):
        if stage == "before" and layer == "mixture":
            continue
        for measure, emotion in measures:
            value = 0.1 + 0.02 * LAYERS.index(layer) + rng.normal(0, 0.01)
            of = {"stage": stage, "part": "test", "unit": "clip", "layer": layer}
            of |= {"estimator": "fad_above_chance", "measure": measure}
            ends = _interval(value - 0.1 * bool(emotion), 0.03)
            yield {**_of(head, run), **of, "emotion": emotion, **ends, "p": 0.02} | {
                "chance": 0.25 if measure == "nearest_emotion" else 0.0
            }


def _weights(head: Row, rng: np.random.Generator) -> Any:
    if head["strategy"] == "baseline":
        return
    for run, stage in product(head["runs"][:2], ("target_only", "source", "target")):
        shares = rng.dirichlet(np.full(3, 20.0))
        for layer, weight in enumerate(shares):
            yield {**_of(head, run), "stage": stage, "layer": layer, "weight": weight}


def _explained(head: Row) -> Any:
    of = {"emotions": 4, "folds": 3, "units": 12, "clips": 96, "part": "test"}
    of |= {"shared_units": False, "reason": "", "least_p": 1 / 24, "chance_low": -0.9}
    names = {name: value for name, value in head.items() if name != "task"}
    rhos = {"0": -0.4, "1": -0.8, "2": 0.2, "all": -0.8}
    for layer, rho in rhos.items():
        ends = {"low": rho - 0.1, "high": rho + 0.1} if layer != "all" else {}
        tests = {"rho": rho, "p": 0.125, "p_two_sided": 0.25, "rho_pooled": rho}
        q = {"q": 0.25} if layer == "all" else {"q": nan}
        yield (
            {"low": nan, "high": nan} | names | of | {"layer": layer} | tests | ends | q
        )


def _points(head: Row, rng: np.random.Generator) -> Any:
    names = {k: v for k, v in head.items() if k not in ("task", "runs")}
    for layer, emotion in product(("0", "1", "2"), EMOTIONS):
        distance, gain = rng.normal(0.2, 0.05), rng.normal(0, 0.1)
        ends = {"distance_low": distance - 0.1, "distance_high": distance + 0.1}
        ends |= {"gain_low": gain - 0.1, "gain_high": gain + 0.1}
        of = {"layer": layer, "emotion": emotion, "distance": distance, "gain": gain}
        yield names | of | ends | {"clips": 24, "units": 12}


def _of(head: Row, run: str) -> Row:
    return {
        "run": run,
        **{name: value for name, value in head.items() if name != "runs"},
    }


def _layers(encoder: str, rng: np.random.Generator, hostile: str) -> Any:
    run = _layer_run(encoder, hostile)
    head = {name: run[name] for name in ("run", "study", "condition", "encoder")}
    head |= {"source": run["source"], "target": run["target"], "task": "six"}
    head |= {"strategy": ""}
    roles = ("source", "target")
    views: list[tuple[str, str, Any]] = [(str(n), "encoder", n) for n in range(3)]
    views += [("best", "encoder", ""), ("level", "acoustic", "")]
    for trained, judged, labels in product(roles, roles, ("true", "shuffled")):
        for score, (view, kind, layer) in product(SCORES, views):
            value = 0.3 + 0.05 * (layer or 0) + 0.1 * (trained == judged)
            value += rng.normal(0, 0.01)
            of = {"trained_on": trained, "judged_on": judged}
            of |= {"scaler": "trained" if trained == judged else "judged"}
            of |= {"labels": labels, "score": score, "view": view, "kind": kind}
            facts = {"chance": 0.25, "chance_high": 0.3, "layer": layer}
            yield {**head, **of, **facts, **_interval(value, 0.04), "folds": 3} | {
                "groups": 12,
                "clips": 96,
            }
