"""Hidden states of a frozen encoder in all frames of each clip, kept once."""

import logging
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from crossemo import cache
from crossemo.data.dataset import ClipDataset
from crossemo.encoders import SSLEncoder
from crossemo.features.extraction import FeatureError, Precision, joined
from crossemo.features.hidden import EncoderExtractor
from crossemo.features.store import Kept, keep, kept_folder, kept_in

logger = logging.getLogger(__name__)

CLIPS_PER_FILE = 8  # frames take some hundred times the room of moments
BYTES = {"float32": 4, "float16": 2}


def keep_frames(
    encoder: SSLEncoder,
    datasets: Sequence[ClipDataset],
    states: Sequence[int] | None = None,
    batch_size: int = 16,
    precision: Precision = "float32",
    cache_dir: str | Path | None = None,
    progress: bool = False,
    batch_samples: int | None = None,
) -> Kept:
    """Return the frames of all clips; compute and keep those that aren't there yet.

    They are `frames` of each clip, `(frames, states, width)`, so that the frames of a
    clip lie in one piece, those of its windows one after the other. How much room they
    take follows from the clips' lengths; it is said before anything is computed. See
    `crossemo.features.store.keep` for the rest.

    Args:
        encoder: The encoder, on the device where it is to run. It is evaluated as
            without training, in float32.
        datasets: Clips with waveforms.
        states: Hidden states to keep, from 0 to the number of blocks; all if None.
        batch_size: Clips that are encoded at once, of similar length; `CLIPS_PER_FILE`
            at most.
        precision: How numbers are kept; float16 takes half the space.
        cache_dir: The cache folder; `crossemo.cache.cache_dir` if None.
        progress: Show a bar.
        batch_samples: Most samples at once, padding included; a longer clip goes by
            itself. Unbounded if None.

    Raises:
        FeatureError: There is no such hidden state, the disk has less room than the
            frames take that aren't kept yet, or the cache can't be written.
    """
    chosen = list(range(encoder.num_states) if states is None else states)
    _check(encoder, chosen)

    def frames_of(hidden: Tensor) -> dict[str, Tensor]:
        return {"frames": hidden[chosen].transpose(0, 1)}

    kind = ["frames", chosen]
    extractor = EncoderExtractor(encoder, kind, frames_of, joined)
    folder = kept_folder(extractor, precision, cache_dir)
    wanted = {key for dataset in datasets for key in dataset.keys}
    left = _windows_left(datasets, kept_in(folder, wanted))
    frames = sum(encoder.count_frames([n for each in left for n in each]))
    if left:
        numbers = frames * len(chosen) * encoder.width
        _announce(folder, len(left), numbers * BYTES[precision])
    return keep(
        extractor,
        datasets,
        batch_size,
        precision,
        cache_dir,
        progress,
        clips_per_file=CLIPS_PER_FILE,
        batch_samples=batch_samples,
    )


def _windows_left(datasets: Sequence[ClipDataset], stored: Kept) -> list[list[int]]:
    """Return the samples of the windows of each clip that isn't kept yet."""
    lengths: dict[str, list[int]] = {}
    for dataset in datasets:
        keys = dataset.keys
        lengths |= {key: [] for key in keys if key not in stored}
        for window in dataset.windows():
            if keys[window.clip] in lengths:
                lengths[keys[window.clip]].append(window.length)
    return list(lengths.values())


def _announce(folder: Path, clips: int, size: int) -> None:
    """Say how much room frames take, or refuse to fill a disk that has less."""
    free = cache.free_bytes(folder)
    counted = "1 clip" if clips == 1 else f"{clips} clips"
    takes = f"The frames of {counted} take {cache.in_bytes(size)}"
    if size > free:
        raise FeatureError(
            f"{takes}, and {folder.parent} has {cache.in_bytes(free)} free: keep fewer "
            "hidden states or float16, choose another folder by data.cache_dir or the "
            "environment variable CROSSEMO_CACHE, or leave the encoder in the loop "
            "(--keep_features true)."
        )
    logger.info("%s in %s.", takes, folder)


def _check(encoder: SSLEncoder, states: Sequence[int]) -> None:
    for state in states:
        if state not in range(encoder.num_states):
            raise FeatureError(
                f"{encoder.name} has no hidden state {state}: choose from 0 to "
                f"{encoder.num_states - 1}."
            )
