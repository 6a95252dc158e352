"""The import of a command, without what it would load only because it is installed.

torchmetrics loads transformers, scipy and matplotlib where it finds them, for scores of
texts, filters and plots; transformers loads scipy for the losses of object detectors.
crossemo uses none of these parts, which take half of the time of `import lightning`.
They are therefore hidden from the two while they are loaded, and from nobody else: what
imports scipy, matplotlib or transformers itself has them as before. In a process of the
command line `torchmetrics.text.BERTScore` and `Metric.plot` say what they lack.
"""

import gc
import importlib.metadata
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

EXTRAS = {
    "torchmetrics": ("PIL", "matplotlib", "scipy", "transformers"),
    "transformers.loss.loss_utils": ("PIL", "scipy"),
}
# Those who remember what is installed.
_MEMORIES = (
    ("lightning_utilities.core.imports", "package_available"),
    ("transformers.utils.import_utils", "is_scipy_available"),
    ("transformers.utils.import_utils", "is_vision_available"),
)


def load(name: str) -> ModuleType:
    """Import a module of commands, once for all in a process.

    From then on, torchmetrics and transformers are loaded without their extras.
    """
    module = f"crossemo.commands.{name}"
    if module in sys.modules:
        return sys.modules[module]
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    # A million objects come to stay: looking for garbage among them, now, later and at
    # the end, would take a quarter of the time of a command that does little.
    gc.disable()
    try:
        return import_module(module)
    finally:
        gc.freeze()
        gc.enable()


class _Finder(MetaPathFinder):
    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if fullname not in EXTRAS:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            execute = partial(_execute, spec.loader.exec_module, EXTRAS[fullname])
            setattr(spec.loader, "exec_module", execute)  # noqa: B010 (mypy)
        return spec


def _execute(
    execute: Callable[[ModuleType], None], extras: Sequence[str], module: ModuleType
) -> None:
    try:
        with _hidden([name for name in extras if name not in sys.modules]):
            execute(module)
    except ImportError:  # a version that can't do without: as if nothing was hidden
        execute(module)


@contextmanager
def _hidden(names: Sequence[str]) -> Iterator[None]:
    """Answer that packages aren't installed, however it is asked."""

    def distribution(distribution_name: str) -> importlib.metadata.Distribution:
        if distribution_name in names:
            raise importlib.metadata.PackageNotFoundError(distribution_name)
        return installed(distribution_name)

    installed = importlib.metadata.distribution
    _forget()
    sys.modules.update(dict.fromkeys(names))  # type: ignore[arg-type]
    importlib.metadata.distribution = distribution
    try:
        yield
    finally:
        importlib.metadata.distribution = installed
        for name in names:
            del sys.modules[name]
        _forget()


def _forget() -> None:
    for module, name in _MEMORIES:
        memory: Any = getattr(sys.modules.get(module), name, None)
        if hasattr(memory, "cache_clear"):
            memory.cache_clear()
