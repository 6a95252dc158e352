"""What the features make of RAVDESS itself, where it is at hand."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from crossemo.audio import decode
from crossemo.corpora.ravdess import RAVDESS
from crossemo.features.acoustics.pitch import pitch_contour
from tests.features.acoustics.sounds import RATE

NEXT_DOOR = Path(__file__).parents[4] / "shared" / "data" / "ravdess"
RECORDINGS = Path(os.environ.get("CROSSEMO_RAVDESS", NEXT_DOOR))
MELODIES = {"neutral": 0, "calm": 1, "happy": 1, "sad": 2, "angry": 2, "fearful": 2}


@pytest.mark.skipif(
    not RECORDINGS.is_dir(),
    reason="RAVDESS is not at hand: set CROSSEMO_RAVDESS to its folder",
)
def test_the_contours_of_other_actors_tell_which_melody_is_sung() -> None:
    """Of a song the nearest contour of another actor; three melodies, chance 33 %."""
    clips = RAVDESS(RECORDINGS, "song").clips()
    waveforms = (torch.from_numpy(decode(clip.path, RATE)) for clip in clips)
    contours = torch.stack([pitch_contour(clip, RATE) for clip in waveforms])
    melodies = np.array([MELODIES[str(clip.label)] for clip in clips])
    actors = np.array([clip.groups[0] for clip in clips])
    away = torch.cdist(contours, contours, p=1).numpy()
    away[actors[:, None] == actors] = np.inf
    right = melodies[away.argmin(1)] == melodies
    assert np.mean([right[melodies == one].mean() for one in range(3)]) > 0.8
