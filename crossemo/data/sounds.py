"""How loud clips are, and how much of them is heard at once."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crossemo.data.windows import Window

FLOOR = -120.0  # dBFS, of digital silence


def level(waveform: NDArray[np.float32]) -> float:
    """Return the level of samples `(samples,)` in dBFS, of their root mean square.

    A square wave at full scale has 0, a sine -3.

    >>> level(np.array([0.1, -0.1], dtype=np.float32)), level(np.zeros(3, np.float32))
    (-20.0, -120.0)
    """
    power = float(np.square(waveform, dtype=np.float64).mean())
    return max(FLOOR, round(10 * float(np.log10(power)), 4)) if power else FLOOR


def mean_sounds(
    windows: Sequence[Window], levels: Sequence[float], clips: int
) -> Tensor:
    """Return level and samples of clips, each the mean over its windows, `(clips, 2)`.

    Args:
        windows: All windows of the clips.
        levels: Level of each window in dBFS.
        clips: Number of the clips.
    """
    clip = torch.tensor([one.clip for one in windows])
    rows = torch.tensor(
        [(each, one.length) for each, one in zip(levels, windows, strict=True)],
        dtype=torch.float64,
    )
    sums = rows.new_zeros(clips, 2).index_add(0, clip, rows)
    return sums / clip.bincount(minlength=clips)[:, None]
