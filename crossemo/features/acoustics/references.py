"""The acoustic features by name, a file each."""

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from crossemo.data.batch import Batch
from crossemo.features import acoustics
from crossemo.features.acoustics.base import AcousticsError, Feature
from crossemo.features.extraction import Tensors, averaged

VERSION = 1  # raise it when a feature changes
# The order in tables; further features follow by the name of their file.
ORDER = ("level", "timing", "pitch", "spectrum", "egemaps")


def acoustic_features() -> Mapping[str, Feature]:
    """Return the features by name: the `FEATURE` of every file here that has one."""
    files = {module.name for module in iter_modules(acoustics.__path__)}
    features: dict[str, Feature] = {}
    for file in [*ORDER, *sorted(files.difference(ORDER))]:
        module = import_module(f"{acoustics.__name__}.{file}")
        feature = getattr(module, "FEATURE", None)
        if isinstance(feature, Feature):
            features[feature.name] = feature
    return features


class Acoustics:
    """Computes acoustic features, each clip for itself.

    Args:
        names: Of `acoustic_features`, in any order.
        rate: Sampling rate of the clips in Hz.

    Attributes:
        name: Name of the features in the cache.
        names: The features in the order of `acoustic_features`.
        rate: Sampling rate in Hz.

    Raises:
        AcousticsError: There is no such feature, or it needs what is not installed.
    """

    name = "acoustics"

    def __init__(self, names: Iterable[str], rate: int) -> None:
        wanted, features = set(names), acoustic_features()
        for name in sorted(wanted - features.keys()):
            choices = ", ".join(features)
            raise AcousticsError(
                f"There is no feature {name!r}: choose from {choices}."
            )
        self._features = {n: one for n, one in features.items() if n in wanted}
        self.names = tuple(self._features)
        self.rate = rate
        self.identity()  # says early what is not installed

    def identity(self) -> list[Any]:
        """Return all that the values depend on, for JSON."""
        libraries = {
            name: feature.library()
            for name, feature in self._features.items()
            if feature.library
        }
        return [self.name, VERSION, self.rate, list(self.names), libraries]

    def __call__(self, batch: Batch) -> list[Tensors]:
        """Return the features of each window by name, `(width,)` float32 on the CPU."""
        waveforms = batch.inputs.cpu()
        clips = [
            waveform[:length]
            for waveform, length in zip(waveforms, batch.lengths.tolist(), strict=True)
        ]
        return [
            {n: one.compute(clip, self.rate) for n, one in self._features.items()}
            for clip in clips
        ]

    def combine(self, windows: Sequence[Tensors]) -> Tensors:
        """Return the means over the windows of a clip."""
        return averaged(windows)
