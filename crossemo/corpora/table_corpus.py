"""Clips that a table of one's own lists."""

import logging
import re
from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from crossemo.corpora.annotated import AnnotatedCorpus, Annotation, Listing, listing
from crossemo.corpora.base import (
    Clip,
    CorpusError,
    CorpusNotFoundError,
    Domain,
    Part,
    Problem,
    Scale,
)
from crossemo.corpora.columns import VALUES, Columns, find_columns
from crossemo.corpora.neighbours import Neighbours
from crossemo.corpora.rows import SHOWN, Row, RowError, parse_rows
from crossemo.corpora.tree import Tree
from crossemo.corpora.vocabulary import Vocabulary
from crossemo.errors import listed, shortened
from crossemo.files import printable

# fmt: off
_PARTS: dict[str, Part] = {
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validation": "val", "validate": "val", "dev": "val",
    "test": "test", "testing": "test", "eval": "test", "evaluation": "test",
}
# fmt: on
_TIMEDELTA = re.compile(r"(?:(\d+) days? )?(\d+):(\d\d):(\d\d(?:\.\d+)?)")

GivenScale = Sequence[float] | Mapping[str, float]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Table:
    """A table that lists clips.

    Args:
        path: Where it lies, for messages.
        columns: Names of its columns.
        rows: Its rows.
        given: A column by what it is, where its name doesn't say.
        hidden: Columns that are no facts.
        root: The folder that its paths begin in; the corpus's root if None.
    """

    path: Path
    columns: Sequence[str]
    rows: Sequence[Row]
    given: Mapping[str, str | None] = field(default_factory=dict)
    hidden: Collection[str] = ()
    root: Path | None = None


class TableCorpus(AnnotatedCorpus):
    """A corpus whose clips, labels, values and groups stand in one table.

    Args:
        root: The folder that the paths in the table begin in.
        domain: What its clips are.
        name: What to call it, which begins the id of every clip.
        columns: Column by what it is, see `find_columns`.
        words: What its labels mean, see `Vocabulary`.
        scale: Low, high and middle of its values, in that order or by name.

    Raises:
        CorpusError: The scale or a word is none.
    """

    variants: ClassVar[tuple[Mapping[str, Any], ...]] = ()  # known by no tree

    def __init__(
        self,
        root: Path,
        domain: Domain,
        name: str,
        columns: Mapping[str, str | None] | None,
        words: Mapping[str, str | None] | None,
        scale: GivenScale | None,
    ) -> None:
        super().__init__(root)
        self.domain, self.name = domain, name
        self.scale = None if scale is None else _scale(scale)
        self._columns, self._vocabulary = columns or {}, Vocabulary(words)

    @abstractmethod
    def table(self) -> Table:
        """Return the table.

        Raises:
            CorpusError: It can't be read.
        """

    def word(self, label: str) -> str | None:
        """Return the word for a label: None if left out, itself if it is unknown."""
        return self._vocabulary[label]

    def annotations(self, tree: Tree | None = None) -> list[Annotation]:
        """Return what the rows of the table say; no tree is asked."""
        return self._read()[0]

    def _read(self) -> tuple[list[Annotation], list[str], Path]:
        """Return what the rows say, the files that they name, and where these begin."""
        table = self.table()
        where = printable(table.path)
        given = {**table.given, **self._columns}
        columns = find_columns(table.columns, given, where, table.hidden)
        self._check(columns, table)
        root = table.root or self.root
        reader = _Reader(self.name, root, columns)
        rows = parse_rows(table.path, table.rows, reader.annotation)
        if not rows:
            raise CorpusError(f"{where} lists no clip: it has columns and no row.")
        if reader.alone:
            logger.warning(
                "In %s, %d of %d rows name no speaker, song or other group: each file "
                "is a group of its own.",
                self.name,
                reader.alone,
                len(rows),
            )
        return rows, reader.files, root

    @cached_property
    def _listing(self) -> Listing:
        annotations, files, root = self._read()
        place = Neighbours(root)
        audio = {
            one.stem: path
            for one, file in zip(annotations, files, strict=True)
            if (path := place.find(file))
        }
        if annotations and not audio:
            tried = root / files[0]
            raise CorpusNotFoundError(
                f"None of the files that {self.name} lists ({len(annotations)} rows) "
                f"is there; the first would be {printable(tried)}: say by root which "
                "folder their paths begin in, or by columns how a path is made."
            )
        clips = listing(self, annotations, place.strays() | audio)
        bare = [clip.id for clip in clips.clips if _says_nothing(clip)]
        return Listing(clips.clips, [*clips.problems, *_bare(bare)])

    def _check(self, columns: Columns, table: Table) -> None:
        """Refuse a table that lacks what every table must have."""
        where = printable(table.path)
        has = f"its columns are {listed((shortened(c) for c in table.columns), 20)}"
        if "file" not in columns.sources:
            raise CorpusError(
                f"{where} has no column of audio files, such as file or path: {has}. "
                "Name yours, such as columns: {file: NAME}, or a pattern, such as "
                "columns: {file: audio/{NAME}.wav}."
            )
        values = [name for name in VALUES if name in columns.sources]
        if not values and "emotion" not in columns.sources:
            raise CorpusError(
                f"{where} has no column of emotions or values, such as emotion, label "
                f"or valence: {has}. Name yours, such as columns: {{emotion: NAME}}."
            )
        if values and self.scale is None:
            raise CorpusError(
                f"{where} has values ({listed(values)}) and nothing says on what "
                "scale: give low, high and middle, such as scale: [1, 9, 5]."
            )


