"""A batch of clips as a model takes it."""

from typing import Literal, NamedTuple

from torch import Tensor

Content = Literal["waveforms", "means", "frames"]


class Batch(NamedTuple):
    """Clips, or windows of clips, padded to the longest of the batch.

    Args:
        inputs: What `content` says, float32, with zeros on the right.
        lengths: `(batch,)` int64, valid samples of each waveform; valid frames where
            the inputs are `frames`.
        targets: `(batch,)` int64, class index; or `(batch, outputs)` float32 values.
        indices: `(batch,)` int64, position of the clip in its dataset; windows of one
            clip have the same.
        counted: `(batch,)` bool, False for a window that is repeated only to give every
            process the same number of batches.
        content: What the inputs are: `waveforms` `(batch, samples)` at the datamodule's
            rate; or hidden states of a frozen encoder, their `means` over each clip's
            frames `(batch, states, width)` or all `frames` `(batch, states, frames,
            width)`.
    """

    inputs: Tensor
    lengths: Tensor
    targets: Tensor
    indices: Tensor
    counted: Tensor
    content: Content = "waveforms"
