"""What a model says of one recording."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from crossemo.recognition.envelope import Envelope


class Answer(NamedTuple):
    """What a model says of a recording, or of a window of it.

    Args:
        start: Where that begins, in seconds.
        end: Where it ends, in seconds.
        values: `(outputs,)` float32 on the CPU, probabilities or values.
        warnings: In what it is unlike the recordings that the model is used to.
    """

    start: float
    end: float
    values: Tensor
    warnings: tuple[str, ...] = ()


@dataclass
class Recording:
    """A recording that was heard.

    Args:
        path: The file.
        answers: One, or one for each window.
        refusal: Why it can't be used, in a sentence; empty if it can. What was heard
            before that showed is dropped.
        envelope: Its outline, where that was wanted.
    """

    path: Path
    answers: list[Answer] = field(default_factory=list)
    refusal: str = ""
    envelope: Envelope | None = None


class Response(NamedTuple):
    """What a model makes of a stretch that it hears at once.

    Args:
        outputs: `(outputs,)` of the model, such as logits, float32 on the CPU.
        embedding: `(width,)` what its classifier got, float32 on the CPU.
        level: In dBFS, of the root mean square.
        length: In seconds.
    """

    outputs: Tensor
    embedding: Tensor
    level: float
    length: float


class ResponseMeans:
    """Means over the stretches of a recording, of which only sums are kept.

    As in `ClipMeans`, one stretch keeps its numbers, and several are summed in float64.
    """

    def __init__(self) -> None:
        self._sum: Response | None = None
        self._count = 0

    def add(self, response: Response) -> None:
        """Take in a stretch."""
        total = self._sum
        if total is not None:
            response = Response(
                total.outputs.double() + response.outputs,
                total.embedding.double() + response.embedding,
                total.level + response.level,
                total.length + response.length,
            )
        self._sum = response
        self._count += 1

    def mean(self) -> Response | None:
        """Return the means; None of nothing."""
        total, count = self._sum, self._count
        if total is None:
            return None
        return Response(
            (total.outputs / count).to(torch.float32),
            (total.embedding / count).to(torch.float32),
            total.level / count,
            total.length / count,
        )
