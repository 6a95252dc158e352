"""Many recordings heard by a model, in batches of like length and in little memory."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from crossemo import audio
from crossemo.audio import AudioError
from crossemo.corpora.base import Clip
from crossemo.corpora.facts import FileFacts
from crossemo.data.examples import middle
from crossemo.data.samplers import eval_batches
from crossemo.data.sounds import level
from crossemo.files import printable
from crossemo.recognition.cutting import Cutting, Stretch, Waveform
from crossemo.recognition.decoding_ahead import decoded_ahead
from crossemo.recognition.envelope import Envelope
from crossemo.recognition.models import Model
from crossemo.recognition.recording import (
    Answer,
    Recording,
    Response,
    ResponseMeans,
)

BATCH_SIZE, BATCH_SECONDS = 16, 60.0
POOL = 8  # batches to sort among


class Listener:
    """Hears recordings with a model.

    However many and however long they are, a bounded number of stretches is in memory.

    Args:
        model: The model, in evaluation mode, on the device where it should run.
        cutting: How recordings are cut.
        batch_size: Stretches that are heard at once.
        batch_seconds: Most seconds that are heard at once, padding included; a longer
            stretch is heard alone.
        outlines: Whether recordings get their outlines.
        calibrated: Whether probabilities are those of the model's temperature, where it
            knows one.
    """

    def __init__(
        self,
        model: Model,
        cutting: Cutting,
        batch_size: int = BATCH_SIZE,
        batch_seconds: float = BATCH_SECONDS,
        outlines: bool = False,
        calibrated: bool = True,
    ) -> None:
        self._model, self._cutting = model, cutting
        self._calibrated = calibrated
        self._size, self._samples = batch_size, int(batch_seconds * cutting.rate)
        self._outlines = outlines
        self._device = next(model.encoder.parameters()).device

    def hear(self, paths: Iterable[Path]) -> Iterator[Recording]:
        """Yield recordings in order, with what the model says of them."""
        waiting: deque[_Unfinished] = deque()
        launched: deque[list[_Heard]] = deque()
        ahead = int(self._device.type != "cpu")  # pools; a GPU works meanwhile
        for pool in self._pools(paths, waiting):
            launched.append(self._launch(pool))
            while len(launched) > ahead:
                self._finish(launched.popleft())
            yield from self._ready(waiting)
        for batches in launched:
            self._finish(batches)
        yield from self._ready(waiting)

    def _pools(
        self, paths: Iterable[Path], waiting: "deque[_Unfinished]"
    ) -> "Iterator[list[_Part]]":
        """Yield stretches, so many that batches can be of like length.

        Args:
            paths: The recordings.
            waiting: Gets those that are begun.
        """
        pool: list[_Part] = []
        samples = begun = 0
        excerpts = map(self._excerpt, paths)
        for excerpt, pieces in decoded_ahead(excerpts, self._decode):
            recording = self._begin(excerpt)
            waiting.append(recording)
            begun += 1
            for stretch in self._cut(recording, pieces):
                pool.append(_Part(recording, stretch))
                recording.unheard += 1
                samples += len(stretch.samples)
                if len(pool) >= POOL * self._size or samples >= POOL * self._samples:
                    yield pool
                    pool, samples, begun = [], 0, 0
            recording.ended = True
            if begun >= POOL * self._size:  # though hardly any can be used
                yield pool
                pool, samples, begun = [], 0, 0
        yield pool

    def _excerpt(self, path: Path) -> Clip:
        """Return which part of a recording is heard."""
        whole, seconds = Clip("", path, ("",)), self._cutting.excerpt
        header = None if seconds is None else audio.header(path)
        if seconds is None or header is None:
            return whole
        return middle(whole, FileFacts("", 0, *header), seconds)

    def _decode(self, clip: Clip) -> Iterator[Waveform]:
        return audio.stream(clip.path, self._cutting.rate, clip.start, clip.end)

    def _begin(self, clip: Clip) -> "_Unfinished":
        envelope = Envelope(self._cutting.rate) if self._outlines else None
        return _Unfinished(Recording(clip.path, envelope=envelope), clip.start)

    def _cut(
        self, recording: "_Unfinished", pieces: Iterable[Waveform]
    ) -> Iterator[Stretch]:
        """Yield the stretches of a recording until its end, or until it is refused."""
        least, rate = self._model.encoder.min_samples, self._cutting.rate
        try:
            for stretch in self._cutting.cut(recording.outlined(pieces)):
                if len(stretch.samples) < least:
                    raise AudioError(
                        f"{printable(recording.recording.path)} has "
                        f"{len(stretch.samples)} samples at {rate} Hz, fewer than the "
                        f"{least} that {self._model.encoder.name} needs."
                    )
                yield stretch
        except AudioError as refusal:
            recording.recording.refusal = str(refusal)

    def _launch(self, pool: "Sequence[_Part]") -> "list[_Heard]":
        """Have the model hear stretches; on a GPU that goes on behind our back."""
        lengths = [len(part.stretch.samples) for part in pool]
        batches = eval_batches(lengths, self._size, samples=self._samples)
        return [self._hear([pool[place] for place in batch]) for batch in batches]

    @torch.inference_mode()
    def _hear(self, parts: "Sequence[_Part]") -> "_Heard":
        lengths = torch.tensor([len(part.stretch.samples) for part in parts])
        waveforms = torch.zeros(
            len(parts), int(lengths.max()), pin_memory=self._device.type == "cuda"
        )
        for row, part in zip(waveforms, parts, strict=True):
            row[: len(part.stretch.samples)] = torch.from_numpy(part.stretch.samples)
        model = self._model
        inputs = waveforms.to(self._device, non_blocking=True)
        states, mask = model.encoder(inputs, lengths)
        embeddings = model.head.embed(model.mix(states), mask)
        return _Heard(parts, model.head.classify(embeddings), embeddings)

    def _finish(self, batches: "Iterable[_Heard]") -> None:
        """Give the recordings what the model said of their stretches."""
        for parts, outputs, embeddings in batches:
            rows = outputs.float().cpu(), embeddings.float().cpu()
            for (recording, stretch), output, embedding in zip(
                parts, *rows, strict=True
            ):
                seconds = len(stretch.samples) / self._cutting.rate
                loud = level(stretch.samples) if self._model.reliability else 0.0
                response = Response(output, embedding, loud, seconds)
                first = recording.start + stretch.start / self._cutting.rate
                recording.unheard -= 1
                recording.end = max(recording.end, first + seconds)
                if self._cutting.over_time:
                    answer = self._answer(first, first + seconds, response)
                    recording.recording.answers.append(answer)
                else:
                    recording.means.add(response)

    def _ready(self, waiting: "deque[_Unfinished]") -> Iterator[Recording]:
        """Yield the first recordings of a queue as far as they are heard to the end."""
        while waiting and waiting[0].ended and not waiting[0].unheard:
            unfinished = waiting.popleft()
            recording = unfinished.recording
            if mean := unfinished.means.mean():
                answer = self._answer(unfinished.start, unfinished.end, mean)
                recording.answers.append(answer)
            recording.answers.sort(key=lambda answer: answer.start)
            if not all(one.values.isfinite().all() for one in recording.answers):
                recording.refusal = recording.refusal or (
                    f"What the model says of {printable(recording.path)} is no number: "
                    "its training diverged."
                )
            if recording.refusal:
                recording.answers.clear()
            yield recording

    def _answer(self, start: float, end: float, response: Response) -> Answer:
        reliability, task = self._model.reliability, self._model.task
        if reliability is None:
            return Answer(start, end, task.predictions(response.outputs))
        values = task.predictions(response.outputs)
        if self._calibrated and task.family == "categorical":
            values = reliability.calibrated(response.outputs)
        warnings = reliability.warnings(
            response.embedding, response.level, response.length
        )
        return Answer(start, end, values, tuple(warnings))


@dataclass
class _Unfinished:
    """A recording that is being heard.

    Args:
        recording: What becomes of it.
        start: Where it is heard from, in seconds.
        end: How far it is heard, in seconds.
        means: Of its stretches, where it gets one answer.
        unheard: Number of stretches that are cut and wait.
        ended: Whether all are cut.
    """

    recording: Recording
    start: float
    end: float = 0.0
    means: ResponseMeans = field(default_factory=ResponseMeans)
    unheard: int = 0
    ended: bool = False

    def outlined(self, pieces: Iterable[Waveform]) -> Iterator[Waveform]:
        """Yield the pieces of the recording; draw their outline."""
        for piece in pieces:
            if self.recording.envelope:
                self.recording.envelope.add(piece)
            yield piece


class _Part(NamedTuple):
    """A stretch of a recording."""

    recording: _Unfinished
    stretch: Stretch


class _Heard(NamedTuple):
    """What a model made of a batch, maybe still being computed on its device."""

    parts: Sequence[_Part]
    outputs: Tensor
    embeddings: Tensor
