"""Findings of one run, compared with its own results.json."""

from pathlib import Path

import pytest

from crossemo.studies.findings import Findings, findings_of
from tests.shell import results


def check_findings(folder: Path) -> Findings:
    """Compare the scores of a run with those that it wrote, to the last digit."""
    found = findings_of([folder])
    content = results(folder)
    scores = found.scores.set_index(["stage", "place", "score"])
    expected = {
        (stage, place, name): value
        for stage, test in content["stages"].items()
        for place, one in test["scores"].items()
        for name, value in one.items()
        if isinstance(value, float | None) and name != "loss"
    }
    assert set(scores.index) == set(expected)
    for key, value in expected.items():
        assert scores.loc[key, "value"] == value or value is None, key
    sizes = scores.groupby(["stage", "place"])[["n", "groups"]].first()
    for (stage, place), row in sizes.iterrows():
        one = content["stages"][stage]["scores"][place]
        assert (row["n"], row["groups"]) == (one["n"], one["groups"])
    differences = found.tests.set_index(["what", "stage", "than", "place", "score"])
    for row in content.get("comparisons", []):
        score = next(key for key in row if key in ("UA", "CCC"))
        key = (row["what"], row["stage"], row["than"], row["role"], score)
        difference = differences.loc[key, "difference"]
        assert difference == pytest.approx(row[score], abs=1e-6)
    assert list(found.runs["state"]) == ["done"]
    assert not len(found.exclusions)
    return found
