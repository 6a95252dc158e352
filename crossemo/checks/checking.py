"""All checks of an encoder, one after another."""

from collections.abc import Collection, Iterator

import torch

from crossemo.checks.kinds import kinds
from crossemo.checks.line import Line
from crossemo.checks.stored_weights import stored_lines
from crossemo.checks.subject import Subject
from crossemo.encoders.catalogue import EncoderError
from crossemo.encoders.description import describe
from crossemo.encoders.sources import Source, find_source
from crossemo.encoders.weights import quiet
from crossemo.errors import CrossEmoError, reason_of


def check_encoder(
    name: str,
    device: torch.device | str = "cpu",
    rate: int | None = None,
    only: Collection[str] | None = None,
) -> list[Line]:
    """Return a verdict on everything of an encoder that can silently be wrong.

    Args:
        name: Catalogue name, local folder, hub id, or `file.py:Class`.
        device: Where it runs.
        rate: The rate in Hz that its weights were trained on, where that is known.
        only: The kinds of checks that are made, by the names of their files; all if
            None.

    Raises:
        EncoderError: There is no such encoder.
    """
    source = find_source(name)
    with quiet(), _Exact():
        return list(_lines(source, torch.device(device), rate, only))


def _lines(
    source: Source, device: torch.device, rate: int | None, only: Collection[str] | None
) -> Iterator[Line]:
    loads = "files fit together"
    try:
        about = describe(source)
        yield from stored_lines(about)
        subject = Subject(about, device, rate)
    except EncoderError as error:
        yield Line(loads, "refused", "loads", "fault", str(error))
        return
    yield Line(loads, "loads", "loads", "sound")
    for kind, check in kinds().items():
        if only is not None and kind not in only:
            continue
        try:
            with _Exact():
                yield from check(subject)
        except Exception as error:  # of whatever kind the encoder's code raises
            sentence = str(error) if isinstance(error, CrossEmoError) else None
            reason = sentence or f"It fails: {reason_of(error)}."
            yield Line(kind.replace("_", " "), "fails", "runs", "fault", reason)


class _Exact:
    """Have a GPU compute in float32 what is float32, and modes of torch put back."""

    def __enter__(self) -> None:
        self._before = torch.backends.cudnn.allow_tf32
        self._modes = torch.is_grad_enabled(), torch.get_default_dtype()
        torch.backends.cudnn.allow_tf32 = False

    def __exit__(self, *_: object) -> None:
        torch.backends.cudnn.allow_tf32 = self._before
        torch.set_grad_enabled(self._modes[0])
        torch.set_default_dtype(self._modes[1])
