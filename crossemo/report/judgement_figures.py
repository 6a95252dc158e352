"""What a model said of test clips, and how right it was about its own certainty."""

from collections.abc import Iterator, Mapping
from typing import Any

from matplotlib.figure import Figure

from crossemo.corpora.base import Corpus, Scale
from crossemo.data.gathering import Judged
from crossemo.data.marks import NO_MARK, Mark
from crossemo.metrics.calibration import calibrate, calibration_bins
from crossemo.report.figures import confusion_figure
from crossemo.report.reliability_figures import CALIBRATED, SAID, reliability_figure
from crossemo.report.study import Study, after
from crossemo.report.style import mark_figure
from crossemo.report.value_figures import agreement_figure
from crossemo.tasks import Task


def judgement_figures(
    stage: str,
    place: str,
    task: Task,
    judged: Judged,
    scores: Mapping[str, Any],
    study: Study,
    roles: Mapping[str, Corpus],
    mark: Mark = NO_MARK,
    temperature: float | None = None,
) -> Iterator[tuple[str, Figure]]:
    """Yield tag and figure of a test: a confusion matrix and a reliability diagram.

    Of values, what was predicted over what was annotated.

    Args:
        stage: Whose weights were tested.
        place: The role, or `ROLE/CORPUS`.
        task: The task.
        judged: What was said of the clips.
        scores: Their scores, see `Task.evaluation`.
        study: What the figure is of, for its title.
        roles: Corpus by role.
        mark: What the weights know of the clips.
        temperature: What the model's logits are divided by; None if that isn't known.
    """
    headline, values = task.headline, task.kind == "values"
    score = f"{scores[headline]:.2f}" if values else f"{100 * scores[headline]:.1f} %"
    clips, behind = {place: scores["n"]}, after(stage, study)
    title = study.title(f"{headline} {score}{behind}", clips)
    if values:
        scale, note = _scale(roles, place)
        alone = [scores[f"{headline}/{name}"] for name in task.outputs]
        judgements = judged.predictions, judged.targets, task.outputs
        figure = agreement_figure(*judgements, alone, f"{title}\n{note}", scale)
        figures = {"agreement": figure}
    else:
        figures = {
            "confusion": confusion_figure(scores["confusion"], task.outputs, title),
            "reliability": _reliability(
                judged, temperature, study.title(f"calibration{behind}", clips)
            ),
        }
    for kind, figure in figures.items():
        mark_figure(figure, mark)
        yield f"{kind}/{stage}/{place}", figure


def _reliability(judged: Judged, temperature: float | None, title: str) -> Figure:
    """Return the diagram of probabilities as said and, if it can be, calibrated."""
    probabilities = {SAID: judged.predictions}
    if temperature is not None:
        probabilities[CALIBRATED] = calibrate(judged.predictions, temperature)
    series = {
        name: calibration_bins(one, judged.targets, judged.units)
        for name, one in probabilities.items()
    }
    return reliability_figure(series, title)


def _scale(roles: Mapping[str, Corpus], place: str) -> tuple[Scale | None, str]:
    """Return the one scale of a role or a corpus of it, and what to say of its own."""
    role, _, name = place.partition("/")
    members = [m for m in roles[role].members if name in ("", m.name)]
    scales = {one.name: one.scale for one in members if one.scale}
    only = set(scales.values())
    return (
        only.pop() if len(only) == 1 else None,
        f"published: {'; '.join(f'{n} {one}' for n, one in scales.items())}",
    )
