from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from crossemo.data.gathering import ClipMeans, Predictions
from tests.data.clip_windows import WINDOWS, windows
from tests.data.gloo import gather_in_a_group


def expected_means() -> Tensor:
    clips, values = windows()
    rows = [values.double()[clips == clip].mean(0) for clip in range(len(WINDOWS))]
    return torch.stack(rows).float()


@given(st.permutations(range(sum(WINDOWS))), st.integers(1, 5))
def test_a_clip_is_the_mean_of_its_windows_however_they_come(
    order: Sequence[int], batch_size: int
) -> None:
    clips, values = windows()
    means = ClipMeans()
    for rows in torch.split(torch.tensor(order), batch_size):
        means.add(clips[rows], torch.ones(len(rows), dtype=torch.bool), values[rows])
    places, gathered = means.gather()
    assert places.tolist() == [0, 1, 2, 3]
    assert gathered.equal(expected_means())


def test_windows_that_do_not_count_are_left_out() -> None:
    clips, values = windows()
    means = ClipMeans()
    counted = torch.ones(len(clips), dtype=torch.bool)
    means.add(clips, counted, values)
    means.add(clips, ~counted, values + 1)
    assert means.gather()[1].equal(expected_means())


def test_targets_stay_what_they_are() -> None:
    clips, values = windows()
    seen = Predictions()
    counted = torch.ones(len(clips), dtype=torch.bool)
    batch = {"indices": clips, "counted": counted, "outputs": values}
    seen.add({**batch, "targets": 3 - clips}, 0)
    seen.add({**batch, "targets": torch.full((len(clips), 2), 0.1)}, 1)
    _, outputs, targets = seen.gather(0)
    assert outputs.equal(expected_means())
    assert targets.dtype == torch.int64
    assert targets.tolist() == [3, 2, 1, 0]
    assert seen.gather(1)[2].equal(torch.full((4, 2), 0.1))


def test_two_processes_gather_what_one_does(tmp_path: Path) -> None:
    context = get_context("spawn")
    results = context.Queue()
    processes = [
        context.Process(target=gather_in_a_group, args=(rank, 2, tmp_path, results))
        for rank in (0, 1)
    ]
    for process in processes:
        process.start()
    shares = [results.get(timeout=120) for _ in processes]
    for process in processes:
        process.join()
    for places, gathered in shares:
        assert places == [0, 1, 2, 3]
        np.testing.assert_array_equal(gathered, expected_means().numpy())
