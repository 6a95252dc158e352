"""What is learnt, a file each: the kind `classes` is the class `Classes` here."""

from importlib import import_module

from crossemo.errors import CrossEmoError
from crossemo.tasks.base import Target, Task

__all__ = ["Target", "Task", "task_of"]


def task_of(kind: str, outputs: tuple[str, ...]) -> Task:
    """Return the task of a model whose outputs are known.

    Args:
        kind: Name of the task's file, such as `classes`.
        outputs: Names of the model's outputs, in order.

    Raises:
        CrossEmoError: There is no such kind of task, or the outputs don't suit it.
    """
    try:
        module = import_module(f"{__name__}.{kind}")
    except ModuleNotFoundError as error:
        raise CrossEmoError(f"There is no kind of task {kind!r}.") from error
    task: Task = getattr(module, kind.capitalize()).of_outputs(outputs)
    return task
