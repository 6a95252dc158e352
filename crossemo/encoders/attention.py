"""How an encoder's blocks attend and run: the same numbers, at another speed."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from crossemo.encoders.catalogue import EncoderError
from crossemo.errors import reason_of

# As transformers calls them.
Attention = Literal["sdpa", "eager", "flash_attention_2", "flash_attention_3"]
DEFAULT: Attention = "sdpa"
_FLASH = "flash_attention_"


def choose_attention(model: nn.Module, attention: Attention, name: str) -> None:
    """Have the blocks of a model attend in some way.

    Args:
        model: The model, changed in place.
        attention: The way.
        name: Name of the encoder, for messages.

    Raises:
        EncoderError: There is no such way, the encoder has no choice, or flash
            attention isn't installed or can't add what this encoder adds.
    """
    if attention not in get_args(Attention):
        raise EncoderError(
            f"Unknown attention {attention!r}: choose {', '.join(get_args(Attention))}."
        )
    if attention == DEFAULT:
        return
    if attention_of(model) is None:
        raise EncoderError(f"{name} has one way to attend: leave {attention} out.")
    if attention.startswith(_FLASH):
        _refuse_flash(model, attention, name)
    set_attention(model, attention)


def set_attention(model: nn.Module, attention: Attention) -> None:
    """Have the blocks of a model attend in a way that is known to work for it."""
    for config in _configs(model):
        config._attn_implementation = attention


def attention_of(model: nn.Module) -> str | None:
    """Return how the blocks of a model attend; None where there is no choice."""
    return next((one._attn_implementation for one in _configs(model)), None)


def compile_blocks(blocks: Sequence[nn.Module], name: str) -> None:
    """Have blocks compiled when they are first called (`torch.compile`).

    One graph serves all blocks and all lengths of clips, and the names of parameters
    stay as they are.

    Args:
        blocks: The blocks.
        name: Name of the encoder, for messages.

    Raises:
        EncoderError: There are none.
    """
    if not blocks:
        raise EncoderError(f"{name} has no blocks to compile: leave compile out.")
    for block in blocks:
        block.compile(dynamic=True)


@contextmanager
def running(model: nn.Module, device: torch.device, name: str) -> Iterator[None]:
    """Turn what can't be run as it was chosen into one sentence.

    Args:
        model: The model.
        device: Where it runs.
        name: Name of the encoder.

    Raises:
        EncoderError: Flash attention would compute on a CPU or in float32, or blocks
            can't be compiled.
    """
    attention = attention_of(model) or ""
    half = torch.is_autocast_enabled(device.type)
    if attention.startswith(_FLASH) and (device.type == "cpu" or not half):
        raise EncoderError(
            f"{attention} computes on a GPU and in half precision alone, which {name} "
            "isn't run in here: add --trainer.precision bf16-mixed, or choose sdpa."
        )
    try:
        yield
    except Exception as error:
        if not type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
            raise
        raise EncoderError(
            f"The blocks of {name} can't be compiled here ({reason_of(error)}): leave "
            "compile out, or install what torch.compile asks for."
        ) from error


def mask_for(model: nn.Module, mask: Tensor | None, hidden: Tensor) -> Tensor | None:
    """Return the mask of attention in the form that the chosen way takes.

    Args:
        model: The model.
        mask: `(batch, frames)` bool, True on frames of the clip; None if all are.
        hidden: What blocks read, for its type.

    Returns:
        None where all frames may be attended to; `(batch, 1, 1, frames)` bool for sdpa,
        in numbers to add for eager; as it was for flash attention.
    """
    attention = attention_of(model) or DEFAULT
    if mask is None or attention.startswith(_FLASH):
        return mask
    of_keys = mask[:, None, None, :]
    if attention != "eager":
        return of_keys
    shut = torch.finfo(hidden.dtype).min
    return torch.zeros_like(of_keys, dtype=hidden.dtype).masked_fill(~of_keys, shut)


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    bias: Tensor,
    *,
    dropout: float = 0.0,
    eager: bool = False,
) -> Tensor:
    """Attend with a bias on the logits, which flash attention can't add.

    Args:
        query: `(batch, heads, frames, width of a head)`.
        key: The same.
        value: The same.
        bias: `(batch, heads, frames, frames)`.
        dropout: Share of the weights that is left out.
        eager: Step by step, rather than by torch's own function.

    Returns:
        `(batch, heads, frames, width of a head)`.
    """
    if not eager:
        return functional.scaled_dot_product_attention(
            query, key, value, attn_mask=bias.to(query.dtype), dropout_p=dropout
        )
    logits = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1]) + bias
    weights = functional.dropout(logits.softmax(-1).to(value.dtype), dropout)
    return weights @ value


def _refuse_flash(model: nn.Module, attention: str, name: str) -> None:
    from transformers.utils import import_utils

    if not getattr(model, "_supports_flash_attn", False):
        raise EncoderError(
            f"{name} adds to the logits of its attention what {attention} can't add, "
            "or wasn't made for it: choose sdpa or eager."
        )
    version = attention.removeprefix(_FLASH)
    if not getattr(import_utils, f"is_flash_attn_{version}_available")():
        raise EncoderError(
            f"{attention} isn't installed here, or there is no GPU for it: choose "
            "sdpa, or install flash-attn."
        )


def _configs(model: nn.Module) -> list[Any]:
    """Return the configurations that say how modules attend, each once."""
    every = (getattr(module, "config", None) for module in model.modules())
    choosing = [one for one in every if hasattr(one, "_attn_implementation")]
    return list({id(one): one for one in choosing}.values())
