"""Judge any model on leak-free folds: crossemo judge MODEL --config DATA.yaml."""

import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
import yaml
from jsonargparse import Namespace

from crossemo.commands.all_folds import ALL, last_fold, without_all
from crossemo.commands.data_section import DataParser
from crossemo.commands.devices import device_of
from crossemo.commands.launch import shipped_config
from crossemo.commands.parser import Threads, add_strict
from crossemo.corpora import corpus_classes
from crossemo.corpora.base import Scale
from crossemo.data.datamodules import EmotionDataModule
from crossemo.errors import CrossEmoError, listed
from crossemo.files import expanded, from_here, write_text
from crossemo.judging.candidate import Candidate
from crossemo.judging.candidates import open_candidate
from crossemo.judging.judged_folds import judged_folds
from crossemo.judging.judged_runs import JudgedRun, results_of_all, write_run
from crossemo.judging.judgement import judge
from crossemo.judging.output_map import OutputMap, map_outputs
from crossemo.report.tables import (
    reliability_table,
    results_table,
    show,
    title_of,
)
from crossemo.report.value_tables import values_table
from crossemo.runs.effort import Effort
from crossemo.runs.folder import claim_version, folder_of_runs
from crossemo.tasks import task_classes

logger = logging.getLogger(__name__)

_LINKED = ("sampling_rate", "min_samples", "seed")  # of the data; the model says them


class JudgeParser(DataParser):
    """Takes the data of any config, and all of its own."""

    sections: ClassVar[frozenset[str]] = frozenset(
        {"allow_leak", "labels", "scale", "strict"}
    )


def main(typed: list[str]) -> None:
    """Judge what was typed."""
    effort = Effort()
    corpus_classes(), task_classes()  # whose bare names a config may use
    parser = _parser()
    words = [shipped_config(word) for word in typed]
    settings = parser.parse_args(without_all(words))
    settings.pop("config", None)
    if settings.data is None:
        raise CrossEmoError(
            "Nothing to judge by: name a config with a section data, such as --config "
            "configs/ravdess_speech_to_song.yaml."
        )
    if (path := expanded(settings.model)).exists():
        settings.model = os.path.realpath(path)  # found from anywhere
    judge_model(parser, settings, last_fold(["judge", *words]), effort)


def judge_model(
    parser: JudgeParser, settings: Namespace, fold: object, effort: Effort
) -> list[Path]:
    """Judge a model by the data of a config.

    Args:
        parser: What builds the data.
        settings: What was typed.
        fold: The fold that was named, `all` of them, or None.
        effort: Counts time and memory.

    Returns:
        The folder of each fold.

    Raises:
        CrossEmoError: There is no such model, it can't be read whole, its outputs are
            not those of the task, or its weights have seen the clips.
    """
    if settings.threads:
        torch.set_num_threads(settings.threads)
    home, device = _home(settings), device_of(settings.device)
    candidate = open_candidate(settings.model)
    candidate.module.to(device)
    for fact, value in candidate.facts._asdict().items():
        settings.data.init_args[fact] = value
    data: EmotionDataModule = parser.instantiate_classes(settings).data
    scale = _scale(candidate, settings.scale)
    mapped = map_outputs(
        candidate.name, candidate.labels, data.task, settings.labels, scale
    )
    for sentence in _warnings(candidate, mapped):
        logger.warning(sentence)
    data.prepare_data()
    wanted: int | Literal["all"] | None = None if fold is None else "all"
    if fold not in (None, ALL):
        wanted = int(data.settings["fold"])
    folds = judged_folds(
        candidate,
        data,
        wanted,
        allow_leak=settings.allow_leak,
        strict=settings.strict,
    )
    runs, folders = [], []
    for one in folds:
        run = JudgedRun(candidate, mapped, one, judge(candidate, mapped, one.data))
        folder = home / f"version_{claim_version(home)}"
        write_text(folder / "config.yaml", _config(parser, settings, one.data))
        write_run(run, folder, effort.describe("judge", device), settings.figures)
        runs.append(run)
        folders.append(folder)
        effort = Effort()
    _show(runs, folders)
    number = len(data.fold_numbers())
    if wanted not in (None, "all") and number > 1 and not candidate.provenance:
        print(f"This is one of {number} folds: --data.fold all judges by every clip.")
    return folders


