import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from crossemo.data.datamodule import EmotionDataModule
from crossemo.encoders import EncoderError, load_encoder
from crossemo.errors import CrossEmoError
from crossemo.features.acoustics.references import Acoustics, acoustic_features
from crossemo.features.hidden import keep_features
from crossemo.probes import views
from crossemo.probes.clips import ProbedClips, probed_clips
from crossemo.probes.views import Looks, View, Views, read_views
from tests.data.modules import ready
from tests.probes.fitting import fit, speech, speech_and_song


@pytest.fixture(scope="module")
def data(ravdess: Path) -> EmotionDataModule:
    return ready(speech_and_song(ravdess))


@pytest.fixture(scope="module")
def clips(data: EmotionDataModule) -> ProbedClips:
    return probed_clips(data)


def see(
    data: EmotionDataModule, clips: ProbedClips, encoder: object, **options: Any
) -> Views:
    looks = Looks(str(encoder), **options)
    return read_views(data, clips, looks, torch.device("cpu"), speaks=False)


def look(*where: Any, **options: Any) -> dict[str, Tensor]:
    return {view.name: values for view, values in see(*where, **options).items()}


def test_views_say_of_what_kind_they_are(
    data: EmotionDataModule, clips: ProbedClips, wav2vec2: Path
) -> None:
    views = see(data, clips, wav2vec2, layers=[2], references=["timing", "random"])
    assert list(views) == [
        View("2", "encoder", 2),
        View("random 2", "random", 2),
        View("timing", "acoustic"),
    ]


def test_views_have_the_encoder_attend_as_it_is_told(
    data: EmotionDataModule, clips: ProbedClips, wav2vec2: Path
) -> None:
    with pytest.raises(EncoderError, match="Unknown attention 'flex'"):
        see(data, clips, wav2vec2, attention="flex")


def test_views_are_the_features_of_each_clip(
    data: EmotionDataModule, clips: ProbedClips, wav2vec2: Path
) -> None:
    options: dict[str, Any] = {"layers": [2, 0], "references": ["log-mel", "level"]}
    views = look(data, clips, wav2vec2, **options)
    both = look(data, clips, wav2vec2, pooling="statistics", **options)
    assert list(views) == ["2", "0", "log-mel", "level"]
    kept = keep_features(load_encoder(str(wav2vec2)), data.datasets())
    heard = {
        key: batch
        for dataset in data.datasets()
        for n, key in enumerate(dataset.keys)
        for batch in [dataset[n]]
    }
    acoustic = Acoustics(["level", "log-mel"], data.sampling_rate)
    for row in (0, 7, len(clips.ids) - 1):
        key = clips.keys[row]
        for layer in (0, 2):
            mean, deviation = kept.means[key][layer], kept.deviations[key][layer]
            assert torch.equal(views[f"{layer}"][row], mean)
            assert torch.equal(both[f"{layer}"][row], torch.cat((mean, deviation)))
        (expected,) = acoustic(heard[key])
        for name in ("level", "log-mel"):
            torch.testing.assert_close(views[name][row], expected[name])


def test_random_weights_are_others_and_the_same_again(
    data: EmotionDataModule, clips: ProbedClips, wav2vec2: Path
) -> None:
    options: dict[str, Any] = {"references": ["random"]}
    views = look(data, clips, wav2vec2, **options)
    names = ["0", "1", "2"]
    assert list(views) == names + [f"random {name}" for name in names]
    again = look(data, clips, wav2vec2, **options)
    other = look(data, clips, wav2vec2, seed=1, **options)
    for name in names:
        assert not torch.allclose(views[name], views[f"random {name}"], rtol=0.1)
        assert torch.equal(other[name], views[name])
        assert torch.equal(again[f"random {name}"], views[f"random {name}"])
        assert not torch.equal(other[f"random {name}"], views[f"random {name}"])


def test_random_weights_keep_the_shape_of_the_pretrained_ones(wav2vec2: Path) -> None:
    own, drawn, again, other = (
        load_encoder(str(wav2vec2), random_weights=random, seed=seed)
        for random, seed in ((False, 0), (True, 0), (True, 0), (True, 1))
    )
    prints = [one.fingerprint() for one in (own, drawn, again, other)]
    assert prints[1] == prints[2]
    assert len(set(prints)) == 3
    state = drawn.state_dict()
    for name, tensor in own.state_dict().items():
        assert state[name].shape == tensor.shape
        assert torch.equal(state[name], again.state_dict()[name])


