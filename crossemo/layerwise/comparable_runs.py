"""Whether runs can be compared, and the clips that all of them have judged."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch

from crossemo.errors import CrossEmoError
from crossemo.probes.judgements import Judgements


def on_shared_clips(runs: Sequence[Judgements]) -> list[Judgements]:
    """Return judgements of the clips that all runs have, in one order.

    Args:
        runs: Judgements of several runs.

    Raises:
        CrossEmoError: The runs differ in their roles, outputs or splits, or share no
            clip.
    """
    first = runs[0]
    for run in runs[1:]:
        for field in ("names", "outputs", "conditions"):
            one, other = getattr(first, field), getattr(run, field)
            if one != other:
                raise CrossEmoError(
                    f"The runs can't be compared: one has the {field} {one}, another "
                    f"{other}. Give runs on the same data."
                )
    common = set.intersection(*(set(run.ids) for run in runs))
    ids = [name for name in first.ids if name in common]
    if not ids:
        raise CrossEmoError("The runs share no clip: give runs on the same data.")
    shared = [_only(run, ids) for run in runs]
    if any(not torch.equal(one.parts, shared[0].parts) for one in shared):
        raise CrossEmoError(
            "The runs were split otherwise, so that probes of one have learnt from "
            "clips that another was tested on: give runs of one split."
        )
    return shared


def differing_settings(runs: Sequence[Judgements]) -> Iterator[str]:
    """Yield a sentence on every setting that runs differ in besides the encoder."""
    settings = [run.about["settings"] for run in runs]
    for name, value in settings[0].items():
        # Heads that differ have different settings, and are named themselves.
        values = [one.get(name, value) for one in settings]
        if any(one != value for one in values):
            distinct = ", ".join(dict.fromkeys(map(str, values)))
            yield (
                f"The runs differ in {name} ({distinct}), so that a difference between "
                "them is not the encoders' alone."
            )


def _only(run: Judgements, ids: Sequence[str]) -> Judgements:
    """Return the judgements of some clips, in their order."""
    place = {name: number for number, name in enumerate(run.ids)}
    rows = [place[name] for name in ids]
    return replace(
        run,
        said=run.said[:, :, :, rows],
        within=run.within[:, :, :, rows],
        roles=run.roles[rows],
        targets=run.targets[rows],
        parts=run.parts[:, rows],
        ids=tuple(ids),
        groups=tuple(run.groups[row] for row in rows),
    )
