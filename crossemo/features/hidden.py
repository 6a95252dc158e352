"""Hidden states of a frozen encoder, pooled over each clip's frames once and kept.

A frozen encoder gives the same hidden states in every epoch, fold and run, so one pass
over the audio is enough for all of them.
"""

from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crossemo.data.batch import Batch, Content
from crossemo.data.dataset import ClipDataset
from crossemo.encoders import HiddenStates, SSLEncoder
from crossemo.encoders.masking import valid_mask
from crossemo.features.extraction import FeatureError as FeatureError
from crossemo.features.extraction import Precision, Tensors, averaged
from crossemo.features.store import Kept, keep, kept_folder


class Features(Kept):
    """Kept features of clips, memory-mapped.

    Args:
        files: Safetensors files as `keep_features` writes them.

    Attributes:
        means: By key of a clip, `(states, width)` its mean over the frames.
        deviations: By key, `(states, width)` its standard deviation over them.
    """

    def __init__(self, files: Iterable[Path]) -> None:
        super().__init__(files)
        self.means = {key: parts["mean"] for key, parts in self.items()}
        self.deviations = {key: parts["deviation"] for key, parts in self.items()}


class HiddenStore:
    """Hidden states of clips in the place of their waveforms, see `ClipDataset`.

    By default a clip is one frame of every hidden state, its mean `(states, width)`,
    which mean pooling makes the same of as of all its frames, as do weighted sums and
    projections before it.

    Args:
        dataset: The clips with their waveforms.
        features: Hidden states of these clips.
        content: What of them to serve: `means` of `keep_features`, or `frames` of
            `crossemo.features.frames.keep_frames`.

    Attributes:
        lengths: Samples of each clip's waveform, or of a window of it in the place of
            means, so that batches stay as they are.
        content: As given.
        source: The clips with their waveforms.
    """

    def __init__(
        self, dataset: ClipDataset, features: Kept, content: Content = "means"
    ) -> None:
        self.content, self.source = content, dataset
        self._features = features
        self._name = "mean" if content == "means" else "frames"
        keys = [one.cut_key for one in dataset.examples]
        lengths = dataset.lengths
        if content == "means":
            lengths = [one.length for one in dataset.crops(seed=0, epoch=0)]
        self.lengths = dict(zip(keys, lengths, strict=True))
        self._keys = dict(zip(keys, dataset.keys, strict=True))

    def read(
        self, key: str, start: int = 0, stop: int | None = None
    ) -> NDArray[np.float32]:
        """Return hidden states of a whole clip.

        They are `(states, width)`, or with frames between.
        """
        hidden = self._features[self._keys[key]][self._name]
        return hidden.movedim(-2, 0).float().numpy()


def as_hidden(encoder: SSLEncoder, batch: Batch) -> HiddenStates:
    """Return the hidden states of a batch, computed now or before.

    Args:
        encoder: The encoder, which hidden states in the batch came from.
        batch: The batch.
    """
    if batch.content == "waveforms":
        states: HiddenStates = encoder(batch.inputs, batch.lengths)
        return states
    if batch.content == "means":
        hidden, counts = batch.inputs[:, :, None], [1] * len(batch.inputs)
    else:
        hidden, counts = batch.inputs, batch.lengths.tolist()
    mask = valid_mask(counts, hidden.shape[2], hidden.device)
    return HiddenStates(hidden.transpose(0, 1), mask)


class EncoderExtractor:
    """Computes something of each clip's own hidden states, padding left out.

    Args:
        encoder: The encoder, on the device where it is to run. It is evaluated as
            without training, in float32.
        kind: What is computed, ready for JSON; part of the identity.
        compute: Takes the hidden states of a clip, `(states, frames, width)` float32,
            and gives tensors by name.
        combine: What becomes of the windows of a long clip, see `Extractor`.
    """

    def __init__(
        self,
        encoder: SSLEncoder,
        kind: list[Any],
        compute: Callable[[Tensor], dict[str, Tensor]],
        combine: Callable[[Sequence[Tensors]], Tensors] = averaged,
    ) -> None:
        self.name, self.combine = encoder.name, combine
        self._encoder, self._kind, self._compute = encoder, kind, compute

    def identity(self) -> list[Any]:
        """Return the kind, the digest of the weights, preprocessing and library."""
        encoder = self._encoder
        weights, library = encoder.fingerprint(), version("transformers")
        facts = [encoder.normalised, encoder.sampling_rate, library]
        return [self._kind, weights, *facts]

    def __call__(self, batch: Batch) -> list[dict[str, Tensor]]:
        """Return what is computed of every clip of the batch, on the CPU."""
        encoder = self._encoder
        device = next(encoder.parameters()).device
        training = encoder.training
        encoder.eval()
        states, mask = encoder(batch.inputs.to(device), batch.lengths)
        encoder.train(training)
        clips = []
        for row, count in enumerate(mask.sum(1).tolist()):
            # The frames of a clip come first, and its padding after them.
            computed = self._compute(states[:, row, :count].float())
            clips.append({name: part.cpu() for name, part in computed.items()})
        return clips


def keep_features(
    encoder: SSLEncoder,
    datasets: Sequence[ClipDataset],
    batch_size: int = 16,
    precision: Precision = "float32",
    cache_dir: str | Path | None = None,
    progress: bool = False,
    batch_samples: int | None = None,
) -> Features:
    """Return the features of all clips; compute and keep those that aren't there yet.

    See `crossemo.features.store.keep` for where they lie and how processes share the
    work. Other weights, another preprocessing or other audio make other features.

    Args:
        encoder: The encoder, on the device where it is to run. It is evaluated as
            without training, in float32.
        datasets: Clips with waveforms.
        batch_size: Clips that are encoded at once, of similar length.
        precision: How numbers are kept; float16 takes half the space.
        cache_dir: The cache folder; `crossemo.cache.cache_dir` if None.
        progress: Show a bar.
        batch_samples: Most samples at once, padding included; a longer clip goes by
            itself. Unbounded if None.

    Raises:
        FeatureError: The cache can't be written.
    """
    moments = _moments_of(encoder)
    where = precision, cache_dir, progress
    stored = keep(moments, datasets, batch_size, *where, batch_samples=batch_samples)
    return Features(stored.files)


def features_folder(
    encoder: SSLEncoder,
    precision: Precision = "float32",
    cache_dir: str | Path | None = None,
) -> Path:
    """Return the folder of an encoder's features."""
    return kept_folder(_moments_of(encoder), precision, cache_dir)


def _moments_of(encoder: SSLEncoder) -> EncoderExtractor:
    return EncoderExtractor(encoder, ["moments"], _moments)


def _moments(frames: Tensor) -> dict[str, Tensor]:
    deviation, mean = torch.std_mean(frames, 1, correction=0)
    return {"mean": mean, "deviation": deviation}