class _Reader:
    """Makes annotations of rows, and notes what the rows have in common.

    Attributes:
        files: The files as the rows name them.
        alone: Number of rows without a group.
    """

    def __init__(self, name: str, root: Path, columns: Columns) -> None:
        self.name, self.root, self.columns = name, root, columns
        self.files: list[str] = []
        self.alone = 0
        self._spellings: dict[str, str] = {}
        self._named: dict[str, str] = {}

    def annotation(self, row: Row) -> Annotation:
        columns = self.columns
        if not (file := columns.text(row, "file")):
            raise RowError(f"column {columns.sources['file']}: the cell is empty")
        start, end = self._stretch(row)
        place = self._place(file)
        stretch = "" if start == 0 and end is None else f"@{start:g}"
        stem = columns.text(row, "id") or f"{place}{stretch}"
        stem = printable(columns.text(row, "clip") or stem)
        if (other := self._named.setdefault(stem, file)) != file:
            raise RowError(
                f"{shortened(file)} and {shortened(other)} have one name, "
                f"{shortened(stem)}"
            )
        valence, arousal, dominance = (self._value(row, name) for name in VALUES)
        one = Annotation(
            stem=stem,
            groups=self._groups(row, place),
            label=printable(columns.text(row, "emotion")) or None,
            valence=valence,
            arousal=arousal,
            dominance=dominance,
            part=self._part(row),
            about=tuple(
                (name, row.cells[column])
                for column, name in columns.about.items()
                if row.cells[column]
            ),
            start=start,
            end=end,
            id=printable(columns.text(row, "clip")),
        )
        self.files.append(file)
        return one

    def _place(self, file: str) -> str:
        """Return the name of a file on every machine: its path below the root."""
        path = PurePosixPath(file.replace("\\", "/"))
        if path.is_absolute() and path.is_relative_to(self.root.absolute()):
            path = path.relative_to(self.root.absolute())
        return printable(str(path))

    def _groups(self, row: Row, place: str) -> tuple[str, ...]:
        columns = self.columns
        names = split_groups(columns.text(row, "groups"))
        for kind in columns.groups:
            if text := columns.text(row, kind):
                # One name may be spelt in two cases, as S4 and s4.
                first = self._spellings.setdefault(f"{kind}/{text}".casefold(), text)
                names.append(f"{self.name}/{kind}/{first}")
        self.alone += not names
        return tuple(map(printable, names)) or (f"{self.name}/file/{place}",)

    def _value(self, row: Row, name: str) -> float | None:
        if not (text := self.columns.text(row, name)):
            return None
        return Row(row.number, {self.columns.sources[name]: text}).real(
            self.columns.sources[name]
        )

    def _part(self, row: Row) -> Part | None:
        if not (text := self.columns.text(row, "split")):
            return None
        if (part := _PARTS.get(text.casefold())) is None:
            raise RowError(
                f'column {self.columns.sources["split"]}: "{shortened(text)}" is none '
                "of train, val (also valid, validation, dev) and test"
            )
        return part

    def _stretch(self, row: Row) -> tuple[float, float | None]:
        start = self._seconds(row, "start") or 0.0
        end = self._seconds(row, "end")
        if end is None and (duration := self._seconds(row, "duration")) is not None:
            end = start + duration
        if end is not None and end <= start:
            name = "end" if self.columns.text(row, "end") else "duration"
            raise RowError(
                f"column {self.columns.sources[name]}: the clip would begin at "
                f"{start:g} s and end at {end:g} s"
            )
        return start, end

    def _seconds(self, row: Row, name: str) -> float | None:
        text = self.columns.text(row, name)
        if not text or text == "NaT":
            return None
        if match := _TIMEDELTA.fullmatch(text):
            days, hours, minutes, rest = (float(one or 0) for one in match.groups())
            return ((days * 24 + hours) * 60 + minutes) * 60 + rest
        seconds = self._value(row, name)
        if seconds is not None and seconds < 0:
            raise RowError(
                f"column {self.columns.sources[name]}: {seconds:g} s is before the "
                "beginning of the file"
            )
        return seconds


def joined_groups(names: Sequence[str]) -> str:
    r"""Return groups in one cell.

    >>> joined_groups(["a/1", "a/x;y"])
    'a/1;a/x\\;y'
    """
    return ";".join(re.sub(r"([\\;])", r"\\\1", name) for name in names)


def split_groups(text: str) -> list[str]:
    r"""Return the groups of a cell.

    >>> split_groups('a/1;a/x\\;y'), split_groups("")
    (['a/1', 'a/x;y'], [])
    """
    parts = re.findall(r"(?:\\.|[^\\;])+", text)
    return [re.sub(r"\\(.)", r"\1", part.strip()) for part in parts if part.strip()]


def _scale(given: GivenScale) -> Scale:
    if isinstance(given, Mapping):
        if not {"low", "high"} <= set(given) <= {"low", "high", "middle"}:
            raise CorpusError(
                f"scale: {dict(given)} is none: give low, high and, where it is not "
                "halfway, middle, such as {low: 1, high: 9, middle: 5}."
            )
        halfway = (given["low"] + given["high"]) / 2
        return Scale(given["low"], given["high"], given.get("middle", halfway))
    if len(given) != 3:
        raise CorpusError(
            f"scale: {list(given)} has {len(given)} numbers: give low, high and "
            "middle, such as [1, 9, 5]."
        )
    return Scale(*given)


def _says_nothing(clip: Clip) -> bool:
    given = (clip.label, clip.valence, clip.arousal, clip.dominance)
    return all(one is None for one in given)


def _bare(names: Sequence[str]) -> list[Problem]:
    if not names:
        return []
    what = f"{len(names)} clips ({listed(names, SHOWN)}): neither emotion nor values."
    return [Problem("no emotion", what, tuple(names))]
