"""Compare encoders layer by layer: crossemo compare RUN RUN …."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch.utils.tensorboard import SummaryWriter

from crossemo.commands.parser import Parser
from crossemo.data.marks import SIGNS, sign_of
from crossemo.errors import CrossEmoError
from crossemo.files import expanded, from_here, write_csv
from crossemo.layerwise import encoder_rows, score_rows, with_choices
from crossemo.layerwise.comparable_runs import differing_settings, on_shared_clips
from crossemo.layerwise.conditions import Row, judged_roles
from crossemo.metrics.names import LEVEL
from crossemo.probes.judgements import JUDGEMENTS, Judgements, read_judgements
from crossemo.report.layerwise_figures import encoder_figure
from crossemo.report.layerwise_tables import encoder_table
from crossemo.report.saving import figure_to_tensor, save_figure
from crossemo.report.study import Study
from crossemo.report.style import note_figure
from crossemo.report.tables import show, title_of
from crossemo.runs.effort import Effort
from crossemo.runs.folder import claim_version, folder_of_runs
from crossemo.runs.results import write_results

logger = logging.getLogger(__name__)


def main(typed: list[str]) -> None:
    """Run `compare_runs`."""
    parser = Parser(prog="crossemo compare")
    parser.add_argument(
        "runs", nargs="+", type=Path, help="Folders of runs, logs/NAME/version_K."
    )
    parser.add_function_arguments(compare_runs, skip={"runs"})
    compare_runs(**parser.instantiate_classes(parser.parse_args(typed)).as_dict())


def compare_runs(
    runs: list[Path], name: str = "compare", logs: Path = Path("logs")
) -> Path:
    """Compare what the layers of several encoders recognise, on the same clips.

    Args:
        runs: Folders that `lightning fit` with LayerwiseProbes has left, such as
            `logs/ravdess/version_0`.
        name: Folder of the results below `logs`.
        logs: Folder of logs.

    Returns:
        The folder of the results: `layers.csv`, `encoder_pairs.csv` and a figure.

    Raises:
        CrossEmoError: There are fewer than two runs, or they can't be compared.
    """
    effort = Effort()
    if len(runs) < 2:
        raise CrossEmoError("Give two or more folders of runs to compare.")
    judgements = [read_judgements(_file(run)) for run in runs]
    names = _names(judgements, runs)
    for sentence in differing_settings(judgements):
        logger.warning(sentence)
    shared = on_shared_clips([with_choices(one) for one in judgements])
    encoders = list(zip(names, shared, strict=True))
    scores = {encoder: score_rows(one) for encoder, one in encoders}
    pairs = encoder_rows(encoders)
    corpora = shared[0].about["corpora"]
    home = folder_of_runs(logs, name)
    folder = home / f"version_{claim_version(home)}"
    marks = _marks(encoders)
    layers = [{"encoder": name, **row} for name, rows in scores.items() for row in rows]
    write_csv(folder / "layers.csv", _marked(layers, encoders, "encoder"))
    if pairs:
        pairs = _marked(pairs, encoders, "first", "second")
        write_csv(folder / "encoder_pairs.csv", pairs)
    numbers = shared[0].roles.bincount(minlength=len(corpora)).tolist()
    clips = dict(zip(shared[0].names, numbers, strict=True))
    title = Study(corpora=corpora).title("Layers of the encoders", clips)
    figure = encoder_figure(scores, corpora, title)
    note_figure(figure, marks.values())
    with SummaryWriter(str(folder)) as writer:
        writer.add_image("encoders", figure_to_tensor(figure))
    save_figure(figure, folder, "encoders")
    facts = effort.describe("compare", torch.device("cpu"))
    of = {"runs": [str(run.resolve()) for run in runs], "interval_level": LEVEL}
    write_results(folder, {**facts, **of, "corpora": corpora, "leak": None, **marks})
    table = encoder_table(scores, pairs, corpora)
    table.title = title_of(marks.values())
    show(table)
    print(f"Results: {from_here(folder)}")
    return folder


def _file(run: Path) -> Path:
    run = expanded(run)
    return run / JUDGEMENTS if run.is_dir() else run


def _marked(
    rows: Iterable[Row], encoders: Sequence[tuple[str, Judgements]], *columns: str
) -> list[Row]:
    """Return rows with what their encoders, in some columns, know of their clips."""

    @cache
    def of(role: str, *names: str) -> dict[str, str]:
        return _marks([one for one in encoders if one[0] in names], role)

    none = dict.fromkeys(_marks(encoders), "")
    return [
        {**row, **none, **of(*judged_roles(row), *(row[name] for name in columns))}
        for row in rows
    ]


def _marks(
    encoders: Sequence[tuple[str, Judgements]], role: str | None = None
) -> dict[str, str]:
    """Return what each encoder knows of the clips of a role, or of all, by column."""
    marks = {name: _marks_of(one.about, role) for name, one in encoders}
    texts = {
        column: "\n".join(
            f"{name}: {text}"
            for name, columns in marks.items()
            if (text := columns.get(column))
        )
        for column in SIGNS
    }
    return {column: text for column, text in texts.items() if text}


def _marks_of(about: Mapping[str, Any], role: str | None) -> Mapping[str, str]:
    # Runs of before say it of all roles together alone.
    known: Mapping[str, Mapping[str, str]] = about.get("marks", {})
    return about if role is None else known.get(role, about)


def _names(judgements: Sequence[Judgements], runs: Sequence[Path]) -> list[str]:
    """Return the encoders' names; with the runs' folders where these don't differ."""
    names = [Path(one.about["encoder"]).name + sign_of(one.about) for one in judgements]
    if len(set(names)) == len(names):
        return names
    paths = [str(run) for run in runs]
    if len(set(paths)) < len(paths):
        raise CrossEmoError("A run is given twice: give each of them once.")
    return [f"{name} ({path})" for name, path in zip(names, paths, strict=True)]
