from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.corpora.shared_cues import CODES, EMOTIONS, SharedCues, codes_of_song


def test_codes_are_as_loud_and_share_what_is_set() -> None:
    strengths = np.arange(6) / 5
    song = codes_of_song(strengths.tolist())
    assert np.allclose(CODES @ CODES.T, 8 * np.eye(6))
    assert (song**2).sum(1) == pytest.approx(np.full(6, 8.0))
    assert (song * CODES).sum(1) / 8 == pytest.approx(strengths)


def test_clips_are_the_same_twice_and_as_loud(tmp_path: Path) -> None:
    sounds = []
    for name in ("one", "other"):
        corpus = SharedCues("song", tmp_path / name, speakers=1, takes=1)
        corpus.prepare()
        clips = corpus.clips()
        assert [clip.label for clip in clips] == list(EMOTIONS)
        sounds.append([soundfile.read(clip.path)[0] for clip in clips])
    assert np.array_equal(sounds[0], sounds[1])
    assert np.std(sounds[0], axis=1) == pytest.approx(np.full(6, 0.05), rel=1e-3)
