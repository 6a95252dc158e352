"""A batch of clips as the encoder wants it."""

from typing import NamedTuple

from torch import Tensor


class Batch(NamedTuple):
    """Clips padded to the longest of the batch.

    Args:
        waveforms: `(batch, samples)` float32 at the datamodule's rate, zeros on the
            right; or kept features in their place, `(batch, states, width)` or `(batch,
            states, frames, width)`.
        lengths: `(batch,)` int64, valid samples.
        labels: `(batch,)` int64, class index in the label space.
        indices: `(batch,)` int64, position of the clip in its dataset.
        counted: `(batch,)` bool, False for a clip that is repeated only to give every
            process the same number of batches.
    """

    waveforms: Tensor
    lengths: Tensor
    labels: Tensor
    indices: Tensor
    counted: Tensor
