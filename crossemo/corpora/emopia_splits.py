"""The tables that EMOPIA's splits are published in."""

from itertools import product
from pathlib import Path
from typing import Literal

from crossemo.corpora.base import PARTS, CorpusError, Part
from crossemo.corpora.rows import Row, RowError, has_columns, read_rows
from crossemo.corpora.tree import Tree
from crossemo.errors import listed
from crossemo.files import printable

SplitName = Literal["cls", "release"]

SOURCES: dict[SplitName, str] = {
    "cls": "dataset/split of the repository EMOPIA_cls",
    "release": "split of release 1.0",
}

# Name of a part's table and its column of clips.
_TABLES: dict[SplitName, tuple[str, str]] = {
    "cls": ("{}.csv", "fname"),
    "release": ("{}_clip.csv", "clip_name"),
}
_CLIPS = ("ID", "fname", "clip_name", "clip", "file", "name")
_SPLITS = ("split", "part", "set")
_WORDS: dict[str, Part] = {
    **{part: part for part in PARTS},
    **{"valid": "val", "validation": "val", "dev": "val"},
}
_ADVICE = (
    "give a folder with train.csv, val.csv and test.csv of EMOPIA_cls or with the "
    "release's train_clip.csv, val_clip.csv and test_clip.csv"
)


def published_parts(tree: Tree, name: SplitName, place: Path | None) -> dict[str, Part]:
    """Return the part of each clip.

    Args:
        tree: The files of the corpus, where the tables are looked for.
        name: Which of the authors' splits; at another place, whichever lies there.
        place: Another place: a folder, or one table.

    Returns:
        The parts; none where the tree has no such tables.

    Raises:
        CorpusError: There is no split at the other place, a table can't be
            understood, or a clip is in two parts.
    """
    if place is None:
        return _of_folder(tree, name)
    if place.is_file():
        return _of_table(place)
    folder = Tree(place, _ADVICE)
    parts = _of_folder(folder, "cls") or _of_folder(folder, "release")
    if not parts:
        raise CorpusError(
            f"No split of EMOPIA lies under {printable(place)}: {_ADVICE}."
        )
    return parts


def _of_folder(tree: Tree, name: SplitName) -> dict[str, Part]:
    pattern, column = _TABLES[name]
    parts: dict[str, Part] = {}
    for part in PARTS:
        paths = tree.tables(pattern.format(part))
        for path in [path for path in paths if has_columns(path, (column,))][:1]:
            for stem in read_rows(path, lambda row: _stem(row, column)):
                if parts.setdefault(stem, part) != part:
                    raise CorpusError(
                        f"{printable(path)} puts {stem} in {part}, and another table "
                        f"puts it in {parts[stem]}: correct the tables."
                    )
    return parts


def _of_table(path: Path) -> dict[str, Part]:
    pairs = [pair for pair in product(_CLIPS, _SPLITS) if has_columns(path, pair)]
    if not pairs:
        raise CorpusError(
            f"{printable(path)} has no column of clips ({listed(_CLIPS)}) or none of "
            f"parts ({listed(_SPLITS)}): name them so."
        )
    clips, split = pairs[0]
    return dict(read_rows(path, lambda row: (_stem(row, clips), _part(row, split))))


def _stem(row: Row, column: str) -> str:
    return Path(row[column]).name.removesuffix(".mid").removesuffix(".mp3")


def _part(row: Row, column: str) -> Part:
    word = row[column].lower()
    if word not in _WORDS:
        raise RowError(
            f'column {column}: there is no part "{word}", but {listed(PARTS)}'
        )
    return _WORDS[word]
