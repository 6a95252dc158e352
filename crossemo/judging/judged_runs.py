"""What judging a model leaves: its results, predictions, split and figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crossemo.data.clip_tables import (
    PREDICTIONS,
    SPLIT,
    Row,
    names_by_corpus,
    prediction_rows,
    split_rows,
)
from crossemo.data.marks import Mark
from crossemo.encoders.exposure import Exposure, Marks, mark_of
from crossemo.files import write_csv
from crossemo.judging.candidate import Candidate
from crossemo.judging.judged_folds import JudgedFold
from crossemo.judging.judgement import STAGE, Judgement, scores_of, together
from crossemo.judging.output_map import OutputMap
from crossemo.metrics.names import LEVEL
from crossemo.report.study import Study
from crossemo.runs.results import write_results


@dataclass(frozen=True)
class JudgedRun:
    """A model judged by the test clips of one fold.

    Args:
        candidate: The model.
        mapped: What its outputs mean.
        fold: The clips.
        judgement: What it said of them.
    """

    candidate: Candidate
    mapped: OutputMap
    fold: JudgedFold
    judgement: Judgement

    @property
    def test(self) -> dict[str, Any]:
        """What results say of the test, as of a stage's."""
        marks = {place: self.mark_at(place) for place in self.judgement.scores}
        return _test(self.judgement.scores, self.fold.mark, marks)

    def mark_at(self, place: str) -> Mark:
        """Return what tables and figures say of a place, a role or `ROLE/CORPUS`."""
        return mark_of([self.exposure_at(place)])

    def exposure_at(self, place: str) -> Exposure:
        """Return what the weights have heard of the clips of a place."""
        roles = self.fold.data.roles
        role = place if place in roles else place.partition("/")[0]
        clips = self.fold.data.dataset(role, "test").clips
        judged = self.judgement.judged.get(place)  # a corpus may lack in a fold
        places = judged.places if judged else ()
        return self.fold.exposure.on(clips[number].id for number in places)

    def describe(self) -> dict[str, Any]:
        """Return what was judged and how its outputs were read, ready for JSON."""
        return {
            "name": self.candidate.name,
            "form": self.candidate.form,
            **self.candidate.describe(),
            "labels": self.mapped.describe(),
            "left_out": self.judgement.left_out,
            "absent": self.mapped.absent,
            "trained_on": [vars(record) for record in self.fold.records],
        }


def write_run(
    run: JudgedRun, folder: Path, facts: Mapping[str, Any], figures: bool
) -> None:
    """Write what a run leaves besides its config.

    Args:
        run: The run.
        folder: Its folder.
        facts: What `Effort.describe` says.
        figures: Whether to draw.

    Raises:
        OSError: The folder can't be written or the disk is full.
    """
    data, tags = run.fold.data, {"stage": STAGE, "checkpoint": ""}
    rows: list[Row] = []
    for role, one in run.judgement.judged.items():
        if role in data.roles:
            judged = list(prediction_rows(data, role, one.places, one.predictions))
            marks = Marks.of([run.fold.exposure], names_by_corpus(judged))
            tagged = ({**tags, **row} for row in judged)
            rows += marks.rows(tagged, lambda row: [row["corpus"]])
    write_csv(folder / PREDICTIONS, rows)
    write_csv(folder / SPLIT, split_rows(data))
    if figures:
        _draw(run, folder)
    numbers = sum(one.numel() for one in run.candidate.module.parameters())
    content = {
        **facts,
        "seed": None,
        "interval_level": LEVEL,
        **data.describe(),
        "judged": run.describe(),
        "encoder_fingerprint": run.candidate.fingerprint(),
        "parameters": {"all": numbers, "trained": 0},
        "stages": {STAGE: run.test},
    }
    write_results(folder, content)


def results_of_all(runs: Sequence[JudgedRun]) -> dict[str, Any]:
    """Return what tables of results show: every fold, and all of them together."""
    data = runs[0].fold.data
    if len(runs) == 1:
        stages = {STAGE: runs[0].test}
    else:
        mark = mark_of(run.fold.exposure for run in runs)
        scores = scores_of(data.task, together([run.judgement for run in runs]))
        stages = {run.fold.name: run.test for run in runs}
        marks = {
            place: mark_of(run.exposure_at(place) for run in runs) for place in scores
        }
        stages[f"{len(runs)} folds"] = _test(scores, mark, marks)
    return {"stages": stages, "roles": data.describe()["roles"], **data.task.describe()}


def _test(
    scores: Mapping[str, Any], mark: Mark, marks: Mapping[str, Mark]
) -> dict[str, Any]:
    names = ("checkpoint", "step", "settings", "layer_weights", "temperature")
    unknown = dict.fromkeys(names)
    by_place = {p: {**one, **marks[p].among(mark)} for p, one in scores.items()}
    return {"stage": STAGE, **unknown, "scores": by_place, **mark.columns}


def _draw(run: JudgedRun, folder: Path) -> None:
    from crossemo.report.judgement_figures import judgement_figures  # and matplotlib
    from crossemo.report.saving import save_figure

    roles = run.fold.data.roles
    for place, judged in run.judgement.judged.items():
        mark = run.mark_at(place)
        figures = judgement_figures(
            STAGE,
            place,
            run.fold.data.task,
            judged,
            run.judgement.scores[place],
            Study.of(run.candidate.name, roles, mark),
            roles,
            mark,
        )
        for tag, figure in figures:
            save_figure(figure, folder, tag)
