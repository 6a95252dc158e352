"""Which parameters of a recogniser a stage trains."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Protocol

from torch import nn

from crossemo.encoders import SSLEncoder
from crossemo.stages.stage import StageError, Trained


class Parts(Protocol):
    """The parts of a recogniser, under the names that their parameters begin with."""

    @property
    def encoder(self) -> SSLEncoder: ...  # noqa: D102
    @property
    def mix(self) -> nn.Module: ...  # noqa: D102
    @property
    def head(self) -> nn.Module: ...  # noqa: D102


def trained_names(parts: Parts, train: Trained | Sequence[str] | None) -> set[str]:
    """Return the names of the parameters that a stage trains.

    Args:
        parts: The recogniser.
        train: As in `Stage`.

    Raises:
        StageError: There is no adapter to train, or a pattern names nothing that could
            be trained.
    """
    head, layers = _named("head", parts.head), _named("mix", parts.mix)
    adaptation = parts.encoder.adaptation
    tuned = _of_encoder(adaptation.tuned())
    everything = _of_encoder(adaptation.everything()) | tuned
    if train is None:
        return head | layers | tuned
    if train == "head":
        return head
    if train == "layers":
        return head | layers
    if train == "adapter":
        if adaptation.tuning in ("frozen", "full"):
            raise StageError(
                f"A stage trains the adapter, but with tuning {adaptation.tuning} "
                "there is none: choose --model.tuning lora or the like."
            )
        return head | layers | tuned
    if train == "all":
        return head | layers | everything
    return _matching(train, head | layers | everything)


def _named(part: str, module: nn.Module) -> set[str]:
    return {f"{part}.{name}" for name, _ in module.named_parameters()}


def _of_encoder(names: Iterable[str]) -> set[str]:
    return {f"encoder.model.{name}" for name in names}


def _matching(patterns: Sequence[str], names: set[str]) -> set[str]:
    chosen = set()
    for pattern in patterns:
        matches = {name for name in names if fnmatchcase(name, pattern)}
        if not matches:
            raise StageError(
                f"No parameter that can be trained is named {pattern!r}: they are "
                f"{', '.join(sorted(names)[:: max(1, len(names) // 3)][:3])} and so on."
            )
        chosen |= matches
    return chosen
