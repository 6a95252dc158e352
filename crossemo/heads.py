"""Masked pooling over frames and the classifier."""

from collections.abc import Collection
from typing import Literal

import torch
from torch import Tensor, nn

from crossemo.encoders.masking import masked_mean, require_frames
from crossemo.errors import CrossEmoError

PoolingName = Literal["mean", "attentive"]


class MeanPooling(nn.Module):
    """Mean over the frames of a clip.

    Args:
        width: Features per frame; the pooled vector is as wide.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.output_width = width

    def forward(self, frames: Tensor, mask: Tensor) -> Tensor:
        """Pool `(batch, frames, width)` to `(batch, width)`; see `masked_mean`."""
        return masked_mean(frames, mask)


class AttentiveStatisticsPooling(nn.Module):
    """Mean and standard deviation over frames that are weighted by attention.

    A frame `h` scores `v · tanh(W h + b)`; the softmax of the scores over the clip's
    frames weighs them (Okabe et al., 2018).

    Args:
        width: Features per frame; the pooled vector is twice as wide.
        hidden: Rows of `W`.
    """

    def __init__(self, width: int, hidden: int = 128) -> None:
        super().__init__()
        self.output_width = 2 * width
        # v needs no bias: a constant added to all scores leaves the softmax as it is
        self.score = nn.Sequential(
            nn.Linear(width, hidden), nn.Tanh(), nn.Linear(hidden, 1, bias=False)
        )

    def forward(self, frames: Tensor, mask: Tensor) -> Tensor:
        """Pool the frames of each clip.

        Args:
            frames: `(batch, frames, width)`.
            mask: `(batch, frames)` bool, True on frames of the clip.

        Returns:
            `(batch, 2 * width)`: the weighted means, then the weighted standard
            deviations. Variances below the precision of the data type count as that
            precision, where the root still has a finite gradient.

        Raises:
            ValueError: A clip has no frame.
        """
        require_frames(mask)
        outside = ~mask.unsqueeze(-1)
        frames = frames.masked_fill(outside, 0)
        scores = self.score(frames).masked_fill(outside, -torch.inf)
        weights = scores.softmax(dim=1)  # (batch, frames, 1)
        mean = (weights * frames).sum(1)
        variance = (weights * (frames - mean.unsqueeze(1)).square()).sum(1)
        floor = torch.finfo(variance.dtype).eps
        return torch.cat((mean, variance.clamp(min=floor).sqrt()), dim=1)


class EmotionHead(nn.Module):
    """SUPERB's emotion head: project every frame, pool the clip, classify it.

    As in SUPERB (Yang et al., 2021) nothing non-linear stands between the layers, so
    with mean pooling the head is one linear map of the mean frame, of rank `hidden`
    at most.

    Args:
        width: Features per frame.
        classes: Number of classes.
        pooling: `mean`, SUPERB's, or `attentive`, see `AttentiveStatisticsPooling`.
        hidden: Features per frame after the projection.
        dropout: Probability of dropping a pooled feature in training.

    Raises:
        CrossEmoError: `pooling` is unknown, or `hidden` is below 1.
    """

    def __init__(
        self,
        width: int,
        classes: int,
        pooling: PoolingName = "mean",
        hidden: int = 256,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if hidden < 1:
            raise CrossEmoError(
                f"The head's hidden width is {hidden}: choose 1 or more."
            )
        self.projection = nn.Linear(width, hidden)
        self.pooling = _pooling(pooling, hidden)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(self.pooling.output_width, classes)

    def reset_parameters(self, parts: Collection[str] = ("projector", "head")) -> None:
        """Draw new weights from the global generator, as at first.

        Args:
            parts: `projector`, the projection and the pooling; `head`, the classifier.
        """
        modules: list[nn.Module] = []
        modules += [self.projection, self.pooling] if "projector" in parts else []
        modules += [self.classifier] if "head" in parts else []
        for module in nn.ModuleList(modules).modules():
            if isinstance(module, nn.Linear):
                module.reset_parameters()

    def forward(self, frames: Tensor, mask: Tensor) -> Tensor:
        """Classify clips.

        Args:
            frames: `(batch, frames, width)`.
            mask: `(batch, frames)` bool, True on frames of the clip.

        Returns:
            Logits, `(batch, classes)`.

        Raises:
            ValueError: A clip has no frame.
        """
        return self.classify(self.embed(frames, mask))

    def embed(self, frames: Tensor, mask: Tensor) -> Tensor:
        """Return what the classifier gets of clips, `(batch, pooled width)`.

        Args:
            frames: As in `forward`.
            mask: As in `forward`.

        Raises:
            ValueError: A clip has no frame.
        """
        embeddings: Tensor = self.pooling(self.projection(frames), mask)
        return embeddings

    def classify(self, embeddings: Tensor) -> Tensor:
        """Return the logits `(batch, classes)` of what `embed` gave."""
        logits: Tensor = self.classifier(self.dropout(embeddings))
        return logits


def _pooling(name: str, width: int) -> MeanPooling | AttentiveStatisticsPooling:
    if name == "mean":
        return MeanPooling(width)
    if name == "attentive":
        return AttentiveStatisticsPooling(width)
    raise CrossEmoError(f"Unknown pooling {name!r}: choose mean or attentive.")
