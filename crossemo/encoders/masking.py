"""Steps in which padding would leak into a clip, done so that it doesn't.

A clip must get the same hidden states alone and beside longer clips. Layer norms and
unpadded convolutions give them anyway; what follows are the steps that don't.

Lengths are plain numbers, so that a device is never waited for. Only in a graph that is
exported are they a tensor, `(batch,)`: nobody knows them yet.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from transformers.modeling_layers import GradientCheckpointingLayer

Layer = Callable[[Tensor], Tensor]
Lengths = Sequence[int] | Tensor


def valid_mask(lengths: Lengths, size: int, device: torch.device) -> Tensor:
    """Return the `(batch, size)` bool mask that is True within each length."""
    positions = torch.arange(size, device=device)
    return positions < torch.as_tensor(lengths, device=device)[:, None]


def unpadded(lengths: Lengths, size: int) -> bool:
    """Return whether all clips are known to fill `(batch, size)`."""
    return not isinstance(lengths, Tensor) and min(lengths) == size


def normalise(waveforms: Tensor, mask: Tensor, epsilon: float = 1e-7) -> Tensor:
    """Bring every clip to zero mean and unit variance over its valid samples.

    Args:
        waveforms: `(batch, samples)` float32.
        mask: `(batch, samples)` bool, True on samples of the clip.
        epsilon: What is added to the variance; by default as transformers' feature
            extractor does clip by clip.

    Returns:
        `(batch, samples)`, zero on padding.
    """
    count = mask.sum(dim=1, keepdim=True)
    mean = waveforms.masked_fill(~mask, 0).sum(dim=1, keepdim=True) / count
    centred = (waveforms - mean).masked_fill(~mask, 0)
    variance = centred.square().sum(dim=1, keepdim=True) / count
    return centred / torch.sqrt(variance + epsilon)


def count_windows(lengths: Lengths, size: int, step: int) -> Any:  # noqa: ANN401
    """Return how many windows lie within each length, a list of a list.

    Args:
        lengths: The lengths, at least `size`.
        size: Length of a window.
        step: From the beginning of one to that of the next.

    >>> count_windows([5, 6, 8], size=5, step=3)
    [1, 1, 2]
    """
    if isinstance(lengths, Tensor):
        return (lengths - size) // step + 1
    return [(length - size) // step + 1 for length in lengths]


def count_frames(
    layers: "Iterable[GradientCheckpointingLayer]", lengths: Lengths
) -> Any:  # noqa: ANN401
    """Return how many frames convolution layers make of clips.

    Args:
        layers: Convolution layers of a feature encoder.
        lengths: Valid samples of each clip.

    Returns:
        Valid frames of each clip, a list of a list and a tensor of a tensor.
    """
    counts: Any = lengths
    for layer in layers:
        (kernel,), (stride,) = layer.conv.kernel_size, layer.conv.stride
        counts = count_windows(counts, kernel, stride)
    return counts


def convolve(
    layers: "Iterable[GradientCheckpointingLayer]",
    waveforms: Tensor,
    lengths: Lengths,
    run: Callable[[Layer, Tensor], Tensor],
) -> tuple[Tensor, Any]:
    """Turn waveforms into frames through transformers' convolution layers.

    The convolutions have no padding, so a valid frame sees valid samples only. A group
    norm takes its statistics over time and is computed within each clip.

    Args:
        layers: Convolution layers of a feature encoder.
        waveforms: `(batch, samples)`.
        lengths: Valid samples of each clip.
        run: Applies a step to a tensor, with or without gradient checkpointing.

    Returns:
        Frames `(batch, frames, channels)` and the number of valid frames of each clip.
    """
    hidden, counts = waveforms[:, None], lengths
    for layer in layers:
        counts = count_frames([layer], counts)
        hidden = run(_convolution_step(layer, counts), hidden)
    return hidden.transpose(1, 2), counts


def _convolution_step(layer: "GradientCheckpointingLayer", counts: Lengths) -> Layer:
    step: Layer = layer
    if not isinstance(getattr(layer, "layer_norm", None), nn.GroupNorm):
        return step

    def within_clips(hidden: Tensor) -> Tensor:
        normed = group_norm(layer.layer_norm, layer.conv(hidden), counts)
        activated: Tensor = layer.activation(normed)
        return activated

    return within_clips


def group_norm(norm: nn.GroupNorm, hidden: Tensor, counts: Lengths) -> Tensor:
    """Apply a group norm to the valid frames of every clip.

    Args:
        norm: The group norm.
        hidden: `(batch, channels, frames)`.
        counts: Valid frames of each clip.

    Returns:
        `(batch, channels, frames)`, zero on padding; on valid frames what each clip
        would give alone.
    """
    frames = hidden.shape[-1]
    if isinstance(counts, Tensor):
        return _masked_group_norm(norm, hidden, counts)
    if unpadded(counts, frames):
        whole: Tensor = norm(hidden)
        return whole
    clips = [
        functional.pad(norm(clip[None, :, :count]), (0, frames - count))
        for clip, count in zip(hidden, counts, strict=True)
    ]
    return torch.cat(clips)


def _masked_group_norm(norm: nn.GroupNorm, hidden: Tensor, counts: Tensor) -> Tensor:
    """Do the same to all clips at once, without a look at the counts."""
    batch, _, frames = hidden.shape
    inside = valid_mask(counts, frames, hidden.device)[:, None, None]
    # (batch, groups, channels of a group, frames)
    grouped = hidden.reshape(batch, norm.num_groups, -1, frames)
    size = counts[:, None, None, None] * grouped.shape[2]
    mean = grouped.masked_fill(~inside, 0).sum((2, 3), keepdim=True) / size
    centred = (grouped - mean).masked_fill(~inside, 0)
    variance = centred.square().sum((2, 3), keepdim=True) / size
    normed = (centred * (variance + norm.eps).rsqrt()).flatten(1, 2)
    affine = normed * norm.weight[:, None] + norm.bias[:, None]
    return affine.masked_fill(~inside[:, 0], 0)


def positions(embedding: nn.Module, hidden: Tensor, padding: Tensor) -> Tensor:
    """Return the convolutional position embedding of every clip.

    Args:
        embedding: transformers' positional convolution, or data2vec's stack of them.
        hidden: `(batch, frames, width)`, zero on padding.
        padding: `(batch, frames, 1)` bool, True outside the clip.

    Returns:
        `(batch, frames, width)`. Each convolution pads with zeros, so what it reads
        beyond a clip must be zero too: again before each one of data2vec's stack.
    """
    stack = getattr(embedding, "layers", None)
    if stack is None:
        embedded: Tensor = embedding(hidden)
        return embedded
    for layer in stack:
        hidden = layer(hidden.transpose(1, 2)).transpose(1, 2)
        hidden = hidden.masked_fill(padding, 0)
    return hidden


def masked_mean(frames: Tensor, mask: Tensor) -> Tensor:
    """Average the frames of each clip, without its padding.

    Args:
        frames: `(batch, frames, width)`; what stands in the padding has no influence,
            NaN included.
        mask: `(batch, frames)` bool, True on frames of the clip.

    Returns:
        `(batch, width)`.

    Raises:
        ValueError: A clip has no frame.

    >>> frames = torch.tensor([[[1.0], [3.0], [100.0]]])
    >>> masked_mean(frames, torch.tensor([[True, True, False]]))
    tensor([[2.]])
    """
    require_frames(mask)
    frames = frames.masked_fill(~mask.unsqueeze(-1), 0)
    return frames.sum(1) / mask.sum(1, keepdim=True)


def require_frames(mask: Tensor) -> None:
    """Refuse clips without a frame.

    Raises:
        ValueError: A row of the mask `(batch, frames)` is all False.
    """
    filled = mask.any(dim=1)
    # Only known once an exported graph runs
    if not torch.compiler.is_exporting() and not filled.all():
        clip = int((~filled).nonzero()[0])
        raise ValueError(
            f"Clip {clip} of the batch has no frame to pool: its waveform is shorter "
            "than the encoder's receptive field, so raise min_samples or leave it out."
        )
