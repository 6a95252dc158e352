from dataclasses import astuple, fields
from itertools import pairwise

import numpy as np
import pytest

from crossemo.corpora.demo_sound.cues import CUES, LONG_TRACT, Cues, draw_speaker, vary
from crossemo.emotions import label_space

# Table 11 of Juslin & Laukka (2003), from low to high; calm is their tenderness.
ORDERS = {
    "tempo": (("sad", "calm"), ("happy", "angry", "fearful")),
    "level": (("sad", "calm", "fearful"), ("happy",), ("angry",)),
    "dynamics": (("sad", "calm"), ("angry", "fearful")),
    "pitch": (("sad", "calm"), ("happy", "angry", "fearful")),
    "intonation": (("sad", "calm", "fearful"), ("happy", "angry")),
    "contour": (("sad", "calm"), ("happy", "angry", "fearful")),
    "jitter": (("happy", "calm"), ("sad", "angry", "fearful")),
}


def test_the_emotions_are_the_shared_six() -> None:
    assert tuple(CUES) == label_space("shared6").classes


@pytest.mark.parametrize("cue", ORDERS)
def test_cues_are_ordered_as_in_the_literature(cue: str) -> None:
    groups = [[getattr(CUES[emotion], cue) for emotion in e] for e in ORDERS[cue]]
    for low, high in pairwise(groups):
        assert max(low) < min(high)


def test_brightness_and_attack_follow_the_literature_in_the_other_direction() -> None:
    # Little high-frequency energy is much tilt; a fast attack is a short one.
    for cue in ("tilt", "attack"):
        dull = [getattr(CUES[emotion], cue) for emotion in ("sad", "calm")]
        bright = [getattr(CUES[emotion], cue) for emotion in ("happy", "angry")]
        assert max(bright) < getattr(CUES["neutral"], cue) < min(dull)
    assert CUES["angry"].tilt < CUES["happy"].tilt < CUES["fearful"].tilt


def test_song_cues_follow_the_literature() -> None:
    assert CUES["happy"].articulation < CUES["angry"].articulation
    assert CUES["angry"].articulation < CUES["sad"].articulation
    assert CUES["sad"].vibrato_rate < CUES["fearful"].vibrato_rate
    assert CUES["fearful"].vibrato_extent < CUES["angry"].vibrato_extent
    assert CUES["sad"].major < 0.5 < CUES["happy"].major


def test_clips_vary_about_the_speakers_mean() -> None:
    speaker = draw_speaker(1, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    drawn = np.array([astuple(vary("angry", speaker, rng)) for _ in range(4000)])
    free = [f.name for f in fields(Cues)].index("level")
    expected = CUES["angry"].level + speaker.habits[free]
    spread = drawn[:, free].std()
    assert spread > 1
    assert drawn[:, free].mean() == pytest.approx(expected, abs=4 * spread / 4000**0.5)


def test_varied_cues_can_be_performed() -> None:
    rng = np.random.default_rng(0)
    for number in range(1, 200):
        speaker = draw_speaker(number, rng)
        for emotion in CUES:
            cues = vary(emotion, speaker, rng)
            positive = ("tempo", "tilt", "jitter", "attack", "vibrato_rate")
            assert all(getattr(cues, cue) > 0 for cue in positive)
            assert 0 < cues.articulation < 1
            assert 0 <= cues.major <= 1
            assert cues.pause >= 0


def test_speakers_differ_evenly_in_pitch_and_tract() -> None:
    rng = np.random.default_rng(0)
    speakers = [draw_speaker(number, rng) for number in range(1, 25)]
    pitches = np.array([speaker.pitch for speaker in speakers])
    tracts = np.array([speaker.tract for speaker in speakers])
    assert 85 < pitches.min() < 120
    assert 180 < pitches.max() < 255
    assert tracts.max() < 1.06 * LONG_TRACT
    assert tracts.min() > 0.13
    assert np.corrcoef(pitches, tracts)[0, 1] < -0.8
    # The fold of every sixth speaker holds high and low voices.
    for first in range(6):
        assert np.ptp(np.log2(pitches[first::6])) > 0.4
