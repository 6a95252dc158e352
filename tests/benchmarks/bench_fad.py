"""Time, error and memory of Fréchet distances, beside those of published routes.

Run `python -m tests.benchmarks.bench_fad [--pairs N] [--all] [--threads T]`. The job is
that of a whole encoder: 13 layers of 6 x 6 pairs of 150 clips, 768 features wide, with
variances k^-1.5 and layers of unlike scale, all float64. Published routes are timed on
some pairs, by turns with the whole job by crossemo, so that noise hits both. They get
their means and covariances for nothing, while crossemo starts from the clips.
"""

import argparse
import os
import random
import time
from collections.abc import Callable, Iterator
from itertools import product
from statistics import median
from typing import Any, TypeVar

import mpmath
import numpy as np
import scipy.linalg
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from torch import Tensor

from crossemo.distances.cells import Cell
from crossemo.distances.frechet import factor, frechet_term_pairs, frechet_terms
from crossemo.distances.moments import Moments
from crossemo.similarity import Domain, Settings, compare_clips
from tests.distances.normals import normal, ssl_like

LAYERS, EMOTIONS, CLIPS, WIDTH = 13, 6, 150, 768
ACTORS = [f"{actor:02}" for actor in range(24)]
PAIRS = list(product(range(LAYERS), range(EMOTIONS), range(EMOTIONS, 2 * EMOTIONS)))

Array = NDArray[np.float64]
Long = NDArray[np.longdouble]


T = TypeVar("T")


def timed(work: Callable[..., T], *given: Any) -> tuple[float, T]:
    start = time.perf_counter()
    found = work(*given)
    return time.perf_counter() - start, found


def clips_of(layer: int) -> list[Tensor]:
    """Return the clips of both domains' emotions, alike but for a shift of each."""
    scale = 10 ** (layer / 6 - 1)  # 0.1 to 10
    return [
        scale * (ssl_like(CLIPS, WIDTH, 100 * layer + cell) + 0.1 * normal(1, WIDTH, 9))
        for cell in range(2 * EMOTIONS)
    ]


def distances(xs: list[Tensor], ys: list[Tensor]) -> Tensor:
    pairs = list(product(map(factor, xs), map(factor, ys)))
    mean, covariance = frechet_term_pairs(pairs)
    return (mean + covariance).view(len(xs), len(ys))


def whole_job(layers: list[list[Tensor]]) -> Tensor:
    halves = [(layer[:EMOTIONS], layer[EMOTIONS:]) for layer in layers]
    return torch.stack([distances(*both) for both in halves])


def moments_of(x: Tensor) -> tuple[Array, Array]:
    return np.mean(x.numpy(), axis=0), np.cov(x.numpy(), rowvar=False)


def distance(x: tuple[Array, Array], y: tuple[Array, Array], root: float) -> float:
    gap = x[0] - y[0]
    return float(gap @ gap + np.trace(x[1]) + np.trace(y[1]) - 2 * root)


def square_root_trace(a: Array, b: Array) -> float:
    return float(np.trace(scipy.linalg.sqrtm(a @ b)).real)


def eigen_trace(a: Array, b: Array) -> float:
    values, vectors = scipy.linalg.eig(a @ b)
    root = (vectors * np.sqrt(values)) @ scipy.linalg.inv(vectors)
    return float(np.trace(root).real)


def long_distance(x: Tensor, y: Tensor) -> tuple[float, float]:
    """Return the distance and the trace, in long double throughout."""
    a, b = (one.numpy().astype(np.longdouble) for one in (x, y))
    gap = a.mean(0) - b.mean(0)
    a, b = ((c - c.mean(0)) / np.sqrt(np.longdouble(len(c) - 1)) for c in (a, b))
    trace = (a * a).sum() + (b * b).sum()
    return float(gap @ gap + trace - 2 * jacobi_norm(a @ b.T)), float(trace)


