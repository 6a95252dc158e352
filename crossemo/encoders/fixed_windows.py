"""Encoders that hear windows of one length: clips are cut, padded, and put together."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence


def cut(waveforms: Tensor, lengths: Sequence[int], size: int) -> tuple[Tensor, Tensor]:
    """Return the windows of all clips, one after another.

    Args:
        waveforms: `(batch, samples)`, zero on padding.
        lengths: Valid samples of each clip.
        size: Samples of a window; the last one of a clip is padded with silence.

    Returns:
        `(windows, size)` and how many each clip has, `(batch,)`.

    >>> windows, counts = cut(torch.ones(2, 5), [5, 2], 4)
    >>> windows.shape, counts.tolist()
    (torch.Size([3, 4]), [2, 1])
    """
    counts = [-(-length // size) for length in lengths]
    rows = [
        functional.pad(row[:length], (0, count * size - length)).view(count, size)
        for row, length, count in zip(waveforms, lengths, counts, strict=True)
    ]
    return torch.cat(rows), torch.tensor(counts)


def joined(windows: Tensor, counts: Tensor, frames: Sequence[int]) -> Tensor:
    """Return the frames of every clip in a row, without those of the silence.

    Args:
        windows: `(windows, frames, width)` of the windows that `cut` returns.
        counts: How many windows each clip has.
        frames: How many frames each clip has.

    Returns:
        `(batch, most frames of a clip, width)`, zero on padding.
    """
    clips = zip(windows.split(counts.tolist()), frames, strict=True)
    rows = [of_clip.flatten(0, 1)[:count] for of_clip, count in clips]
    return pad_sequence(rows, batch_first=True)
