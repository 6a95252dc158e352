from random import Random

import numpy as np
import pytest
import torch
from torch import Tensor

from crossemo.data.batch import Batch
from crossemo.distances.cells import deal
from crossemo.distances.frechet import frechet_distance
from crossemo.similarity import FrameDomain, compare_frames
from crossemo.similarity.domains import FrameFactors
from crossemo.similarity.embeddings import EmbeddedClips, FrameMoments, pool_clips

GROUPS = ["a", "b", "c", "d", "a", "b"]
LABELS = [0, 0, 0, 0, 1, 1]
FRAMES = [5, 9, 7, 8, 6, 4]


def batch(indices: list[int], counted: list[bool] | None = None) -> Batch:
    """A batch whose waveforms are the numbers of its clips."""
    return Batch(
        torch.tensor(indices, dtype=torch.float32)[:, None],
        torch.ones(len(indices), dtype=torch.long),
        torch.tensor([LABELS[i] for i in indices]),
        torch.tensor(indices),
        torch.tensor(counted or [True] * len(indices)),
    )


def frames_of(clip: int, state: int) -> Tensor:
    generator = torch.Generator().manual_seed(10 * clip + state)
    return torch.randn(FRAMES[clip], 3, generator=generator)


def encode(batch: Batch) -> tuple[list[Tensor], Tensor]:
    """Two states, with nonsense on the padding."""
    clips = batch.inputs[:, 0].int().tolist()
    longest = max(FRAMES[clip] for clip in clips)
    states = [torch.full((len(clips), longest, 3), 1e6) for _ in range(2)]
    mask = torch.zeros(len(clips), longest, dtype=torch.bool)
    for row, clip in enumerate(clips):
        mask[row, : FRAMES[clip]] = True
        for state in range(2):
            states[state][row, : FRAMES[clip]] = frames_of(clip, state)
    return states, mask


BATCHES = [batch([3, 0]), batch([5, 1]), batch([2, 4]), batch([0, 1], [False, False])]


def test_clips_are_means_over_their_own_frames() -> None:
    indices, values = pool_clips(encode, BATCHES)
    assert indices.tolist() == [0, 1, 2, 3, 4, 5]
    assert values.shape == (6, 2, 3)
    for row, clip in enumerate(indices.tolist()):
        for state in range(2):
            expected = frames_of(clip, state).mean(0)
            torch.testing.assert_close(values[row, state], expected)
    clips = EmbeddedClips(values, torch.tensor(LABELS)[indices], tuple(GROUPS))
    first, second = clips.cells(1, 2)
    torch.testing.assert_close(first.embeddings[3], frames_of(3, 1).mean(0))
    assert (first.groups, second.groups) == (("a", "b", "c", "d"), ("a", "b"))


def test_a_clip_of_two_windows_is_the_mean_of_theirs() -> None:
    windows = batch([3, 0, 1])._replace(indices=torch.tensor([2, 0, 2]))
    indices, values = pool_clips(encode, [windows])
    assert indices.tolist() == [0, 2]
    expected = (frames_of(3, 1).mean(0) + frames_of(1, 1).mean(0)) / 2
    torch.testing.assert_close(values[1, 1], expected)


@pytest.fixture
def moments() -> FrameMoments:
    side = deal(["abcd"], 2, Random(0))
    moments = FrameMoments(2, 3, side)
    for one in BATCHES:
        moments.update(*encode(one), one, GROUPS)
    return moments


def test_frames_are_kept_as_moments_of_halves(moments: FrameMoments) -> None:
    whole, first, second = moments.factors(1, 0)
    assert whole is not None
    assert first is not None
    assert second is not None
    everything = torch.cat([frames_of(clip, 1) for clip in range(4)]).double()
    assert whole.count == len(everything) == first.count + second.count
    np.testing.assert_allclose(whole.mean, everything.mean(0), atol=1e-7)
    covariance = (whole.root.T @ whole.root).numpy()
    np.testing.assert_allclose(covariance, np.cov(everything.numpy().T), atol=1e-7)


def test_frames_are_compared_by_their_moments(moments: FrameMoments) -> None:
    factors = [moments.factors(0, label) for label in (0, 1)]
    x, y = (FrameDomain(name, factors, [4, 2]) for name in "xy")
    rows = compare_frames(x, y, ["sad", "calm"])
    cells = {(r["x_emotion"], r["y_emotion"], r["estimator"]): r for r in rows}
    one, other = (
        torch.cat([frames_of(i, 0) for i in clips]) for clips in (range(4), (4, 5))
    )
    expected = frechet_distance(one, other).item()
    assert cells["sad", "calm", "fad"]["value"] == pytest.approx(expected, rel=1e-6)
    assert cells["sad", "calm", "fad"]["x_n"] == 29
    assert cells["sad", "calm", "fad"]["y_groups"] == 2
    assert cells["sad", "sad", "fad"]["value"] == pytest.approx(0, abs=1e-8)
    # Crossed halves of one and the same set are as far apart as its own halves.
    assert cells["sad", "sad", "fad_above_chance"]["value"] == pytest.approx(0)


def test_an_emotion_without_frames_has_no_distance(moments: FrameMoments) -> None:
    factors = [moments.factors(0, 0), FrameFactors(None, None, None)]
    x, y = (FrameDomain(name, factors, [4, 0]) for name in "xy")
    rows = compare_frames(x, y, ["sad", "calm"])
    for row in rows:
        lacking = "calm" in (row["x_emotion"], row["y_emotion"])
        assert np.isnan(row["value"]) == lacking
