"""The features that an audit trains on, computed once and kept."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from crossemo.data.datamodule import EmotionDataModule
from crossemo.encoders.exposure import Marks
from crossemo.probes.clips import ProbedClips
from crossemo.probes.fairness import probe_marks
from crossemo.probes.views import Looks, acoustic_views, read_views

ACOUSTIC = "log-mel"


@dataclass(frozen=True)
class AuditedFeatures:
    """What of the clips a classifier gets.

    Args:
        encoder: A name from the catalogue, a hub id, or a local folder, whose hidden
            states are averaged over a clip's frames; None for mean and deviation of
            the level in 64 mel bands.
        layers: The `mean` of all hidden states, or one of them by its number.
        allow_leak: Audit also on clips that the encoder has seen in a training of
            crossemo's; every table then says so.
    """

    encoder: str | None = None
    layers: Literal["mean"] | int = "mean"
    allow_leak: bool = False

    def __str__(self) -> str:
        if self.encoder is None:
            return f"{ACOUSTIC} means and deviations"
        which = "mean of all hidden states" if self.layers == "mean" else self._one
        return f"{which} of {self.encoder}"

    @property
    def _one(self) -> str:
        return f"hidden state {self.layers}"

    def marks(
        self,
        data: EmotionDataModule,
        clips: ProbedClips,
        roles: Sequence[str],
        *,
        strict: bool = False,
    ) -> Marks:
        """Return what is said of scores by an encoder that knows the tested clips.

        Args:
            data: A datamodule that is set up.
            clips: Its clips.
            roles: Those that are audited.
            strict: Whether to refuse trainings of others on their corpora.

        Raises:
            LeakError: It knows them, and that is not allowed.
        """
        if self.encoder is None:
            return Marks(dict.fromkeys(roles, ()))
        return probe_marks(
            self.encoder, data, clips, roles, allowed=self.allow_leak, strict=strict
        )

    def read(
        self, data: EmotionDataModule, clips: ProbedClips, device: torch.device
    ) -> Tensor:
        """Return the features of all clips, `(clips, width)`.

        Args:
            data: A datamodule that is set up.
            clips: Its clips.
            device: Where the encoder runs.

        Raises:
            CrossEmoError: There is no such encoder or hidden state.
        """
        if self.encoder is None:
            views = acoustic_views([ACOUSTIC], data, clips, speaks=True)
        else:
            looks = Looks(self.encoder, references=[])
            if self.layers != "mean":
                looks = replace(looks, layers=[self.layers])
            views = read_views(data, clips, looks, device, speaks=True)
        return torch.stack(list(views.values())).mean(0)
