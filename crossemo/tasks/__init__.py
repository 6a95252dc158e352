"""What is learnt, a file each: the kind `classes` is the class `Classes` here."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pkgutil import iter_modules
from typing import Literal

from crossemo.errors import CrossEmoError
from crossemo.tasks.base import Target, Task

__all__ = ["Target", "Task", "TaskName", "as_task", "task_classes", "task_of"]

TaskName = Literal[
    "shared6",
    "speech8",
    "four",
    "quadrants",
    "valence_arousal",
    "valence_arousal_dominance",
]


def task_of(kind: str, outputs: tuple[str, ...]) -> Task:
    """Return the task of a model whose outputs are known.

    Args:
        kind: Name of the task's file, such as `classes`.
        outputs: Names of the model's outputs, in order.

    Raises:
        CrossEmoError: There is no such kind of task, or the outputs don't suit it.
    """
    if kind.capitalize() not in task_classes():
        raise CrossEmoError(f"There is no kind of task {kind!r}.")
    return task_classes()[kind.capitalize()].of_outputs(outputs)


def task_classes() -> dict[str, type[Task]]:
    """Return the kinds of tasks by the names of their classes."""
    kinds = [one.name for one in iter_modules(__path__) if one.name != "base"]
    modules = {kind.capitalize(): import_module(f"{__name__}.{kind}") for kind in kinds}
    return {name: getattr(module, name) for name, module in modules.items()}


def as_task(
    task: Task | str | Mapping[str, Sequence[str]], neutral_calm: str = "merge"
) -> Task:
    """Return a task that is given, or meant by a name or by classes.

    Args:
        task: A task; `valence_arousal` or `valence_arousal_dominance`; or what
            `Classes` takes, a label space by name or classes with their words.
        neutral_calm: What the label space `four` makes of neutral and calm.

    Raises:
        UnknownEmotionError: There is no such label space or word.

    >>> as_task("valence_arousal").outputs, as_task("four").outputs
    (('valence', 'arousal'), ('angry', 'happy', 'sad', 'neutral/calm'))
    """
    if isinstance(task, Task):
        return task
    if isinstance(task, str) and task.startswith("valence_"):
        from crossemo.tasks.values import Values

        return Values(task.split("_"))
    from crossemo.tasks.classes import Classes

    return Classes(task, neutral_calm)