def _parser() -> JudgeParser:
    parser = JudgeParser(
        prog="crossemo judge",
        description="Judges a finished model on leak-free folds of a config's data.",
    )
    parser.add_argument("--config", action="config", help="Settings in YAML.")
    parser.add_argument(
        "model",
        type=str,
        help="What is judged: the folder of a run, a checkpoint, a folder that "
        "crossemo export or transformers' save_pretrained wrote, or a hub id.",
    )
    parser.add_subclass_arguments(EmotionDataModule, "data", required=False)
    parser.add_argument(
        "--labels",
        type=dict[str, str | None],
        default={},
        help="What outputs of the model mean, such as --labels.Angry=angry: a class "
        "of the data, a word of crossemo, or none to leave one out.",
    )
    parser.add_argument(
        "--scale",
        type=tuple[float, float] | None,
        default=None,
        help="Lowest and highest value that a model of values can say, such as [0,1].",
    )
    parser.add_argument(
        "--allow_leak",
        type=bool,
        default=False,
        help="Judge by clips that the weights have seen, and say so in every table.",
    )
    add_strict(parser)
    parser.add_argument(
        "--device",
        type=str | None,
        default=None,
        help="Where to compute; cuda where there is a GPU, and else cpu.",
    )
    parser.add_argument("--threads", type=Threads | None, help="CPU threads.")
    parser.add_argument(
        "--name", type=str, default="judged", help="Folder of the runs below logs."
    )
    parser.add_argument("--logs", type=str, default="logs", help="Folder of logs.")
    parser.add_argument(
        "--figures", type=bool, default=True, help="Whether to draw what was said."
    )
    return parser


def _home(settings: Namespace) -> Path:
    return folder_of_runs(settings.logs, settings.name)


def _scale(candidate: Candidate, ends: Sequence[float] | None) -> Scale | None:
    """Return the scale of a model's values, as far as it is known."""
    if candidate.relative:
        return Scale(-1, 1, 0)
    if ends is None:
        return None
    low, high = ends
    return Scale(low, high, (low + high) / 2)


def _warnings(candidate: Candidate, mapped: OutputMap) -> Iterator[str]:
    if mapped.left_out:
        yield (
            f"The outputs {listed(mapped.left_out, 20)} of {candidate.name} are none "
            "of the data's: they count for nothing."
        )
    if mapped.absent:
        yield (
            f"{candidate.name} has no output for {listed(mapped.absent, 20)}: it will "
            "never be right there."
        )


def _config(parser: JudgeParser, settings: Namespace, data: EmotionDataModule) -> str:
    """Return the settings of a run of one fold, as a fit's say the data."""
    plain: dict[str, Any] = yaml.safe_load(parser.dump(settings, skip_none=False))
    arguments = plain["data"]["init_args"]
    arguments["fold"] = data.settings["fold"]
    for name in _LINKED:
        arguments.pop(name, None)
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)


def _show(runs: Sequence[JudgedRun], folders: Sequence[Path]) -> None:
    results = results_of_all(runs)
    table = (values_table if "values" in results else results_table)(results)
    table.title = title_of(str(run.fold.mark) for run in runs)
    show(table)
    if (certainty := reliability_table(results)) is not None:
        show(certainty)
    notes = [corpus.note for corpus in runs[0].fold.data.roles.values()]
    for note in dict.fromkeys(filter(None, notes)):
        print(note)
    for folder in folders:
        print(f"Results: {from_here(folder)}")
