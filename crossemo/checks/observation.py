"""What happens while an encoder is loaded, whoever's code loads it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn

from crossemo.encoders.sources import WEIGHTS
from crossemo.encoders.tensors import read_tensors


@dataclass
class Loading:
    """What was seen.

    Args:
        missing: Tensors of a model that its weights lacked.
        unexpected: Tensors of the weights that no model took.
        mismatched: Tensors whose shapes differed.
        read: Tensors that came from files, by the names that they had there.
    """

    missing: set[str] = field(default_factory=set)
    unexpected: set[str] = field(default_factory=set)
    mismatched: set[str] = field(default_factory=set)
    read: dict[str, Tensor] = field(default_factory=dict)


@contextmanager
def observed() -> Iterator[Loading]:
    """Take down what transformers and torch report, and often nobody reads."""
    import safetensors.torch
    from transformers import PreTrainedModel

    seen = Loading()
    stock = PreTrainedModel.from_pretrained.__func__

    def from_pretrained(cls: Any, *args: Any, **options: Any) -> Any:  # noqa: ANN401
        wanted = options.pop("output_loading_info", False)
        model, report = stock(cls, *args, output_loading_info=True, **options)
        seen.missing |= set(report["missing_keys"])
        seen.unexpected |= set(report["unexpected_keys"])
        seen.mismatched |= {key for key, *_ in report["mismatched_keys"]}
        if args and (path := _weights_in(args[0])) is not None:
            seen.read |= read_tensors(path)
        return (model, report) if wanted else model

    def load_state_dict(
        module: nn.Module,
        *args: Any,  # noqa: ANN401
        **options: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        report = load(module, *args, **options)
        seen.missing |= set(report.missing_keys)
        seen.unexpected |= set(report.unexpected_keys)
        return report

    def reading(read: Any) -> Any:  # noqa: ANN401
        def from_file(*args: Any, **options: Any) -> Any:  # noqa: ANN401
            content = read(*args, **options)
            if isinstance(content, Mapping):
                tensors = {k: t for k, t in content.items() if isinstance(t, Tensor)}
                seen.read |= tensors
            return content

        return from_file

    load = nn.Module.load_state_dict
    with (
        patch.object(PreTrainedModel, "from_pretrained", classmethod(from_pretrained)),
        patch.object(nn.Module, "load_state_dict", load_state_dict),
        patch.object(torch, "load", reading(torch.load)),
        patch.object(
            safetensors.torch, "load_file", reading(safetensors.torch.load_file)
        ),
    ):
        yield seen


def _weights_in(folder: object) -> Path | None:
    """Return the one file of weights in a local folder, if it is there."""
    paths = [Path(str(folder)) / name for name in WEIGHTS]
    return next((path for path in paths if path.is_file()), None)


@contextmanager
def without_memory() -> Iterator[None]:
    """Fill memory that nobody sets with NaN, instead of what was there before."""
    before = torch.are_deterministic_algorithms_enabled()
    warned = torch.is_deterministic_algorithms_warn_only_enabled()
    filled = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = True  # type: ignore[attr-defined]
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warned)
        torch.utils.deterministic.fill_uninitialized_memory = filled  # type: ignore[attr-defined]
