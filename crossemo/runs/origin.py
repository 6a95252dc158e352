"""Where the weights of a checkpoint come from, and what they have seen."""

from collections.abc import Mapping
from typing import Any

from crossemo.data.provenance import NOTHING, Material, Provenance
from crossemo.runs.checkpoint_files import is_sealed, name_of

KEY = "made_with"  # where a checkpoint keeps the record of its run


def origin_of(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """Return where in its run a checkpoint was written, ready for JSON.

    Args:
        checkpoint: As it was read.

    Returns:
        `stage`, the name of the stage; `epoch` of the run, from 0; `step`; `monitor`
        and `score`, the validation score that chose the best weights of the stage, and
        its value. None stands for what the checkpoint doesn't say, or says altered.
    """
    record = checkpoint if is_sealed(checkpoint) else {}
    callbacks = record.get("callbacks", {})
    names = list(record.get(KEY, {}).get("stages", {}))
    index = callbacks.get("StageSwitch", {}).get("index", len(names))
    stage = names[index] if index < len(names) else None
    best = callbacks.get(f"StageCheckpoint/{stage}", {})
    score = best.get("best_model_score")
    return {
        "stage": stage,
        "epoch": checkpoint.get("epoch"),
        "step": checkpoint.get("global_step"),
        "monitor": best.get("monitor"),
        "score": None if score is None else float(score),
    }


def checkpoint_provenance(checkpoint: Mapping[str, Any], weights: str) -> Provenance:
    """Return what the weights of a checkpoint have seen.

    Checkpoints of crossemo up to 0.1 name groups alone, of their own run.

    Args:
        checkpoint: The checkpoint.
        weights: Which of them: of the `model`, or of its `encoder`.

    Raises:
        LeakError: The record is broken.
    """
    if (stored := checkpoint.get("provenance")) is not None:
        return Provenance.read(stored.get(weights, {}), name_of(checkpoint))
    groups = checkpoint.get("groups") or checkpoint.get("split")
    if groups is None:
        return NOTHING
    train, val = (Material(frozenset(groups[part])) for part in ("train", "val"))
    return Provenance(train, val)
