"""Show what a folder of audio or a config holds: crossemo data FOLDER."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from crossemo.commands.configs import load, read
from crossemo.commands.parser import Parser
from crossemo.corpora import corpus_classes
from crossemo.corpora.base import Clip, Corpus
from crossemo.corpora.discovery import corpora_below
from crossemo.corpora.manifest_writing import write_manifest
from crossemo.data.datamodules import EmotionDataModule
from crossemo.data.overview import Overview, overview, shared_units
from crossemo.data.splits import SplitError
from crossemo.errors import CrossEmoError, listed
from crossemo.files import expanded, from_here, write_csv
from crossemo.report.corpora import corpora_figures, overview_table
from crossemo.report.saving import save_figure
from crossemo.report.tables import show
from crossemo.runs.folder import claim_version, folder_of_runs
from crossemo.tasks import Task

logger = logging.getLogger(__name__)


def main(typed: list[str]) -> None:
    """Run `show_data`."""
    parser = Parser(prog="crossemo data")
    parser.add_function_arguments(show_data, as_positional=True, skip={"strict"})
    problems = "End with an error where there is any problem."
    parser.add_argument("--strict", action="store_true", help=problems)
    show_data(**parser.instantiate_classes(parser.parse_args(typed)).as_dict())


def show_data(
    place: Path,
    corpus: str | None = None,
    save: Path | None = None,
    strict: bool = False,
    name: str = "data",
    logs: Path = Path("logs"),
    cache_dir: Path | None = None,
) -> Path:
    """Show the corpora of a folder or a config: clips, durations, parts and problems.

    A corpus is recognised by its tree. What its files hold is read once, and again only
    where a file is new or has changed.

    Args:
        place: A folder, a table of clips (see `Manifest`), or YAML: a config with a
            section `data`, or a corpus by `class_path` and `init_args`.
        corpus: Name of the one corpus to look at, where there are several.
        save: Write the corpus as a table, NAME.csv, and beside it NAME.yaml, by which
            `Manifest` reads it.
        strict: End with an error where there is any problem.
        name: Folder of the tables and figures below `logs`.
        logs: Folder of logs.
        cache_dir: The cache folder; `$CROSSEMO_CACHE` or the user's if None.

    Returns:
        The folder of the tables and figures.

    Raises:
        CrossEmoError: There is no corpus, or with `strict`, there is a problem.
    """
    home = folder_of_runs(logs, name)
    path = expanded(place)
    of_config = path.suffix.lower() in (".yaml", ".yml")
    every = list(
        _of_config(path, cache_dir) if of_config else _of_folder(path, cache_dir)
    )
    overviews = _named(every, corpus)
    show(overview_table(overviews))
    problems = list(_problem_rows(overviews))
    for sentence in dict.fromkeys(row["what"] for row in problems):
        logger.warning(sentence)
    for (first, second), units in shared_units(overviews).items():
        print(f"{first} and {second} share {units} speakers, songs, artists or files.")
    folder = home / f"version_{claim_version(home)}"
    write_csv(folder / "overview.csv", list(chain(*(one.rows() for one in overviews))))
    write_csv(folder / "problems.csv", problems)
    for tag, figure in corpora_figures(overviews):
        save_figure(figure, folder, tag)
    if save is not None:
        _save(overviews, save)
    print(f"Tables and figures: {from_here(folder)}")
    if strict and problems:
        kinds = listed(dict.fromkeys(row["kind"] for row in problems))
        raise CrossEmoError(f"There are problems ({kinds}): see {from_here(folder)}.")
    return folder


def _of_folder(root: Path, cache_dir: Path | None) -> Iterator[Overview]:
    for corpus in corpora_below(root):
        yield overview(corpus, cache_dir, progress=True)


def _of_config(path: Path, cache_dir: Path | None) -> Iterator[Overview]:
    """Yield the corpora of a config's roles, in the parts that it makes.

    Raises:
        CrossEmoError: It names no corpus, or can't be used.
    """
    settings = load(read(path))
    if not isinstance(settings, dict) or not {"data", "class_path"} & set(settings):
        raise CrossEmoError(
            f"{path} has no section data: give a config that names corpora, or a "
            "folder."
        )
    corpus_classes()  # whose names a config may say
    parser = Parser(prog="crossemo data")
    if "data" not in settings:
        parser.add_subclass_arguments(Corpus, "corpus")
        parsed = parser.parse_object({"corpus": settings})
        corpus: Corpus = parser.instantiate_classes(parsed)["corpus"]
        corpus.prepare()
        yield overview(corpus, cache_dir, progress=True)
        return
    parser.add_subclass_arguments(EmotionDataModule, "data")
    parsed = parser.parse_object({"data": settings["data"]})
    data: EmotionDataModule = parser.instantiate_classes(parsed)["data"]
    for corpus in _corpora(data):
        corpus.prepare()
    parts = {}
    try:
        parts = dict(data.partition(progress=True).parts)
    except SplitError as error:
        logger.warning("%s", error)
    for role, one in data.roles.items():
        for corpus in one.members:
            seen = overview(corpus, data.cache_dir, progress=True)
            classes = {c.id: _class(data.task, c, corpus) for c in seen.clips}
            yield replace(seen, role=role, parts=parts, classes=classes)


def _class(task: Task, clip: Clip, corpus: Corpus) -> str:
    target = task.target(clip, corpus)
    return task.outputs[target] if isinstance(target, int) else ""


def _corpora(data: EmotionDataModule) -> Iterator[Corpus]:
    return chain(*(one.members for one in data.roles.values()))


def _named(overviews: list[Overview], name: str | None) -> list[Overview]:
    names = [one.corpus.name for one in overviews]
    if name is not None and name not in names:
        raise CrossEmoError(f"There is no corpus {name} here: choose {listed(names)}.")
    return [one for one in overviews if name in (None, one.corpus.name)]


def _problem_rows(overviews: Sequence[Overview]) -> Iterator[dict[str, str]]:
    for one in overviews:
        for problem in one.problems:
            what = f"In {one.corpus.name}, {problem.what}"
            row = {"corpus": one.corpus.name, "kind": problem.kind, "what": what}
            yield from ({**row, "clip": clip} for clip in problem.where or ("",))


def _save(overviews: Sequence[Overview], path: Path) -> None:
    """Write the one corpus as a table.

    Raises:
        CrossEmoError: There are several.
    """
    if len(overviews) > 1:
        names = listed(one.corpus.name for one in overviews)
        raise CrossEmoError(
            f"A table is of one corpus: choose one of {names} with --corpus."
        )
    write_manifest(overviews[0].corpus, path)
    print(f"Saved: {from_here(expanded(path))}")
