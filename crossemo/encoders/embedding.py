"""Encoders of which a clip has one embedding: for distances, not to be trained on."""

from collections.abc import Callable, Sequence
from math import prod
from typing import ClassVar

from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from crossemo.encoders.catalogue import EncoderError
from crossemo.encoders.families.base import EncoderFiles, Family, Model, Run


class EmbeddingFamily(Family):
    """A kind of encoder with a single hidden state, the embedding that others publish.

    It has no blocks, so no weighted sum and no adapter. Distances are measured in it,
    to be compared with those of the literature.
    """

    for_distances = True

    def blocks(self, model: Model) -> Sequence[nn.Module]:
        """Return none."""
        return ()


class CodecFamily(EmbeddingFamily):
    """A neural codec: what its convolutions give, before it is quantised.

    Attributes:
        ratios: Field of config.json with the strides, and what it is where not given.
    """

    ratios: ClassVar[tuple[str, tuple[int, ...]]]

    def rate(self, files: EncoderFiles) -> int:
        """Return the sampling rate, which both small files say.

        Raises:
            ValueError: They say different things.
        """
        rate = int(files.config.get("sampling_rate", self.sampling_rate))
        if files.preprocessor.get("sampling_rate", rate) != rate:
            raise ValueError(f"config.json says {rate} Hz, the other file another rate")
        return rate

    def min_samples(self, files: EncoderFiles) -> int:
        """Return the samples of a frame."""
        return prod(files.config.get(*self.ratios))

    def count_frames(self, model: Model, lengths: Sequence[int]) -> list[int]:
        """Return the frames that begin within each clip."""
        hop = hop_of(model)
        return [-(-length // hop) for length in lengths]

    def tensor_name(self, name: str) -> str:
        """Return the name within the encoder."""
        return name.removeprefix("encoder.")

    def embed(
        self, model: Model, waveforms: Tensor, lengths: Sequence[int], run: Run
    ) -> Tensor:
        """Return the latent, `(batch, frames, width)`."""

        def latent(clips: Tensor) -> Tensor:
            encoded: Tensor = model(self.prepared(model, clips[:, None]))
            return encoded.transpose(1, 2)

        weights = next(model.parameters())
        return by_length(latent, waveforms.to(weights.dtype), lengths)

    def prepared(self, model: Model, clips: Tensor) -> Tensor:
        """Return clips `(batch, 1, samples)` as the model takes them."""
        return clips


def hop_of(model: nn.Module) -> int:
    """Return the samples from one frame of a stack of convolutions to the next."""
    convolutions = (one for one in model.modules() if isinstance(one, nn.Conv1d))
    return prod(one.stride[0] for one in convolutions)


def by_length(
    embed: Callable[[Tensor], Tensor], waveforms: Tensor, lengths: Sequence[int]
) -> Tensor:
    """Embed every clip beside those of its very length alone, so that none is padded.

    Args:
        embed: Takes clips `(batch, samples)` and gives `(batch, frames, width)`.
        waveforms: `(batch, samples)`.
        lengths: Valid samples of each clip.

    Returns:
        `(batch, most frames of a clip, width)`, zero on padding.

    >>> import torch
    >>> clips = torch.tensor([[1.0, 2.0, 9.0], [3.0, 4.0, 5.0]])
    >>> by_length(lambda alike: alike.cumsum(1)[:, :, None], clips, [2, 3])[:, :, 0]
    tensor([[ 1.,  3.,  0.],
            [ 3.,  7., 12.]])
    """
    rows: dict[int, Tensor] = {}
    for length in dict.fromkeys(lengths):
        places = [place for place, other in enumerate(lengths) if other == length]
        rows.update(zip(places, embed(waveforms[places, :length]), strict=True))
    return pad_sequence(
        [rows[place] for place in range(len(lengths))], batch_first=True
    )


def refuse_embedding(family: Family, name: str) -> None:
    """Refuse an encoder that has no hidden states to choose from or to train.

    Args:
        family: What kind of encoder it is.
        name: Its name.

    Raises:
        EncoderError: It is for distances only.
    """
    if family.for_distances:
        raise EncoderError(
            f"{name} gives one embedding of a clip and has no layers to weigh, probe "
            "or train: it is for distances that compare with the literature, so use "
            f"`crossemo fad --encoder {name}`, or choose another encoder here."
        )
