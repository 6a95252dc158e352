"""How often similarity seems to explain transfer where it doesn't, and where it does.

Run `python -m tests.benchmarks.simulate_explanation [--nulls 400] [--planted 200]`.

Studies are made up from the numbers that runs write: a distance of each emotion, fold
and hidden state, and what each clip was taken for after two stages. Six emotions;
speakers are odd in their distances and in their gains of an emotion, each by a
standard deviation of .2, and where `common` isn't 0, oddness of the one goes with
oddness of the other. Where nothing is planted, distances and gains of emotions spread
by `truth` without regard to each other, anew in each study. Planted are shared cues:
strengths 0, .2 to 1, dealt to the emotions at random, bring speech and music nearer by
`effect` and raise the gain by as much at full strength.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from crossemo.studies.explanation import ALL, explain
from tests.studies.made_up_transfer import Floats, Plan, frames

NOMINAL, EMOTIONS = 0.05, 6
PLANS = {
    "6 folds of 4": Plan(),
    "6 folds of 2": Plan(speakers=2),
    "4 folds of 6": Plan(folds=4, speakers=6),
    "24 folds of 1": Plan(folds=24, speakers=1),
    "6 folds of 4, train": Plan(part="train"),
    "6 folds of 4, all": Plan(part="all"),
}


def null(rng: np.random.Generator, layers: int, truth: float) -> tuple[Floats, Floats]:
    """Return distances `(layers, emotions)` and gains that have nothing in common."""
    common, own = rng.standard_normal(EMOTIONS), rng.standard_normal((layers, EMOTIONS))
    distances = 0.6 + truth * (0.7**0.5 * common + 0.3**0.5 * own)
    return distances, 0.1 + truth * rng.standard_normal(EMOTIONS)


def planted(
    rng: np.random.Generator, layers: int, effect: float
) -> tuple[Floats, Floats]:
    """Return those of shared cues, which half of the hidden states show."""
    strengths = rng.permutation(EMOTIONS) / (EMOTIONS - 1)
    shown = np.arange(layers)[:, None] % 2
    return 0.8 - effect * shown * strengths, effect * strengths


def outcomes(
    plan: Plan, truth: tuple[Floats, Floats], seed: int
) -> Iterator[tuple[str, float]]:
    """Yield what a study says of one hidden state and of the best of all."""
    tests = explain(*frames(plan, *truth, seed)).tests.set_index("layer")
    one, best = tests.loc[str(plan.layers - 1)], tests.loc[ALL]
    yield "one state, p ≤ .05", one["p"] <= NOMINAL
    yield "best state, p ≤ .05", best["p"] <= NOMINAL
    yield "two-sided", best["p_two_sided"] <= NOMINAL
    yield "rho", one["rho"]
    yield "low", one["low"]
    yield "high", one["high"]


def summary(rows: Iterator[tuple[str, float]]) -> str:
    """Return shares in per cent, ± one standard error, and the mean correlation."""
    values: dict[str, list[float]] = defaultdict(list)
    for name, value in rows:
        values[name].append(float(value))
    arrays = {name: np.array(of) for name, of in values.items()}
    rho, low, high = (arrays.pop(name) for name in ("rho", "low", "high"))
    arrays["covers"] = (low <= rho.mean()) & (rho.mean() <= high)
    shares = [
        f"{100 * of.mean():.1f} ± {100 * of.std() / len(of) ** 0.5:.1f}"
        for of in arrays.values()
    ]
    return " | ".join([*shares, f"{rho.mean():.2f}"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nulls", type=int, default=400)
    parser.add_argument("--planted", type=int, default=200)
    arguments = parser.parse_args()
    print("plan | truth or effect | common | one | best | two-sided | covers | rho")
    for name, plan in PLANS.items():
        for common, truth in ((0, 0.1), (0.5, 0.1), (-0.5, 0.1), (0.5, 0), (-0.5, 0)):
            one = replace(plan, common=common)
            rows = (
                row
                for seed in range(arguments.nulls)
                for row in outcomes(
                    one, null(np.random.default_rng(seed), one.layers, truth), seed
                )
            )
            print(f"{name} | {truth} | {common} | {summary(rows)}", flush=True)


if __name__ == "__main__":
    main()
