"""What stands between an encoder's files and whatever libraries make of them."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from crossemo.encoders.catalogue import EncoderError
from crossemo.errors import CrossEmoError, reason_of

MOST_TENSORS = 10_000  # the largest encoders that were published have a thousand
_SLACK = 1_000_000  # numbers by which a model may outgrow its file, to say what lacks


@contextmanager
def one_refusal(name: str) -> Iterator[None]:
    """Turn whatever a library raises over an encoder's files into one sentence.

    Args:
        name: Name of the encoder.

    Raises:
        EncoderError: Something other than a `CrossEmoError` was raised.
    """
    try:
        yield
    except CrossEmoError:
        raise
    except Exception as error:
        raise EncoderError(
            f"{name} can't be loaded ({reason_of(error)}): its config.json or another "
            "of its files is damaged or another program's, so save or download the "
            "encoder again."
        ) from error


@contextmanager
def no_larger_than(numbers: int, name: str) -> Iterator[None]:
    """Stop a model from being built that has more parameters than its file.

    Each parameter is counted when a module gets it, which is before it is filled: a
    configuration of absurd sizes takes neither time nor memory.

    Args:
        numbers: About how many numbers all parameters have at most.
        name: Name of the encoder.

    Raises:
        EncoderError: There are more, or more than `MOST_TENSORS` tensors.
    """
    sizes: dict[tuple[nn.Module, str], int] = {}
    total = 0

    def count(module: nn.Module, key: str, parameter: nn.Parameter | None) -> None:
        nonlocal total
        size = 0 if parameter is None else parameter.numel()
        total += size - sizes.get((module, key), 0)
        sizes[module, key] = size
        if total > numbers + _SLACK or len(sizes) > MOST_TENSORS:
            raise EncoderError(
                f"The config.json of {name} describes a model of more than {total} "
                f"numbers in {len(sizes)} tensors, far larger than its weights: save "
                "or download the encoder again."
            )

    hook = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        hook.remove()
