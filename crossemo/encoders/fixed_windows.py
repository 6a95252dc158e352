"""Encoders that hear windows of one length: clips are cut, padded, and put together."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from crossemo.encoders.families.base import EncoderFiles, Family, Model, Run


class WindowedFamily(Family):
    """A family whose blocks read windows of one length, as in its training.

    What is shorter is padded with silence, which the blocks hear as in training, and
    what is longer is cut into windows that know nothing of each other. Frames beyond a
    clip are left out of the hidden states.

    `embed` returns what the first block reads of the windows, `(batch * windows,
    tokens, width)`, those of a clip in a row.
    """

    def normalises(self, files: EncoderFiles) -> bool:
        """Return False: what may be normalised is a spectrogram."""
        return False

    def blocks(self, model: Model) -> Sequence[nn.Module]:
        """Return the blocks."""
        layers: Sequence[nn.Module] = model.layers
        return layers

    def frames_of(self, model: Model, tokens: Tensor) -> Tensor:
        """Return the frames `(windows, frames, width)` of what a block gives."""
        return tokens

    def hidden_states(
        self, model: Model, waveforms: Tensor, lengths: Sequence[int], run: Run
    ) -> list[Tensor]:
        """Return hidden states 0 to the number of blocks; arguments as in `embed`."""
        batch, samples = waveforms.shape
        most = self.count_frames(model, [samples])[0]

        def of_clips(tokens: Tensor) -> Tensor:
            frames = self.frames_of(model, tokens)
            rows = frames.reshape(batch, -1, frames.shape[-1])
            return rows[:, :most].contiguous()  # no view that keeps the silence

        tokens = self.embed(model, waveforms, lengths, run)
        states = [of_clips(tokens)]
        for block in self.blocks(model):
            tokens = run(block, tokens, attention_mask=None)
            states.append(of_clips(tokens))
        return states


def cut(signal: Tensor, size: int, step: int, count: int) -> Tensor:
    """Return windows of all clips, one after another.

    Args:
        signal: `(batch, length, …)`, zero on padding.
        size: Length of a window; what a clip lacks is zero.
        step: From the beginning of a window to that of the next one.
        count: Windows of a clip.

    Returns:
        `(batch * count, …, size)`.

    >>> import torch
    >>> cut(torch.arange(1, 6)[None], 4, 3, 2)
    tensor([[1, 2, 3, 4],
            [4, 5, 0, 0]])
    """
    lacking = step * (count - 1) + size - signal.shape[1]
    sides = [0, 0] * (signal.dim() - 2) + [0, lacking]  # cuts what is too much
    return functional.pad(signal, sides).unfold(1, size, step).flatten(0, 1)
