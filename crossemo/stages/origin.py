"""Which stage, epoch and step the weights of a checkpoint are of."""

from collections.abc import Mapping
from typing import Any

from crossemo.runs.checkpoint_files import is_sealed
from crossemo.stages.going_on import KEY


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
