"""How often similarity seems to explain transfer where it doesn't, and where it does.

Run `python -m tests.benchmarks.simulate_explanation [--nulls 400] [--planted 200]`.

Studies are made up from what runs say of six emotions: a distance by fold and hidden
state, and by how much each clip gained, of recalls about one half and two seeds.
Speakers are odd in their distances and in their gains of an emotion, by a standard
deviation of .2 each; `common` is the correlation of the two. Where nothing is planted,
distances and gains of emotions spread by `truth` without regard to each other, anew in
each study. Planted are shared cues of strengths 0, .2 to 1, dealt to the emotions at
random: at full strength they bring speech and music nearer by `effect`, in every second
of four hidden states, and raise the gain by as much.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import product

import numpy as np
import torch

from crossemo.studies.emotion_pairs import EmotionPairs
from crossemo.studies.explanation import ALL, verdicts
from tests.studies.made_up_transfer import Floats, Plan, Speakers

NOMINAL, EMOTIONS = 0.05, 6
PLANS = {
    "6 folds of 4": Plan(),
    "6 folds of 2": Plan(speakers=2),
    "24 folds of 1": Plan(folds=24, speakers=1),
    "6 folds of 4, train": Plan(part="train"),
    "6 folds of 4, all": Plan(part="all"),
}
NULLS = ((0.1, 0.0), (0.1, 0.5), (0.1, -0.5), (0.0, 0.5), (0.0, -0.5))
EFFECTS = ((0.4, 0.0), (0.4, -0.5), (0.6, 0.0))
Truth = tuple[Floats, Floats]  # distances (layers, emotions) and gains (emotions,)


def null(layers: int, truth: float, rng: np.random.Generator) -> Truth:
    """Return distances and gains that have nothing to do with each other."""
    common, own = rng.standard_normal(EMOTIONS), rng.standard_normal((layers, EMOTIONS))
    distances = 0.6 + truth * (0.7**0.5 * common + 0.3**0.5 * own)
    return distances, 0.1 + truth * rng.standard_normal(EMOTIONS)


def planted(layers: int, effect: float, rng: np.random.Generator) -> Truth:
    """Return those of shared cues, which every second hidden state shows."""
    strengths = rng.permutation(EMOTIONS) / (EMOTIONS - 1)
    shown = np.arange(layers)[:, None] % 2
    return 0.8 - effect * shown * strengths, effect * (strengths - 0.5)


def outcomes(plan: Plan, truth: Truth, seed: int) -> dict[str, float]:
    """Return what a study says of one hidden state and of the best of all."""
    made_up = Speakers(plan, *truth, seed)
    pairs = EmotionPairs.of(made_up.clip_gains(), made_up.same_emotion())
    rows = {row["layer"]: row for row in verdicts(pairs)}
    one, best = rows[str(plan.layers - 1)], rows[ALL]
    return {
        "one": one["p"] <= NOMINAL,
        "best": best["p"] <= NOMINAL,
        "two-sided": best["p_two_sided"] <= NOMINAL,
        **{name: one[name] for name in ("rho", "low", "high")},
    }


def summary(
    plan: Plan, truths: Callable[[np.random.Generator], Truth], studies: int
) -> str:
    """Return shares of p ≤ .05 in per cent ± one standard error, mean and coverage."""
    rows = [
        outcomes(plan, truths(np.random.default_rng((1, seed))), seed)
        for seed in range(studies)
    ]
    columns = {name: np.array([row[name] for row in rows], float) for name in rows[0]}
    mean = columns["rho"].mean()
    columns["covers"] = (columns["low"] <= mean) & (mean <= columns["high"])
    shares = [
        f"{100 * one.mean():.1f} ± {100 * one.std() / studies**0.5:.1f}"
        for one in (columns[n] for n in ("one", "best", "two-sided", "covers"))
    ]
    return " | ".join([*shares, f"{mean:.2f}"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nulls", type=int, default=400)
    parser.add_argument("--planted", type=int, default=200)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cases = [
        *(("truth", null, *one, arguments.nulls) for one in NULLS),
        *(("effect", planted, *one, arguments.planted) for one in EFFECTS),
    ]
    print("plan | | common | one state | best | two-sided | covers | mean rho")
    for (name, plan), (what, truths, size, common, studies) in product(
        PLANS.items(), cases
    ):
        draw = partial(truths, plan.layers, size)
        line = summary(replace(plan, common=common), draw, studies)
        print(f"{name} | {what} {size} | {common} | {line}", flush=True)


if __name__ == "__main__":
    main()
