"""Any corpus as a table that `Manifest` reads."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crossemo.corpora.base import Clip, Corpus, CorpusError
from crossemo.corpora.columns import ABOUT, VALUES, is_understood
from crossemo.corpora.table_corpus import joined_groups
from crossemo.errors import reason_of
from crossemo.files import expanded, from_here, printable, write_csv, write_text


def write_manifest(corpus: Corpus, path: str | Path) -> dict[str, Any]:
    """Write the clips of a corpus as a table, and beside it how to read it.

    Names, groups, labels, values, parts and stretches are as in the corpus; facts that
    are empty are left out. Files below the table's folder are named from there, others
    in full.

    Args:
        corpus: The corpus.
        path: The table, NAME.csv. Beside it, NAME.yaml holds what is returned, for
            configs.

    Returns:
        The arguments of a `Manifest` that has the same clips.

    Raises:
        CorpusError: The corpus can't be read, is several in one, or the table can't be
            written.
    """
    import yaml

    path = expanded(path)
    if path.suffix.lower() != ".csv":
        raise CorpusError(f"{printable(path)} would be no table: name it NAME.csv.")
    if len(corpus.members) > 1:
        raise CorpusError(
            f"{corpus.name} is several corpora, each with words and a scale of its "
            "own: write each to a table of its own."
        )
    clips = corpus.clips()
    rows = [dict(_cells(clip, path.parent)) for clip in clips]
    settings = {"path": from_here(path), **_settings(corpus, clips)}
    text = yaml.safe_dump(
        {"class_path": "Manifest", "init_args": settings},
        sort_keys=False,
        allow_unicode=True,
    )
    try:
        write_csv(path, rows)
        write_text(path.with_suffix(".yaml"), text)
    except OSError as error:
        raise CorpusError(
            f"{printable(path)} can't be written: {reason_of(error)}."
        ) from error
    return settings


def _settings(corpus: Corpus, clips: list[Clip]) -> dict[str, Any]:
    settings: dict[str, Any] = {"domain": corpus.domain, "name": corpus.name}
    labels = sorted({clip.label for clip in clips if clip.label is not None})
    words = {label: corpus.word(label) for label in labels}
    if words := {label: word for label, word in words.items() if word != label}:
        settings["words"] = words
    if scale := corpus.scale:
        settings["scale"] = [scale.low, scale.high, scale.middle]
    return settings


def _cells(clip: Clip, folder: Path) -> Iterator[tuple[str, object]]:
    yield "file", _file(clip.path, folder)
    yield "clip", clip.id
    if clip.start or clip.end is not None:
        yield "start", clip.start
        yield "end", clip.end
    yield "emotion", clip.label
    for name in VALUES:
        if (value := getattr(clip, name)) is not None:
            yield name, value
    if clip.part is not None:
        yield "split", clip.part
    yield "groups", joined_groups(clip.groups)
    for name, value in clip.about:
        if value:
            yield f"{ABOUT if is_understood(name) else ''}{name}", value


def _file(path: Path, folder: Path) -> str:
    if path.is_relative_to(folder):
        return path.relative_to(folder).as_posix()
    return os.path.abspath(path)
