"""What a run knows of the weights that it left: from checkpoint and results."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from crossemo.data.marks import SIGNS
from crossemo.data.provenance import Provenance
from crossemo.encoders.catalogue import CATALOGUE
from crossemo.encoders.sources import read_json
from crossemo.encoders.user_code import names_code
from crossemo.files import expanded
from crossemo.runs.origin import KEY, checkpoint_provenance, origin_of
from crossemo.runs.results import FILE as RESULTS
from crossemo.sharing.model_facts import ModelFacts
from crossemo.version import __version__

_ROLE = ("corpus", "domain", "window", "hop", "clips", "corpora", "groups")


def facts_of_checkpoint(stored: Mapping[str, Any], path: Path) -> ModelFacts:
    """Return what is known of the weights in a checkpoint.

    What its run has tested and heard stands in results.json, if the checkpoint still
    lies in the run's folder; without it, it isn't known.

    Args:
        stored: The checkpoint as it was read.
        path: Where it lies.

    Raises:
        CrossEmoError: results.json can't be read, or the record of what the weights
            have seen is broken.
    """
    run = path.absolute().parent.parent
    inside = path.absolute().parent.name == "checkpoints"
    results = read_json(run / RESULTS) if (run / RESULTS).is_file() and inside else {}
    card, record = stored["encoder"], stored.get(KEY, {})
    settings = record.get("settings", {})
    origin = origin_of(stored)
    stage = origin["stage"]
    tests = results.get("stages", {})
    test: Mapping[str, Any] = next(
        (one for one in tests.values() if one.get("checkpoint") == path.name), {}
    )
    roles = _roles(results, test)
    options = {
        name: value
        for name, value in stored["hyper_parameters"].items()
        if not name.startswith("_")  # Lightning's
    }
    window, hop = _heard(roles, settings)
    seen: Provenance = checkpoint_provenance(stored, "model")
    return ModelFacts(
        crossemo=__version__,
        form="checkpoint",
        task=str(options.get("task", "classes")),
        classes=tuple(card["classes"]),
        sampling_rate=card["sampling_rate"],
        hyperparameters=options,
        encoder=_source(card),
        seen=seen,
        labels=results.get("labels"),
        scales={k: v for one in roles.values() for k, v in one.pop("scales").items()},
        window=window,
        hop=hop,
        excerpt=settings.get("data.excerpt"),
        roles=roles,
        scores=tuple(_scores(results, test)),
        origin={
            "run": f"{run.parent.name}/{run.name}" if inside else None,
            "stage": stage or test.get("stage"),
            "stages": list(record.get("stages", tests)),
            "seed": results.get("seed", options.get("seed")),
            "versions": results.get("versions", {}),
            **{name: origin[name] for name in ("epoch", "step", "monitor", "score")},
        },
    )


def _source(card: Mapping[str, Any]) -> dict[str, str | None]:
    """Return where an encoder came from, as far as its name tells."""
    name, repository, revision = card["name"], None, None
    if entry := CATALOGUE.get(name):
        repository, revision = entry.repository, entry.revision
    elif not (
        os.path.isdir(expanded(name)) or names_code(name) or name.count("/") != 1
    ):
        repository, _, revision = name.partition("@")
    return {
        "name": name,
        "repository": repository,
        "revision": revision or None,
        "fingerprint": card["fingerprint"],
    }


def _roles(
    results: Mapping[str, Any], test: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    trained = (test.get("settings") or {}).get("data") or []
    return {
        role: {key: one[key] for key in _ROLE if key in one}
        | {"trained": role in trained, "scales": one.get("scales", {})}
        for role, one in results.get("roles", {}).items()
    }


def _heard(
    roles: Mapping[str, Mapping[str, Any]], settings: Mapping[str, Any]
) -> tuple[float | None, float | None]:
    """Return window and hop of what the last stage trained on, in seconds."""
    for one in sorted(roles.values(), key=lambda one: not one["trained"]):
        pair = [
            next(iter(value.values())) if isinstance(value, dict) else value
            for value in (one.get("window"), one.get("hop"))
        ]
        return pair[0], pair[1]
    return settings.get("data.window"), settings.get("data.hop")


def _scores(
    results: Mapping[str, Any], test: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Yield the tests of the weights, a row for each role and corpus."""
    split = {k: v for k, v in results.get("split", {}).items() if k != "groups"}
    for place, scores in test.get("scores", {}).items():
        role, _, corpus = place.partition("/")
        about = results.get("roles", {}).get(role, {})
        numbers = {
            name: value
            for name, value in scores.items()
            if isinstance(value, int | float) and name not in ("n", "groups")
        }
        intervals, chance = (
            {
                name.replace(what, ""): value
                for name, value in scores.items()
                if what in name and isinstance(value, list)
            }
            for what in ("_interval", "_chance")
        )
        units = (v for k, v in scores.items() if k.endswith("_interval_unit"))
        yield {
            "role": role,
            "corpus": corpus or str(about.get("corpus", role)),
            "part": "test",
            "split": split,
            "scores": numbers,
            "intervals": intervals,
            "chance": chance,
            "interval_unit": next(units, None),
            "level": results.get("interval_level"),
            "n": scores.get("n"),
            "groups": scores.get("groups"),
            **{name: scores.get(name, test.get(name)) or None for name in SIGNS},
        }
