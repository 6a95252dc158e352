"""What a trained model says of recordings: crossemo recognise FILES --model MODEL."""

import logging
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, nullcontext
from pathlib import Path

import torch
from jsonargparse.typing import (
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
)

from crossemo.commands.devices import device_of, prepare_few_shapes
from crossemo.commands.parser import Parser, Threads
from crossemo.corpora.base import Scale
from crossemo.errors import CrossEmoError, listed, reason_of
from crossemo.files import expanded, from_here, printable
from crossemo.progress import bar
from crossemo.recognition.answer_rows import Form, columns_of, rows_of
from crossemo.recognition.answer_streams import AnswerLines, AnswerStream
from crossemo.recognition.answer_table import AnswerTable
from crossemo.recognition.file_names import LIST, named
from crossemo.recognition.listening import BATCH_SECONDS, BATCH_SIZE, Listener
from crossemo.recognition.models import cutting_of, model_digest
from crossemo.recognition.recording import Recording
from crossemo.recognizer import EmotionRecognizer
from crossemo.report.emotions_over_time import emotions_over_time
from crossemo.report.saving import file_stem, write_figure

logger = logging.getLogger(__name__)


def main(typed: list[str]) -> None:
    """Run `recognise_recordings`; exit with 1 if some can't be used."""
    parser = Parser(prog="crossemo recognise")
    parser.add_argument(
        "recordings",
        nargs="+",
        help="Files, folders with audio below them, and - for names on standard input.",
    )
    parser.add_function_arguments(recognise_recordings, skip={"recordings"})
    parser.add_argument("--threads", type=Threads | None, help="CPU threads.")
    options = parser.instantiate_classes(parser.parse_args(typed)).as_dict()
    if threads := options.pop("threads"):
        torch.set_num_threads(threads)
    prepare_few_shapes()
    sys.exit(1 if recognise_recordings(**options) else 0)


def recognise_recordings(
    recordings: list[str],
    model: str,
    revision: str | None = None,
    stage: str | None = None,
    to: Path | None = None,
    form: Form | None = None,
    window: NonNegativeFloat | None = None,
    hop: PositiveFloat | None = None,
    scale: str | None = None,
    calibrated: bool = True,
    figures: Path | None = None,
    device: str = "auto",
    batch_size: PositiveInt = BATCH_SIZE,
    batch_seconds: PositiveFloat = BATCH_SECONDS,
) -> int:
    """Write what a model says of recordings, a row for each one or for its windows.

    Args:
        recordings: Files, folders with audio below them, and `-` for names on standard
            input, a line each.
        model: Folder of a run, such as `logs/x/version_0`; a checkpoint; a folder that
            `crossemo export` wrote; or the hub id of one.
        revision: Commit, tag or branch of a hub id.
        stage: Stage of a run whose best weights are meant; its last by default.
        to: Table that is written, `.csv` or `.jsonl` (JSON lines), or gone on with. By
            default rows go to standard output.
        form: Form of the rows on standard output, `csv` or `jsonl`; by default aligned
            on a terminal, and elsewhere `csv`.
        window: Seconds of windows that get a row each. By default a recording gets one,
            and is heard as clips were in the run; 0 hears it whole, however long.
        hop: Seconds from the start of one window to that of the next; by default those
            of a window.
        scale: Corpus of the run on whose scale values such as valence are given; by
            default they are from -1 to 1 about the middle.
        calibrated: Whether probabilities are those of the temperature that the run has
            fitted on its validation clips, where it has; those of `lightning predict`
            and of transformers' pipeline aren't.
        figures: Folder that gets a figure of each recording of several windows.
        device: `cuda`, `cpu`, or `auto` for a GPU where there is one.
        batch_size: Windows, or whole recordings, that are heard at once.
        batch_seconds: Most seconds that are heard at once, padding included.

    Returns:
        How many recordings can't be used. Each is said to be, and has no row.

    Raises:
        CrossEmoError: There is no such model or recording, or an option is wrong.
    """
    if figures is not None and not window:
        raise CrossEmoError("--figures shows windows over time: give --window too.")
    if to is not None and form is not None:
        raise CrossEmoError("A table's form is by its ending: leave --form out.")
    loaded = EmotionRecognizer.from_pretrained(model, revision, stage)
    loaded.to(device_of(device))
    cutting = cutting_of(loaded, window, hop)
    columns, target = columns_of(loaded.task), _scale(loaded, scale)
    outlines = figures is not None
    listener = Listener(
        loaded, cutting, batch_size, batch_seconds, outlines, calibrated
    )
    if loaded.reliability is not None:
        logger.info(loaded.reliability.caveat)
    table = None
    if to is not None:
        made_with = {
            "model": model_digest(loaded),
            "columns": columns,
            "scale": scale,
            "calibrated": calibrated,
            **cutting.plain(),
        }
        table = AnswerTable(expanded(to), columns, made_with)
    sink = table or _stream(form, columns)
    failures = 0
    with closing(table) if table else nullcontext():
        total, paths = _named(recordings, table.present if table else frozenset())
        for recording in bar(listener.hear(paths), "Recognising", total):
            if recording.refusal:
                logger.warning(recording.refusal)
                failures += 1
                continue
            sink.add([*rows_of(recording, loaded.task, target)])
            if figures is not None and len(recording.answers) > 1:
                _draw(recording, loaded, figures)
    if failures:
        of = "" if total is None else f" of {total}"
        logger.warning(f"{failures}{of} recordings can't be used and have no row.")
    if to is not None:
        print(f"Table: {from_here(to)}")
    return failures


def _stream(form: Form | None, columns: Sequence[str]) -> AnswerStream | AnswerLines:
    if form is None and sys.stdout.isatty():
        return AnswerLines(columns)
    return AnswerStream(columns, form or "csv")


def _named(
    given: Sequence[str], present: Collection[str]
) -> tuple[int | None, Iterator[Path]]:
    """Return how many recordings are to be heard, where that is known, and which.

    Raises:
        CrossEmoError: There is none at all.
    """

    def missing() -> Iterator[Path]:
        names = sys.stdin.buffer if LIST in given else ()
        return (p for p in named(given, names) if printable(p) not in present)

    if LIST in given:
        return None, missing()
    number = sum(1 for _ in missing())
    if not number and not present:
        raise CrossEmoError(f"There is no audio in {listed(given)}.")
    return number, missing()


def _scale(model: EmotionRecognizer, corpus: str | None) -> Scale | None:
    """Return the scale that a corpus of the model's run publishes values on.

    Raises:
        CrossEmoError: There is none.
    """
    if corpus is None:
        return None
    scales = {} if model.facts is None else model.facts.scales
    if corpus not in scales or model.task.family == "categorical":
        names = f"choose {listed(scales, last=' or ')}" if scales else "leave it out"
        raise CrossEmoError(f"The model knows no scale of {corpus}: {names}.")
    return Scale(**scales[corpus])


def _draw(recording: Recording, model: EmotionRecognizer, folder: Path) -> None:
    """Write the figure of a recording over time.

    Raises:
        CrossEmoError: The folder can't be written.
    """
    assert recording.envelope is not None
    figure = emotions_over_time(
        recording.envelope.outline(),
        [(answer.start, answer.end) for answer in recording.answers],
        torch.stack([answer.values for answer in recording.answers]).numpy(),
        model.task.outputs,
        probabilities=model.task.family == "categorical",
        title=printable(recording.path.name),
    )
    stem = expanded(folder) / file_stem(printable(recording.path))
    try:
        write_figure(figure, stem)
    except OSError as error:
        raise CrossEmoError(f"Can't write {stem}: {reason_of(error)}.") from error
