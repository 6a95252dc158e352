"""How certain models are of what they say, and how often they are right then."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

from crossemo.metrics.calibration import bins_of, calibrate

if TYPE_CHECKING:
    from pandas import DataFrame

    from crossemo.studies.crossvalidation import Condition

CONFIDENCES = {"as said": "confidence", "calibrated": "confidence_calibrated"}
COLUMNS = (
    *("study", "condition", "encoder", "strategy", "source", "target", "task"),
    *("stage", "place", "probabilities", "clips", "confidence", "accuracy"),
    *("low", "high", "runs", "leak"),
)


def with_confidence(
    table: "DataFrame", classes: Sequence[str], temperatures: Mapping[str, float | None]
) -> "DataFrame":
    """Return predictions with two numbers in place of the probabilities of all classes.

    Args:
        table: `stage`, and a probability under the name of each class.
        classes: The classes.
        temperatures: What logits are divided by, by stage; None where it isn't known.

    Returns:
        The table with `confidence`, the probability of the class that is said, and the
        same at the temperature, `confidence_calibrated`, NaN where it isn't known.
    """
    shares = torch.tensor(table[list(classes)].to_numpy(float))
    calibrated = torch.full((len(shares),), torch.nan, dtype=shares.dtype)
    for stage, temperature in temperatures.items():
        if temperature is not None:
            rows = torch.tensor((table["stage"] == stage).to_numpy())
            calibrated[rows] = calibrate(shares[rows], temperature).amax(-1)
    said = shares.amax(-1).numpy()
    numbers: dict[str, Any] = {"confidence": said}
    numbers["confidence_calibrated"] = calibrated.numpy()
    return table.drop(columns=list(classes)).assign(**numbers)


def certainty_rows(conditions: Sequence["Condition"]) -> list[dict[str, Any]]:
    """Return the bins of reliability diagrams of the clips of all folds and seeds.

    A row for each condition, stage, role, kind of `probabilities` (`as said`, or
    `calibrated` where all of its runs know a temperature) and bin, see `Bin`.

    Args:
        conditions: The conditions.
    """
    return [row for one in conditions for row in _rows(one)]


def _rows(condition: "Condition") -> Iterator[dict[str, Any]]:
    from pandas import concat

    if condition.runs[0].task.kind != "classes":
        return
    texts = dict.fromkeys(("corpus", "clip", "group"), str)
    clips = concat([run.predictions.astype(texts) for run in condition.runs])
    for cell, rows in clips.groupby(["stage", "place"], observed=True):
        stage, place = map(str, cell)
        names = list(zip(rows["corpus"], rows["clip"], strict=True))
        right = torch.tensor(
            (rows["true"].astype(str) == rows["predicted"].astype(str)).to_numpy()
        )
        for name, column in CONFIDENCES.items():
            confidence = torch.tensor(rows[column].to_numpy(float))
            if confidence.isnan().any():
                continue
            for one in bins_of(confidence, right, list(rows["group"]), names):
                yield {
                    **condition.head,
                    "stage": stage,
                    "place": place,
                    "probabilities": name,
                    **one._asdict(),
                    "runs": condition.names,
                    "leak": condition.leak(stage, place),
                }
