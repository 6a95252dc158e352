"""What lies in a file of weights, before anything is loaded."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from crossemo.checks.line import Line, counted
from crossemo.encoders.description import Description
from crossemo.encoders.sources import WEIGHTS, fetch
from crossemo.encoders.tensors import read_encoder
from crossemo.errors import listed


def stored_tensors(about: Description) -> Mapping[str, Tensor]:
    """Return the tensors in an encoder's file, by the names there.

    Empty for random weights and for a user's own code.

    Raises:
        EncoderError: The file is damaged.
    """
    if about.source.code is not None or not about.source.pretrained:
        return {}
    path = fetch(about.source, *WEIGHTS, *about.family.weights)
    return {} if path is None else read_encoder(path)


def stored_lines(about: Description) -> Iterator[Line]:
    """Return verdicts on the numbers in a file."""
    stored = stored_tensors(about)
    if not stored:
        return
    floating = {k: t for k, t in stored.items() if t.is_floating_point()}
    strange = [k for k, t in floating.items() if not t.isfinite().all()]
    advice = "Download or save the weights again: these are no numbers."
    rest = f"{len(stored)} tensors"
    yield counted("numbers in the file", strange, advice, rest)
    half = {t.dtype for t in floating.values()} - {torch.float32, torch.float64}
    if half:
        yield Line(
            "precision of the file",
            listed(sorted(str(one).removeprefix("torch.") for one in half)),
            "float32",
            "note",
            "Its weights were rounded when they were saved; take the file in float32 "
            "if there is one. They are computed with in float32.",
        )
