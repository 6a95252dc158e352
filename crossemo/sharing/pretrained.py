"""A model from wherever it lies: a run, a checkpoint, a shared folder or the hub."""

from collections.abc import Mapping
from dataclasses import dataclass
from errno import ENOENT
from pathlib import Path
from typing import Any

from torch import Tensor

from crossemo.corpora.facts import content_digest
from crossemo.encoders import EncoderError
from crossemo.encoders.sources import (
    Source,
    at_one_commit,
    fetch,
    find_source,
    read_json,
)
from crossemo.encoders.tensors import read_tensors
from crossemo.errors import listed, reason_of, shortened
from crossemo.files import expanded, from_here
from crossemo.runs.checkpoint_files import read_checkpoint
from crossemo.runs.results import FILE as RESULTS
from crossemo.sharing.checkpoint_facts import facts_of_checkpoint
from crossemo.sharing.model_facts import FILE, ModelError, ModelFacts
from crossemo.sharing.stock_form import read_stock

CHECKPOINTS = "checkpoints"
CONFIG, PREPROCESSOR = "config.json", "preprocessor_config.json"
WEIGHTS, RELIABILITY = "model.safetensors", "reliability.safetensors"
_PARTS = (CONFIG, PREPROCESSOR, WEIGHTS)


@dataclass(frozen=True)
class Pretrained:
    """A model as it was read.

    Args:
        path: The checkpoint or the shared folder.
        facts: What is known of it.
        weights: Tensors by the names that `EmotionRecognizer` has for them. Of a
            checkpoint, those that training has changed.
        reliability: Tensors of what is known of its reliability; None without.
        stored: The checkpoint as it was read; None of a shared folder.
    """

    path: Path
    facts: ModelFacts
    weights: Mapping[str, Tensor]
    reliability: Mapping[str, Tensor] | None = None
    stored: dict[str, Any] | None = None


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
    if path.is_dir():
        return _of_folder(path)
    if path.is_file():
        return _of_checkpoint(path)
    return _of_folder(_from_hub(str(model), revision))


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
    return Pretrained(path, facts, weights, reliability, stored)


def _of_folder(folder: Path) -> Pretrained:
    facts = ModelFacts.read(folder)
    with_reliability = [RELIABILITY] if RELIABILITY in facts.sums else []
    for name in (*_PARTS, *with_reliability):
        try:
            if not (folder / name).is_file():  # a pipe would be waited for
                raise FileNotFoundError(ENOENT, "it is no file")
            digest = content_digest(folder / name)
        except OSError as error:
            raise ModelError(
                f"{folder / name} can't be read: {reason_of(error)}. Take the folder "
                "whole from where it was published."
            ) from error
        if digest != facts.sums.get(name):
            raise ModelError(
                f"{folder / name} is not as crossemo export wrote it, so nothing of "
                f"{folder} is used: export the model again, or take it whole from "
                "where it was published."
            )
    read_weights = read_stock if facts.form == "transformers" else read_tensors
    reliability = read_tensors(folder / RELIABILITY) if with_reliability else None
    return Pretrained(folder, facts, read_weights(folder / WEIGHTS), reliability)


def _from_hub(name: str, revision: str | None) -> Path:
    """Download a shared folder from the hub, as far as it isn't in the hub's cache."""
    try:
        source = find_source(name if revision is None else f"{name}@{revision}")
    except EncoderError:
        source = Source(name)
    if source.repository is None or source.entry is not None:
        raise ModelError(
            f"There is no model {shortened(name)!r}: name a folder of a run, such as "
            "logs/NAME/version_0, one that crossemo export wrote, a checkpoint, or the "
            "hub id owner/name of a model that was shared."
        )
    source = at_one_commit(source)
    paths = [fetch(source, name) for name in (FILE, *_PARTS, RELIABILITY)]
    if paths[0] is None:
        raise ModelError(
            f"{name} on the hub holds no {FILE}, so crossemo export didn't write it: "
            "name another one. crossemo judge takes models of other people."
        )
    return paths[0].parent


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
