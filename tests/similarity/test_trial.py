"""CONTRIBUTING's promise: a distance is one file, and nothing else is touched."""

from pathlib import Path

import pytest
import torch

import crossemo.similarity.estimators
from crossemo.similarity import Domain, Settings, compare_clips
from tests.similarity.casts import EMOTIONS, domain

FILE = '''\
"""The Euclidean distance of the means."""

import torch

from crossemo.similarity.estimators.base import Comparison
from crossemo.similarity.tables import Table


def estimate(comparison: Comparison) -> dict[str, Table]:
    """Return the distance of the mean clips of all pairs."""
    xs, ys = (
        torch.stack([cell.embeddings.mean(0) for cell in cells])
        for cells in (comparison.xs, comparison.ys)
    )
    return {"means": Table(torch.cdist(xs, ys))}
'''


def test_a_distance_is_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "means.py").write_text(FILE)
    path = [*crossemo.similarity.estimators.__path__, str(tmp_path)]
    monkeypatch.setattr(crossemo.similarity.estimators, "__path__", path)
    x, y = Domain("speech", domain(0, 1.0)), Domain("song", domain(1, 1.0))
    rows, _ = compare_clips(x, y, EMOTIONS, Settings(splits=2, permutations=9))
    means = [row for row in rows if row["estimator"] == "means"]
    across = [row for row in means if row["x_domain"] != row["y_domain"]]
    assert len(across) == len(EMOTIONS) ** 2
    for row in across:
        cells = [
            one.cells[EMOTIONS.index(row[f"{side}_emotion"])].embeddings
            for one, side in ((x, "x"), (y, "y"))
        ]
        expected = torch.dist(cells[0].mean(0), cells[1].mean(0))
        assert row["value"] == pytest.approx(float(expected))
