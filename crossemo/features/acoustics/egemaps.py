"""The extended Geneva minimalistic acoustic parameter set, through openSMILE."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from crossemo.features.acoustics.base import AcousticsError, Feature

SHORTEST = 0.1  # s; openSMILE gives NaN for clips of less than 60 ms


def egemaps(waveform: Tensor, rate: int) -> Tensor:
    """Return the functionals of eGeMAPSv02; needs `crossemo[egemaps]`.

    Clips shorter than 0.1 s are continued with silence.

    Reference: Eyben et al. (2016), The Geneva minimalistic acoustic parameter set
    (GeMAPS) for voice research and affective computing, IEEE Transactions on Affective
    Computing 7(2).

    Args:
        waveform: `(samples,)`, full scale 1.
        rate: Sampling rate in Hz.

    Returns:
        `(88,)`, in openSMILE's order and units.

    Raises:
        AcousticsError: opensmile is not installed.
    """
    missing = round(SHORTEST * rate) - len(waveform)
    whole = pad(waveform, (0, max(missing, 0)))
    features = _smile().process_signal(whole.numpy(), rate)
    return torch.tensor(features.to_numpy()[0])


def opensmile_version() -> str:
    """Return the version of opensmile.

    Raises:
        AcousticsError: It is not installed.
    """
    try:
        return version("opensmile")
    except PackageNotFoundError as error:
        raise AcousticsError(
            "eGeMAPS needs opensmile, whose licence is for research: install "
            "crossemo[egemaps]."
        ) from error


@cache
def _smile() -> Any:  # noqa: ANN401 (opensmile has no types)
    opensmile_version()
    import opensmile  # optional, and slow

    return opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02,
        feature_level=opensmile.FeatureLevel.Functionals,
    )


FEATURE = Feature("eGeMAPS", egemaps, 88, opensmile_version)
