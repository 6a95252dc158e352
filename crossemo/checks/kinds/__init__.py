"""The kinds of checks: every file here that has a function `check(subject)` is one."""

from collections.abc import Callable, Iterator
from importlib import import_module
from pkgutil import iter_modules

from crossemo.checks.line import Line
from crossemo.checks.subject import Subject

# From the files to what is learnt of them; further kinds follow by name.
ORDER = (
    "tensors_accounted",
    "loads_alike",
    "weight_values",
    "precision",
    "evaluation_mode",
    "side_effects",
    "training_mode",
    "clip_rate",
    "clip_level",
    "frame_counts",
    "unusual_clips",
    "padding_effects",
    "frames_attended",
    "time_places",
    "state_order",
    "stock_states",
    "stock_parts",
    "adapter_gradients",
    "speed",
)

Check = Callable[[Subject], Iterator[Line]]


def kinds() -> dict[str, Check]:
    """Return the checks by the names of their files."""
    place = {name: number for number, name in enumerate(ORDER)}
    names = [module.name for module in iter_modules(__path__)]
    names.sort(key=lambda name: (place.get(name, len(ORDER)), name))
    return {name: import_module(f"{__name__}.{name}").check for name in names}