def test_an_encoder_without_pretrained_weights_has_no_random_ones() -> None:
    assert not Looks("tiny").random()
    assert not Looks("tiny", references=["level"]).random()
    sentence = "^tiny has random weights itself: leave random out of model.references"
    with pytest.raises(CrossEmoError, match=sentence):
        Looks("tiny", references=["level", "random"]).random()


def test_all_references_are_those_that_can_be_had(wav2vec2: Path) -> None:
    available = [name for name, one in acoustic_features().items() if one.available]
    looks = Looks(str(wav2vec2))
    assert looks.acoustic() == available
    assert looks.random()
    assert not Looks(str(wav2vec2), references=["level"]).random()


def test_each_speaker_is_brought_to_zero_mean_and_unit_variance(
    data: EmotionDataModule, clips: ProbedClips, wav2vec2: Path
) -> None:
    options: dict[str, Any] = {"layers": [1], "references": ["level"]}
    plain = look(data, clips, wav2vec2, **options)
    found = look(data, clips, wav2vec2, speaker_norm=True, **options)
    groups = np.array(clips.groups)
    for name, values in plain.items():
        for role in (0, 1):
            for group in set(clips.groups):
                own = (clips.roles.numpy() == role) & (groups == group)
                expected = StandardScaler().fit_transform(values[own].double())
                np.testing.assert_allclose(found[name][own], expected, atol=1e-3)


@pytest.fixture
def heard(clips: ProbedClips, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have every clip's level be what is given."""

    def hear(values: Tensor) -> None:
        kept = {
            key: {"level": own} for key, own in zip(clips.keys, values, strict=True)
        }
        monkeypatch.setattr(views, "keep", lambda *_, **__: kept)

    return hear


def test_what_is_constant_says_nothing_of_a_speaker(
    data: EmotionDataModule, clips: ProbedClips, wav2vec2: Path, heard: Any
) -> None:
    first = sorted(set(clips.groups))[0]
    own = torch.tensor([group == first for group in clips.groups])
    values = torch.arange(2.0 * len(own)).view(-1, 2)
    values[own, 1] = 0.1  # whose mean in float32 is another
    heard(values)
    found = look(data, clips, wav2vec2, references=["level"], speaker_norm=True)
    assert not found["level"][own, 1].any()
    for other in (found["level"][own, 0], found["level"][~own, 1]):
        assert other.abs().amax() > 1


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_a_reference_that_is_not_finite_is_refused(
    data: EmotionDataModule,
    clips: ProbedClips,
    wav2vec2: Path,
    heard: Any,
    value: float,
) -> None:
    values = torch.ones(len(clips.ids), 2)
    values[[7, 9], 1] = value
    heard(values)
    sentence = f"What level gives for the clip {clips.ids[7]} is not finite: look at "
    with pytest.raises(CrossEmoError, match=f"^{re.escape(sentence)}"):
        look(data, clips, wav2vec2, references=["level"])


@pytest.mark.parametrize("name", ["means", "deviations"])
def test_an_encoder_that_is_not_finite_is_refused(
    data: EmotionDataModule,
    clips: ProbedClips,
    wav2vec2: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    kept = keep_features(load_encoder(str(wav2vec2)), data.datasets())
    parts = {n: dict(getattr(kept, n)) for n in ("means", "deviations")}
    broken = parts[name][clips.keys[5]].clone()
    broken[1, 0] = torch.nan
    parts[name][clips.keys[5]] = broken
    features = SimpleNamespace(**parts)
    monkeypatch.setattr(views, "keep_features", lambda *_, **__: features)
    sentence = f"What {wav2vec2} gives for the clip {clips.ids[5]} is not finite: "
    with pytest.raises(CrossEmoError, match=f"^{re.escape(sentence)}"):
        look(data, clips, wav2vec2, references=[], pooling="statistics")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"layers": [0, 3]},
            r"model\.layers names state 3, .* has the states 0 to 2\.$",
        ),
        (
            {"references": ["loudness"]},
            "There is no reference 'loudness': choose level, ",
        ),
        ({"folds": [4]}, r"There is no fold 4: choose 0 to 3\.$"),
    ],
)
def test_what_is_not_there_is_refused(
    ravdess: Path, wav2vec2: Path, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(CrossEmoError, match=sentence):
        fit(speech(ravdess), wav2vec2, **options)
