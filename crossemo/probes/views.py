"""Views of the clips that probes are trained on: layers, and what they compare with."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor

from crossemo.data.datamodule import EmotionDataModule
from crossemo.encoders import load_encoder
from crossemo.encoders.attention import Attention
from crossemo.encoders.sources import find_source
from crossemo.errors import CrossEmoError
from crossemo.features.acoustics.references import Acoustics, acoustic_features
from crossemo.features.hidden import keep_features
from crossemo.features.store import keep
from crossemo.probes.clips import ProbedClips
from crossemo.probes.task import scale_of

Kind = Literal["encoder", "random", "acoustic", "constant"]
Pooling = Literal["mean", "statistics"]
BATCH = 16
_KINDS: tuple[Kind, Kind] = ("encoder", "random")


@dataclass(frozen=True)
class View:
    """Features of all clips, of one kind.

    Args:
        name: Its name in tables, such as `7`, `random 7` or `log-mel`.
        kind: Whether it is a hidden state of the encoder, one of the same encoder with
            random weights, or acoustic; a `constant` sees nothing.
        layer: Number of the hidden state.
    """

    name: str
    kind: Kind
    layer: int | None = None

    def describe(self) -> dict[str, Any]:
        """Return the fields, ready for JSON."""
        return asdict(self)


Views = dict[View, Tensor]


@dataclass(frozen=True)
class Looks:
    """What of the clips is looked at.

    Args:
        encoder: Name of the encoder.
        layers: Which of its hidden states.
        pooling: `mean` of a clip's frames, or `statistics`, which adds their standard
            deviation.
        references: What to look at besides, see `LayerwiseProbes`.
        speaker_norm: Bring each speaker's clips to zero mean and unit variance.
        seed: Seed of random weights.
        attention: How the encoder's blocks attend.
        compile: Whether they are compiled.
    """

    encoder: str
    layers: Literal["all"] | list[int] = "all"
    pooling: Pooling = "mean"
    references: Literal["all"] | list[str] = "all"
    speaker_norm: bool = False
    seed: int = 0
    attention: Attention = "sdpa"
    compile: bool = False

    def acoustic(self) -> list[str]:
        """Return the names of the acoustic features, in order.

        Raises:
            CrossEmoError: There is no such reference.
        """
        if self.references == "all":
            return [name for name, one in acoustic_features().items() if one.available]
        known = [*acoustic_features(), "random"]
        for name in self.references:
            if name not in known:
                raise CrossEmoError(
                    f"There is no reference {name!r}: choose {', '.join(known)}, or "
                    "all that can be had."
                )
        return [name for name in self.references if name != "random"]

    def random(self) -> bool:
        """Return whether the encoder with random weights is looked at too.

        Raises:
            CrossEmoError: It is asked for, and the encoder has no other weights.
        """
        source = find_source(self.encoder)
        if source.pretrained and source.code is None:
            return self.references == "all" or "random" in self.references
        if self.references != "all" and "random" in self.references:
            own = "is a file of yours, which alone can draw its weights"
            why = own if source.code else "has random weights itself"
            raise CrossEmoError(
                f"{self.encoder} {why}: leave random out of model.references."
            )
        return False


def read_views(
    data: EmotionDataModule,
    clips: ProbedClips,
    looks: Looks,
    device: torch.device,
    speaks: bool,
) -> Views:
    """Return the views of all clips, computing what isn't kept yet.

    Args:
        data: A datamodule that is set up.
        clips: Its clips.
        looks: What to look at.
        device: Where encoders run.
        speaks: Whether to show bars.

    Returns:
        `(clips, width)` of each view.

    Raises:
        CrossEmoError: There is no such encoder, hidden state or reference.
    """
    acoustic = looks.acoustic()  # before the long work, in case there is none
    keeping = partial(
        keep_features,
        datasets=data.datasets(),
        batch_size=BATCH,
        cache_dir=data.cache_dir,
        progress=speaks,
    )
    views: Views = {}
    for drawn in (False, True) if looks.random() else (False,):
        encoder = load_encoder(
            looks.encoder,
            random_weights=drawn,
            seed=looks.seed,
            attention=looks.attention,
            compile=looks.compile,
        )
        layers = encoder.states_of(looks.layers, "model.layers")
        features = keeping(encoder.to(device))
        values = _rows(features.means, clips, looks.encoder)
        if looks.pooling == "statistics":
            values = torch.cat(
                (values, _rows(features.deviations, clips, looks.encoder)), -1
            )
        for n in layers:
            view = View(f"random {n}" if drawn else f"{n}", _KINDS[drawn], n)
            views[view] = values[:, n].contiguous()
    if acoustic:
        views |= acoustic_views(acoustic, data, clips, speaks)
    return _per_group(views, clips) if looks.speaker_norm else views


def acoustic_views(
    names: Sequence[str], data: EmotionDataModule, clips: ProbedClips, speaks: bool
) -> Views:
    """Return acoustic features of all clips, computing what isn't kept yet.

    Args:
        names: Names of the features.
        data: A datamodule that is set up.
        clips: Its clips.
        speaks: Whether to show bars.

    Returns:
        `(clips, width)` of each.
    """
    features = keep(
        Acoustics(names, data.sampling_rate),
        data.datasets(),
        BATCH,
        cache_dir=data.cache_dir,
        progress=speaks,
    )
    return {
        View(name, "acoustic"): _rows(
            {key: features[key][name] for key in clips.keys}, clips, name
        )
        for name in names
    }


def _rows(features: Mapping[str, Tensor], clips: ProbedClips, what: str) -> Tensor:
    """Return the clips' features in order.

    Raises:
        CrossEmoError: One isn't finite.
    """
    rows = torch.stack([features[key].float() for key in clips.keys])
    if not rows.isfinite().all():
        broken = (~rows.flatten(1).isfinite().all(1)).nonzero()[0]
        raise CrossEmoError(
            f"What {what} gives for the clip {clips.ids[int(broken)]} is not finite: "
            "look at that recording, or leave one of the two out."
        )
    return rows


def _per_group(views: Views, clips: ProbedClips) -> Views:
    """Bring each group's clips of a role to zero mean and unit variance.

    Takes out how a speaker or artist sounds at all. It looks at all clips of those who
    are tested, though not at their labels.
    """
    places: dict[tuple[int, str], list[int]] = {}
    for row, key in enumerate(zip(clips.roles.tolist(), clips.groups, strict=True)):
        places.setdefault(key, []).append(row)
    normed = {}
    for view, values in views.items():
        normed[view] = values.clone()
        for rows in places.values():
            group_values = values[rows]
            everyone = torch.ones(1, len(rows), dtype=torch.bool)
            mean, inverse = scale_of(group_values[None], everyone)
            normed[view][rows] = ((group_values - mean) * inverse)[0]
    return normed
