import struct
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from crossemo.audio import decode
from crossemo.corpora.ravdess import RAVDESS, Channel
from tests.corpora.ravdess_tree import (
    COUNTS,
    DATA_OFFSET,
    STEREO,
    real_ravdess,
    samples,
)


def test_the_made_up_files_have_the_chunks_of_the_real_ones(tree: Path) -> None:
    for clip in RAVDESS(tree, "song").clips()[:3]:
        content = clip.path.read_bytes()
        (length,) = struct.unpack("<I", content[DATA_OFFSET - 4 : DATA_OFFSET])
        assert content[DATA_OFFSET - 8 : DATA_OFFSET - 4] == b"data"
        assert len(content) > DATA_OFFSET + length


def test_samples_behind_the_filler_chunk_are_decoded_exactly(tree: Path) -> None:
    for clip in RAVDESS(tree).clips():
        written = samples(clip.path.stem, seconds=0.02)[:, 0] / 32768
        assert np.array_equal(decode(clip.path, 48_000), written)


@pytest.mark.parametrize(("channel", "counts"), COUNTS)
def test_real_recordings_have_the_counts_and_chunks_of_the_made_up_ones(
    channel: Channel, counts: dict[str, int]
) -> None:
    clips = RAVDESS(real_ravdess(), channel).clips()
    assert Counter(clip.label for clip in clips) == counts
    stereo = set()
    for clip in clips:
        with clip.path.open("rb") as file:
            assert file.read(DATA_OFFSET)[-8:-4] == b"data"
        if soundfile.info(clip.path).channels == 2:
            stereo.add(clip.path.stem)
    assert stereo == STEREO & {clip.path.stem for clip in clips}


def test_real_recordings_decode() -> None:
    for clip in RAVDESS(real_ravdess()).clips()[::16]:
        info = soundfile.info(clip.path)
        waveform = decode(clip.path, 16_000)
        assert abs(len(waveform) - info.frames / 3) < 1
        assert 0.001 < np.abs(waveform).max() < 1.1
