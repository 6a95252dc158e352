"""Speed of recognition beside that of the bare encoder, and its peak memory.

Run `python -m tests.benchmarks.bench_recognise [--encoder NAME] [--minutes M]`. Files
are noise of 2 to 4 s, and one of two hours in windows of 3 s each second. The bare
encoder gets the same batches, which are in memory; both are timed by turns, in wall
time and in processor time, which other work on the machine changes less. `small` is the
hardest case, since its encoder is fast; with `wav2vec2-base` the rest weighs less.
Memory is the peak of a fresh process of its own for each number of files.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import soundfile
import torch
from torch import Tensor

from crossemo.commands.devices import prepare_few_shapes
from crossemo.recognition.answer_rows import columns_of, rows_of
from crossemo.recognition.answer_table import AnswerTable
from crossemo.recognition.file_names import named
from crossemo.recognition.listening import Listener
from crossemo.recognition.models import cutting_of
from crossemo.recognizer import EmotionRecognizer
from crossemo.runs.effort import _peak_of_process

RATE = 16_000
CLASSES = ("angry", "calm", "happy", "sad")
NUMBERS = (100, 1000, 10_000)


def write_noise(path: Path, seconds: float, seed: int) -> None:
    noise = np.random.default_rng(seed).normal(0, 0.1, round(seconds * RATE))
    soundfile.write(path, noise, RATE)


def write_files(folder: Path, number: int, shortest: float, longest: float) -> Path:
    lengths = np.random.default_rng(1).uniform(shortest, longest, number)
    folder.mkdir()
    for place, seconds in enumerate(lengths):
        write_noise(folder / f"{place:05}.wav", seconds, place)
    return folder


def write_long(path: Path, minutes: int) -> Path:
    with soundfile.SoundFile(path, "w", RATE, 1) as file:
        for minute in range(minutes):
            file.write(np.random.default_rng(minute).normal(0, 0.1, 60 * RATE))
    return path


class Recorded(Listener):
    """Keeps the batches that the encoder gets."""

    batches: list[tuple[Tensor, Tensor]]

    def batches_of(self, paths: Sequence[Path]) -> list[tuple[Tensor, Tensor]]:
        self.batches = []
        encoder = self._model.encoder
        handle = encoder.register_forward_pre_hook(
            lambda _, inputs: self.batches.append((inputs[0], inputs[1]))
        )
        list(self.hear(paths))
        handle.remove()
        return self.batches


def recognise(
    model: EmotionRecognizer, source: Path, table: Path, window: float | None
) -> None:
    cutting = cutting_of(model, window, window and 1.0)
    made = AnswerTable(table, columns_of(model.task), {})
    for recording in Listener(model, cutting).hear(named([str(source)])):
        made.add([*rows_of(recording, model.task)])
    made.close()


class Times(NamedTuple):
    """What a piece of work takes, or its ratio to another.

    Args:
        wall: Seconds that pass.
        processor: Seconds of all threads of this process.
    """

    wall: float
    processor: float


def shares(
    model: EmotionRecognizer, source: Path, folder: Path, window: float | None
) -> Times:
    """Return the bare encoder's times over those of recognition."""
    cutting = cutting_of(model, window, window and 1.0)
    batches = Recorded(model, cutting).batches_of([*named([str(source)])])

    @torch.inference_mode()
    def bare() -> None:
        for waveforms, lengths in batches:
            model.encoder(waveforms, lengths)

    ratios = []
    for turn in range(3):
        plain = times_of(bare)
        table = folder / f"{turn}.csv"
        whole = times_of(partial(recognise, model, source, table, window))
        ratios.append([a / b for a, b in zip(plain, whole, strict=True)])
    return Times(*map(median, zip(*ratios, strict=True)))


def times_of(work: Callable[[], None]) -> Times:
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return Times(time.perf_counter() - wall, time.process_time() - processor)


def show(what: str, ratios: Times) -> None:
    print(
        f"{what}: {ratios.wall:.2f} of the bare encoder's throughput by wall time, "
        f"{ratios.processor:.2f} by processor time",
        flush=True,
    )


def model_of(encoder: str) -> EmotionRecognizer:
    return EmotionRecognizer(encoder, CLASSES).eval()


def peaks(encoder: str, folder: Path) -> Iterator[tuple[int, float]]:
    for number in NUMBERS:
        source = write_files(folder / f"of{number}", number, 0.4, 0.6)
        program = [sys.executable, "-m", __spec__.name, "--encoder", encoder]
        answer = subprocess.run(
            [*program, "--peak", source], capture_output=True, text=True, check=True
        )
        yield number, int(answer.stdout) / 2**20


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--encoder", default="small")
    parser.add_argument("--minutes", type=int, default=120)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--peak", type=Path)
    options = parser.parse_args()
    torch.manual_seed(0)
    prepare_few_shapes()
    if options.peak:
        table = options.peak.with_suffix(".csv")
        recognise(model_of(options.encoder), options.peak, table, None)
        print(_peak_of_process())
        return
    with TemporaryDirectory() as scratch:
        folder, model = Path(scratch), model_of(options.encoder)
        files = write_files(folder / "files", options.files, 2.0, 4.0)
        show(f"{options.files} files", shares(model, files, folder, None))
        tables = folder / "long"
        tables.mkdir()
        long = write_long(folder / "long.wav", options.minutes)
        show(f"{options.minutes} min", shares(model, long, tables, 3.0))
        for number, peak in peaks(options.encoder, folder):
            print(f"{number} files: {peak:.0f} MiB at most", flush=True)


if __name__ == "__main__":
    main()
