"""A model from wherever it lies: a run, a checkpoint, a shared folder or the hub."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from crossemo.encoders.sources import read_json
from crossemo.errors import listed
from crossemo.files import expanded, from_here
from crossemo.runs.checkpoint_files import read_checkpoint
from crossemo.runs.results import FILE as RESULTS
from crossemo.sharing.model_facts import FILE, ModelError, ModelFacts
from crossemo.sharing.run_facts import facts_of_checkpoint

CHECKPOINTS = "checkpoints"


@dataclass(frozen=True)
class Pretrained:
    """A model as it was read.

    Args:
        path: The checkpoint or the shared folder.
        facts: What is known of it.
        weights: Tensors by the names that `EmotionRecognizer` has for them. Of a
            checkpoint, those that training has changed.
        reliability: Tensors of what is known of its reliability; None without.
    """

    path: Path
    facts: ModelFacts
    weights: Mapping[str, Tensor]
    reliability: Mapping[str, Tensor] | None = None


def read(
    model: str | Path, revision: str | None = None, stage: str | None = None
) -> Pretrained:
    """Read a model; nothing that lies there is run.

    Args:
        model: A folder of a run, such as `logs/x/version_0`; a checkpoint; a folder
            that `crossemo export` wrote; or the hub id of one.
        revision: Commit, tag or branch of a hub id.
        stage: Stage of the run whose best weights are meant; the last of its plan by
            default.

    Raises:
        CrossEmoError: There is no such model, or it is damaged.
    """
    path = expanded(model)
    if path.is_dir() and not (path / FILE).is_file():
        return _of_checkpoint(_best(path, stage))
    if stage is not None:
        raise ModelError(f"{model} has no stages to choose from: leave --stage out.")
    if path.is_file():
        return _of_checkpoint(path)
    raise ModelError(f"There is no model {model}: name a folder of a run.")


def _of_checkpoint(path: Path) -> Pretrained:
    stored = read_checkpoint(path)
    if not {"encoder", "hyper_parameters"} <= stored.keys():
        raise ModelError(
            f"{path} is no recogniser's checkpoint: take one of lightning fit's, such "
            "as logs/NAME/version_0/checkpoints/target.ckpt."
        )
    weights = {k: v for k, v in stored["state_dict"].items() if isinstance(v, Tensor)}
    facts = facts_of_checkpoint(stored, path)
    reliability: Any = stored.get("reliability")
    return Pretrained(path, facts, weights, reliability)


def _best(run: Path, stage: str | None) -> Path:
    """Return the best weights of a stage of a run, of its last one if None."""
    folder = run / CHECKPOINTS
    names = sorted(path.stem for path in folder.glob("*.ckpt") if path.stem != "last")
    if not names:
        raise ModelError(
            f"{from_here(run)} is neither the folder of a run that has saved its best "
            f"weights nor one that crossemo export wrote ({FILE} isn't there): name "
            "one, such as logs/NAME/version_0."
        )
    if stage is None:
        tested = read_json(run / RESULTS) if (run / RESULTS).is_file() else {}
        stages = [name for name in tested.get("stages", {}) if name in names]
        if len(stages) < len(names):
            raise ModelError(
                f"{from_here(run)} isn't done: end it with --ckpt_path last, or choose "
                f"the weights of a stage by --stage {listed(names, last=' or ')}."
            )
        stage = stages[-1]
    if stage not in names:
        raise ModelError(
            f"{from_here(run)} has no best weights of a stage {stage!r}: choose "
            f"{listed(names, last=' or ')}."
        )
    return folder / f"{stage}.ckpt"
