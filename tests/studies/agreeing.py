"""Findings of one run, compared with its own results.json."""

import re
from math import nan
from pathlib import Path

import pytest

from crossemo.studies.findings import Findings, findings_of
from tests.shell import results

# Scores that what a model says of clips alone doesn't give.
OF_CERTAINTY = re.compile("loss|ECE|unfamiliar")


def check_findings(folder: Path) -> Findings:
    """Compare the scores of a run with those that it wrote, to the last digit."""
    found = findings_of([folder])
    content = results(folder)
    scores = {
        (row.stage, row.place, row.score): row for row in found.scores.itertuples()
    }
    expected = {
        (stage, place, name): nan if value is None else value
        for stage, test in content["stages"].items()
        for place, one in test["scores"].items()
        for name, value in one.items()
        if isinstance(value, float | None) and not OF_CERTAINTY.match(name)
    }
    assert set(scores) == set(expected)
    for key, value in expected.items():
        assert scores[key].value == pytest.approx(value, abs=0, nan_ok=True), key
        one = content["stages"][key[0]]["scores"][key[1]]
        assert (scores[key].n, scores[key].groups) == (one["n"], one["groups"])
    differences = found.tests.set_index(["what", "stage", "than", "place", "score"])
    for row in content.get("comparisons", []):
        score = next(key for key in row if key in ("UA", "CCC"))
        pair = (row["what"], row["stage"], row["than"], row["role"], score)
        difference = differences.loc[pair, "difference"]
        assert difference == pytest.approx(row[score], abs=1e-6)
    assert list(found.runs["state"]) == ["done"]
    assert not len(found.exclusions)
    return found
