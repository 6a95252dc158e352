from importlib.metadata import PackageNotFoundError

import pytest
import torch

from crossemo.features.acoustics.base import AcousticsError
from crossemo.features.acoustics.egemaps import egemaps
from crossemo.features.acoustics.references import Acoustics, acoustic_features
from tests.features.acoustics.sounds import RATE, tone


def absent(name: str) -> str:
    raise PackageNotFoundError(name)


def test_a_harmonic_tone_at_220_hz_lies_36_semitones_above_27_5() -> None:
    pytest.importorskip("opensmile", reason="opensmile is not installed")
    clip = torch.stack([tone(220 * k, 2.0) / k for k in range(1, 12)]).sum(0) / 2
    values = egemaps(clip, RATE)
    assert values.shape == (88,)
    assert values[0].item() == pytest.approx(36, abs=0.1)  # mean pitch comes first


def test_without_opensmile_a_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("crossemo.features.acoustics.egemaps.version", absent)
    assert not acoustic_features()["eGeMAPS"].available
    with pytest.raises(AcousticsError) as error:
        Acoustics(["level", "eGeMAPS"], RATE)
    assert str(error.value) == (
        "eGeMAPS needs opensmile, whose licence is for research: install "
        "crossemo[egemaps]."
    )
