"""What a model says of the test clips of every role, and how right it is."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from crossemo.data.datamodule import EmotionDataModule
from crossemo.data.gathering import Judged, Predictions, by_place
from crossemo.errors import CrossEmoError
from crossemo.judging.candidate import Candidate
from crossemo.judging.output_map import OutputMap
from crossemo.progress import bar
from crossemo.tasks import Task

STAGE = "judged"  # what the tests of a model are called that was trained elsewhere


@dataclass(frozen=True)
class Judgement:
    """What a model said of some test clips.

    Args:
        judged: By place, a role or `ROLE/CORPUS`, what it said of each clip.
        scores: By place, how right it was, see `Task.evaluation`.
        left_out: By role and label, of how many clips the model's highest output was
            one that counts for nothing.
    """

    judged: Mapping[str, Judged]
    scores: Mapping[str, Mapping[str, Any]]
    left_out: Mapping[str, Mapping[str, int]]


def judge(
    candidate: Candidate, mapped: OutputMap, data: EmotionDataModule
) -> Judgement:
    """Judge a model by the test clips of all roles.

    Args:
        candidate: The model.
        mapped: What its outputs mean.
        data: A datamodule that is set up, at the model's rate.

    Raises:
        CrossEmoError: Its outputs are no numbers.
    """
    judged: dict[str, Judged] = {}
    left_out = {}
    for role, corpus in data.roles.items():
        dataset = data.dataset(role, "test")
        seen = Predictions()
        with torch.inference_mode():
            for windows in bar(candidate.batches(data, role), f"Judging {corpus.name}"):
                batch = dataset[windows]
                outputs = candidate(batch)
                if not outputs.isfinite().all():
                    raise CrossEmoError(
                        f"{candidate.name} says numbers that aren't finite of "
                        f"{dataset.clips[windows[0].clip].id}: its weights are damaged."
                    )
                about = {"indices": batch.indices, "counted": batch.counted}
                seen.add({"outputs": outputs, "targets": batch.targets, **about}, 0)
        order, outputs, targets = seen.gather(0)
        left_out[role] = _left_out(mapped, outputs)
        places = order.tolist()
        units = [dataset.units[place] for place in places]
        predictions = data.task.predictions(mapped(outputs))
        several = len(corpus.members) > 1
        whole = Judged(predictions, targets, units, places)
        judged |= by_place(role, dataset, several, whole)
    return Judgement(judged, scores_of(data.task, judged), left_out)


def scores_of(task: Task, judged: Mapping[str, Judged]) -> dict[str, Mapping[str, Any]]:
    """Return the scores of each place."""
    return {
        place: task.evaluation(one.predictions, one.targets, one.units)
        | task.calibration(one.predictions, one.targets)
        for place, one in judged.items()
    }


def together(judgements: Sequence[Judgement]) -> dict[str, Judged]:
    """Return what a model said of the clips of several folds, by place."""
    places = dict.fromkeys(place for one in judgements for place in one.judged)
    pairs = {
        place: [one.judged[place] for one in judgements if place in one.judged]
        for place in places
    }
    return {
        place: Judged(
            torch.cat([one.predictions for one in some]),
            torch.cat([one.targets for one in some]),
            [unit for one in some for unit in one.units],
        )
        for place, some in pairs.items()
    }


def _left_out(mapped: OutputMap, outputs: torch.Tensor) -> dict[str, int]:
    if mapped.scale is not None:
        return {}
    highest = [mapped.labels[place] for place in outputs.argmax(-1).tolist()]
    counts = Counter(label for label in highest if label in mapped.left_out)
    return dict(counts.most_common())
