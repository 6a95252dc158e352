"""What is to be computed in float32 is."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from crossemo.checks.line import Line, counted
from crossemo.checks.subject import Subject


def check(subject: Subject) -> Iterator[Line]:
    """Look at the precision of whatever is computed while a clip is heard."""
    with _Watch() as watch:
        subject.hidden_states([subject.noise(12)])
    yield counted(
        "computed in half precision",
        sorted(watch.half),
        "It rounds what should be of float32: take away half(), bfloat16() and "
        "autocast, and leave it to trainer.precision to compute in less.",
        "nothing",
    )


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Takes down which operations give numbers of less than four bytes."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.half: set[str] = set()

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        output = func(*args, **(kwargs or {}))
        for one in tree_leaves(output):
            if isinstance(one, Tensor) and one.dtype in (torch.float16, torch.bfloat16):
                self.half.add(f"{func.overloadpacket.__name__}, {one.dtype}")
        return output
