"""What `crossemo fad` leaves: settings, facts, clips, distances and figures."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from crossemo.data.clip_tables import SPLIT
from crossemo.data.examples import Example
from crossemo.encoders.exposure import Marks
from crossemo.files import write_csv, write_text
from crossemo.report.distances import distance_figures
from crossemo.report.saving import save_figure
from crossemo.report.study import Study
from crossemo.report.style import mark_figure
from crossemo.runs.results import write_results
from crossemo.similarity import Row, domains_of
from crossemo.similarity.embeddings import EmbeddedClips, FrameMoments


@dataclass(frozen=True)
class EmbeddedFolder:
    """The clips of a folder.

    Args:
        embedded: Their embeddings.
        examples: The clips.
        left_out: Why others are left out, by name.
        moments: Moments of their frames, where these are compared.
    """

    embedded: EmbeddedClips
    examples: list[Example]
    left_out: dict[str, str]
    moments: FrameMoments | None = None


def write_distances(
    folder: Path,
    rows: list[Row],
    measures: list[Row],
    emotions: Sequence[str],
    encoder: str,
    marks: Marks,
) -> None:
    """Write the tables and the figures of distances.

    Args:
        folder: The folder of the run.
        rows: Rows of `fad.csv`.
        measures: Rows of `similarity.csv`.
        emotions: Names of the emotions.
        encoder: Name or folder of the encoder, for titles.
        marks: What is said of the distances, by domain.

    Raises:
        OSError: The folder can't be written or the disk is full.
    """
    domains = list(marks.exposures)
    for name, table in (("fad.csv", rows), ("similarity.csv", measures)):
        if table:  # measures are of clips
            marked = marks.rows(table, lambda row: domains_of(row, domains))
            write_csv(folder / name, marked)
    mark = marks.whole
    study = Study.of(encoder, {}, mark)
    figures = distance_figures(rows, measures, "test", emotions, study)
    for tag, figure in figures.items():
        mark_figure(figure, mark)
        save_figure(figure, folder, tag)


def describe_folders(
    folder: Path,
    settings: Mapping[str, Any],
    facts: Mapping[str, Any],
    folders: Mapping[str, EmbeddedFolder],
    emotions: Sequence[str],
) -> None:
    """Write the settings, the facts and the clips of a run.

    Args:
        folder: The folder of the run.
        settings: All settings, in plain values.
        facts: What `Effort.describe` says.
        folders: The folders that were compared, by domain.
        emotions: Names of the emotions.

    Raises:
        OSError: The folder can't be written or the disk is full.
    """
    text = yaml.safe_dump(dict(settings), sort_keys=False, allow_unicode=True)
    write_text(folder / "config.yaml", text)
    clips = [
        {
            "role": domain,
            "corpus": domain,
            "clip": example.clip.id,
            "group": example.unit,
            "emotion": example.clip.label,
            "part": "all",
            "fold": "",
        }
        for domain, one in folders.items()
        for example in one.examples
    ]
    write_csv(folder / SPLIT, clips)
    roles = {
        domain: {
            "clips": dict(Counter(str(e.clip.label) for e in one.examples)),
            "groups": len({example.unit for example in one.examples}),
            "left_out": one.left_out,
        }
        for domain, one in folders.items()
    }
    estimate = settings["estimate"]
    described = {"seed": estimate["seed"], "interval_level": estimate["level"]}
    content = {**facts, **described, "roles": roles, "emotions": list(emotions)}
    write_results(folder, content | {"settings": settings})
