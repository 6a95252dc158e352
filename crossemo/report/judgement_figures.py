"""What a model said of test clips: a confusion matrix, or values over true ones."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from crossemo.corpora.base import Corpus, Scale
from crossemo.data.gathering import Judged
from crossemo.data.marks import NO_MARK, Mark
from crossemo.report.figures import confusion_figure
from crossemo.report.study import Study, after
from crossemo.report.style import mark_figure
from crossemo.report.value_figures import agreement_figure
from crossemo.tasks import Task


def judgement_figure(
    stage: str,
    place: str,
    task: Task,
    judged: Judged,
    scores: Mapping[str, Any],
    study: Study,
    roles: Mapping[str, Corpus],
    mark: Mark = NO_MARK,
) -> tuple[str, Figure]:
    """Return the tag and the figure of a test.

    Args:
        stage: Whose weights were tested.
        place: The role, or `ROLE/CORPUS`.
        task: The task.
        judged: What was said of the clips.
        scores: Their scores, see `Task.evaluation`.
        study: What the figure is of, for its title.
        roles: Corpus by role.
        mark: What the weights know of the clips.
    """
    headline, values = task.headline, task.kind == "values"
    score = f"{scores[headline]:.2f}" if values else f"{100 * scores[headline]:.1f} %"
    title = study.title(
        f"{headline} {score}{after(stage, study)}", {place: scores["n"]}
    )
    if values:
        scale, note = _scale(roles, place)
        alone = [scores[f"{headline}/{name}"] for name in task.outputs]
        judgements = judged.predictions, judged.targets, task.outputs
        figure = agreement_figure(*judgements, alone, f"{title}\n{note}", scale)
    else:
        figure = confusion_figure(scores["confusion"], task.outputs, title)
    mark_figure(figure, mark)
    return f"{'agreement' if values else 'confusion'}/{stage}/{place}", figure


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
