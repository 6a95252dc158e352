import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

import crossemo.features.acoustics
from crossemo.data.batch import Batch
from crossemo.features.acoustics.base import AcousticsError
from crossemo.features.acoustics.references import Acoustics, acoustic_features
from crossemo.features.extraction import Extractor
from tests.features.acoustics.sounds import RATE, click, noise, silence, tone

ACOUSTICS = acoustic_features()
HERE = [name for name, feature in ACOUSTICS.items() if feature.available]
ODD = {
    "silence": silence(1.0),
    "a click": click(1.0),
    "25 ms": noise(0.025),
    "25 ms of silence": silence(0.025),
    "one sample": torch.ones(1),
    "noise": noise(1.0),
}


def batch(clips: list[Tensor]) -> Batch:
    count = len(clips)
    return Batch(
        pad_sequence(clips, batch_first=True),
        torch.tensor([len(clip) for clip in clips]),
        torch.zeros(count, dtype=torch.int64),
        torch.arange(count),
        torch.ones(count, dtype=torch.bool),
    )


@pytest.mark.parametrize("rate", [16_000, 24_000])
@pytest.mark.parametrize("clip", ODD.values(), ids=ODD.keys())
def test_every_feature_of_any_sound_is_finite(clip: Tensor, rate: int) -> None:
    (values,) = Acoustics(HERE, rate)(batch([clip]))
    assert list(values) == HERE
    for name, feature in values.items():
        assert feature.shape == (ACOUSTICS[name].width,)
        assert feature.dtype == torch.float32
        assert feature.isfinite().all(), name


@given(st.permutations([tone(300, 0.3), noise(0.1), click(0.2), noise(0.5)]))
def test_a_clip_has_the_same_features_in_any_company(clips: list[Tensor]) -> None:
    names = [name for name in HERE if name != "eGeMAPS"]
    acoustics: Extractor = Acoustics(names, RATE)
    together = acoustics(batch(clips))
    alone = [acoustics(batch([clip]))[0] for clip in clips]
    for ours, theirs in zip(together, alone, strict=True):
        for name in names:
            assert torch.equal(ours[name], theirs[name]), name


def test_names_come_in_one_order_and_once() -> None:
    acoustics = Acoustics(["log-mel", "level", "log-mel"], RATE)
    assert acoustics.names == ("level", "log-mel")
    assert acoustics.identity() == Acoustics(["level", "log-mel"], RATE).identity()


def test_the_identity_tells_names_and_rates_apart_and_can_be_written_down() -> None:
    identities = {
        json.dumps(Acoustics(names, rate).identity())
        for names in (["level"], ["timing"], ["level", "timing"])
        for rate in (16_000, 24_000)
    }
    assert len(identities) == 6


def test_an_unknown_feature_is_refused_with_those_there_are() -> None:
    with pytest.raises(AcousticsError, match=r"'loudness'.*level, timing, pitch, log"):
        Acoustics(["level", "loudness"], RATE)


def test_a_reference_is_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "extent.py").write_text(
        "from crossemo.features.acoustics.base import Feature\n\n\n"
        "def extent(waveform, rate):\n"
        "    return waveform.new_tensor([len(waveform) / rate])\n\n\n"
        'FEATURE = Feature("extent", extent, 1)\n'
    )
    path = [*crossemo.features.acoustics.__path__, str(tmp_path)]
    monkeypatch.setattr(crossemo.features.acoustics, "__path__", path)
    assert list(acoustic_features()) == [*ACOUSTICS, "extent"]
    (values,) = Acoustics(["extent", "level"], RATE)(batch([noise(0.5)]))
    assert list(values) == ["level", "extent"]
    assert values["extent"].tolist() == [0.5]