def exact_distance(x: Tensor, y: Tensor) -> tuple[float, float]:
    """Return the distance and the trace from eigenvalues in a hundred digits."""
    with mpmath.workdps(100):
        a, b = (np.vectorize(mpmath.mpf, otypes=[object])(one) for one in (x, y))
        gap = a.mean(0) - b.mean(0)
        a, b = (c - c.mean(0) for c in (a, b))
        s, t = (c.T @ c / (len(c) - 1) for c in (a, b))
        matrix = mpmath.matrix((s @ t).tolist())
        values = mpmath.eig(matrix, left=False, right=False)
        root = sum(mpmath.sqrt(value).real for value in values)
        trace = np.trace(s) + np.trace(t)
        return float(gap @ gap + trace - 2 * root), float(trace)


def jacobi_norm(matrix: Long) -> np.longdouble:
    """Return the nuclear norm by one-sided Jacobi (Hestenes, 1958).

    Disjoint pairs of columns are turned at once, in the rounds of a tournament, until
    all are orthogonal. The norms of the columns are the singular values then.
    """
    n = matrix.shape[1] + matrix.shape[1] % 2
    u = np.zeros((n, len(matrix)), np.longdouble)
    u[: matrix.shape[1]] = matrix.T
    order, least = np.arange(n), np.finfo(np.longdouble).eps ** 2 * (u * u).sum()
    for _ in range(40):
        worst = 0.0
        for _ in range(n - 1):
            i, j = order[: n // 2], order[: n // 2 - 1 : -1]
            a, b = (u[i] ** 2).sum(1), (u[j] ** 2).sum(1)
            c = (u[i] * u[j]).sum(1)
            cosine = abs(c) / np.sqrt((a + least) * (b + least))
            worst = max(worst, float(cosine.max()))
            zeta = (b - a) / np.where(c == 0, 1, 2 * c)
            t = np.where(zeta < 0, -1, 1) / (abs(zeta) + np.hypot(1, zeta))
            t = np.where(c == 0, 0, t)[:, None]
            cos = 1 / np.hypot(1, t)
            u[i], u[j] = cos * (u[i] - t * u[j]), cos * (t * u[i] + u[j])
            order = np.concatenate((order[:1], order[-1:], order[1:-1]))
        if worst < 1e-17:
            return np.longdouble(np.linalg.norm(u, axis=1).sum())
    raise ArithmeticError(f"Columns are still {worst:.1g} from orthogonal.")


def small_errors() -> Iterator[tuple[float, float]]:
    """Yield the errors of crossemo and of the reference, 12 clips of 24 features."""
    for seed in range(3):
        x, y = ssl_like(12, 24, seed), ssl_like(12, 24, 50 + seed) + 0.1
        true, trace = exact_distance(x, y)
        ours = float(distances([x], [y]))
        yield abs(ours - true) / trace, abs(long_distance(x, y)[0] - true) / trace


def streamed_errors(mean: float) -> tuple[float, float]:
    """Return the errors of moments by batches of 16, and of all clips at once."""
    pair = [ssl_like(CLIPS, WIDTH, seed) for seed in (1, 2)]
    for x in pair:
        x[:, 100] += mean
    true, trace = long_distance(pair[0], pair[1])
    streamed = [Moments(WIDTH) for _ in pair]
    for moments, x in zip(streamed, pair, strict=True):
        for start in range(0, CLIPS, 16):
            moments.update(x[start : start + 16])
    routes = ([one.factor() for one in streamed], [factor(x) for x in pair])
    errors = [abs(float(sum(frechet_terms(a, b))) - true) / trace for a, b in routes]
    return errors[0], errors[1]


def print_memory() -> None:
    moments = Moments(WIDTH)
    tensors = sum(getattr(moments, name).nbytes for name in moments._defaults)
    stated, defaults = 8 * (WIDTH**2 + WIDTH + 1), "with torchmetrics' defaults"
    sizes = {"stated": stated, "state tensors": tensors, defaults: 2 * tensors}
    for what, size in sizes.items():
        total = LAYERS * 2 * EMOTIONS * size / 1e9
        print(f"  {what}: {size / 1e6:.2f} MB; times 13 x 2 x 6: {total:.2f} GB")


def print_comparison() -> None:
    xs, ys = (
        [
            Cell(ssl_like(len(who), WIDTH, side + number), tuple(who))
            for number, who in enumerate([ACTORS * 4] + [ACTORS * 8] * 5)
        ]
        for side in (0, 10)
    )
    domains, names = (Domain("speech", xs), Domain("song", ys)), list("ncshaf")
    seconds, _ = timed(compare_clips, *domains, names, Settings())
    sets = [[cell.embeddings for cell in cells] for cells in (xs, ys)]
    plain = median(timed(distances, *sets)[0] for _ in range(5))
    print(
        f"  compare_clips {seconds:.2f} s, 36 plain distances {plain:.3f} s:", end=" "
    )
    print(f"{seconds / plain:.0f} times")


def spread(values: list[float]) -> str:
    return f"{median(values):.3g} ({min(values):.3g} to {max(values):.3g})"


def print_job(pairs: list[tuple[int, int, int]]) -> None:
    layers = [clips_of(layer) for layer in range(LAYERS)]
    known = [[moments_of(x) for x in layer] for layer in layers]
    whole_job(layers)  # warm up
    every = max(1, len(pairs) // LAYERS)
    ours, roots, eigens = [], [], []
    errors: dict[str, list[float]] = {"crossemo": [], "sqrtm": [], "eig": []}
    for number, (layer, x, y) in enumerate(pairs):
        if number % every == 0:
            seconds, found = timed(whole_job, layers)
            ours.append(seconds / len(PAIRS))
        a, b = known[layer][x], known[layer][y]
        seconds, root = timed(square_root_trace, a[1], b[1])
        roots.append(seconds)
        seconds, eigen = timed(eigen_trace, a[1], b[1])
        eigens.append(seconds)
        if number % every == 0:
            true, trace = long_distance(layers[layer][x], layers[layer][y])
            published = (distance(a, b, one) for one in (root, eigen))
            told = (float(found[layer, x, y - EMOTIONS]), *published)
            for of, value in zip(errors.values(), told, strict=True):
                of.append(abs(value - true) / trace)
    both = [one + other for one, other in zip(roots, eigens, strict=True)]
    pair = median(ours)
    print(f"median (range) of {len(ours)} rounds and {len(pairs)} pairs")
    print(f"  (a) crossemo, all 468 pairs: {468 * pair:.3f} s; ms a pair:", end=" ")
    print(spread([1e3 * one for one in ours]))
    for name, of in (("(b) sqrtm", roots), ("(c) sqrtm and eig", both)):
        ratios = spread([one / pair for one in of])
        print(f"  {name}, s a pair: {spread(of)}; / (a): {ratios}")
    for name, of in errors.items():
        print(f"  largest error / trace of {name}: {max(of):.1e} ({len(of)} pairs)")
    assert max(errors["crossemo"]) < 1e-12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=LAYERS)
    parser.add_argument("--all", action="store_true", help="every pair: half an hour")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    draw = random.Random(0)
    pairs = [(n % LAYERS, *draw.choice(PAIRS)[1:]) for n in range(given.pairs)]
    print(f"{given.threads} threads, load {os.getloadavg()[0]:.1f} at the start")
    with threadpool_limits(given.threads):
        print_job(PAIRS if given.all else pairs)
        ours, reference = (max(one) for one in zip(*small_errors(), strict=True))
        print("largest error / trace on 12 clips of 24 features, by mpmath")
        print(f"  crossemo {ours:.1e}, the long double reference {reference:.1e}")
        print("error / trace with a feature of large mean: streamed, at once")
        for mean in (1e3, 1e5):
            print("  {:.0e}: {:.1e}, {:.1e}".format(mean, *streamed_errors(mean)))
        print("memory of a set's moments")
        print_memory()
        print("one layer of RAVDESS's size, all estimators")
        print_comparison()
    print(f"load {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    main()
