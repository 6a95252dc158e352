"""Many clips decoded at once, each file of them once."""

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossemo import audio
from crossemo.corpora.facts import content_digest
from crossemo.data.examples import Example
from crossemo.errors import reason_of
from crossemo.files import printable
from crossemo.progress import meter

THREADS = 8
AHEAD = 2 * 3600.0  # seconds of sound that are decoded, or wait to be written
JOBS_AHEAD = 64
UNKNOWN = 600.0  # seconds that a clip counts for where no header says its length
TOGETHER = 3600.0  # seconds of stretches of one file that are decoded together

Waveform = NDArray[np.float32]
Job = Sequence[Example]  # stretches of one file


def jobs_of(examples: Iterable[Example]) -> Sequence[Job]:
    """Group clips by their files, an hour of a long file at the most."""
    jobs: list[list[Example]] = []
    latest: dict[tuple[Path, str], list[Example]] = {}
    for one in examples:
        job = latest.get((one.clip.path, one.digest))
        if job is None or seconds_of([*job, one]) > TOGETHER:
            job = latest[one.clip.path, one.digest] = []
            jobs.append(job)
        job.append(one)
    return jobs


def seconds_of(examples: Iterable[Example]) -> float:
    """Return how long clips are together, as far as headers say."""
    return sum(UNKNOWN if one.seconds is None else one.seconds for one in examples)


def decode_all(
    jobs: Sequence[Job], rate: int, progress: bool = False
) -> Iterator[tuple[Example, Waveform | str]]:
    """Yield each clip with its waveform, or the reason why there is none, in order.

    Args:
        jobs: The clips by file.
        rate: Sampling rate in Hz.
        progress: Show a bar.
    """
    total = sum(map(len, jobs))
    ahead: deque[tuple[Job, Future[list[Waveform | str]]]] = deque()
    waiting, count = 0.0, 0
    with (
        ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1)) as threads,
        meter(f"Decoding {total} clips", total, progress) as note,
    ):
        for job in [*jobs, None]:
            while ahead and (
                job is None
                or len(ahead) == JOBS_AHEAD
                or waiting + seconds_of(job) > AHEAD
            ):
                first, future = ahead.popleft()
                yield from zip(first, future.result(), strict=True)
                waiting -= seconds_of(first)
                count += len(first)
                note(count)
            if job is not None:
                ahead.append((job, threads.submit(_decode, job, rate)))
                waiting += seconds_of(job)


def _decode(job: Job, rate: int) -> list[Waveform | str]:
    """Return waveforms of stretches of one file, or why there is none."""
    path = job[0].clip.path
    results = [_decode_stretch(one, rate) for one in job]
    if all(isinstance(result, str) for result in results):
        return results
    try:
        if content_digest(path) == job[0].digest:
            return results
        refusal = f"{printable(path)} has changed since it was listed: run again."
    except OSError as error:
        refusal = f"{printable(path)} can't be read: {reason_of(error)}."
    return [refusal] * len(job)


def _decode_stretch(one: Example, rate: int) -> Waveform | str:
    try:
        return audio.decode(one.clip.path, rate, one.clip.start, one.clip.end)
    except audio.AudioError as error:
        return str(error)
