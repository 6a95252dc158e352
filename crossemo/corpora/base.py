"""What a corpus is: clips with a label and groups, and folds of groups."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from crossemo.errors import CrossEmoError, listed

Domain = Literal["speech", "music"]
Part = Literal["train", "val", "test"]
PARTS: tuple[Part, ...] = ("train", "val", "test")


class CorpusError(CrossEmoError):
    """A corpus that can't be read; the message says where and what to do."""


class CorpusNotFoundError(CorpusError):
    """No file of the corpus lies where it was looked for."""


def check_choice(corpus: str, option: str, value: str, choices: Iterable[str]) -> None:
    """Refuse a value that a corpus's switch doesn't have.

    Raises:
        CorpusError: It is not one of the choices.
    """
    if value not in (names := list(choices)):
        raise CorpusError(
            f"{corpus} has no {option} {value!r}: choose {listed(names, 20, ' or ')}."
        )


@dataclass(frozen=True, slots=True)
class Clip:
    """A stretch of an audio file, as its corpus publishes it.

    Args:
        id: Name of the clip, unique over all corpora and the same on every machine.
        path: The audio file.
        groups: All that must stay on one side of a split (speaker, song, artist), each
            prefixed by the corpus, such as `ravdess/05`; the recording's own first. An
            actor's speech and song share one.
        label: The label as published.
        valence: As published, on the scale of the corpus; so too the next two.
        arousal: See `valence`.
        dominance: See `valence`.
        start: Where the stretch begins, in seconds.
        end: Where it ends, in seconds; at the end of the file if None.
        part: The part that the corpus's authors put the clip in.
        about: Further facts by name, such as `("sex", "female")`.

    Raises:
        CorpusError: There is no group, the stretch ends before it begins, or there is
            no such part.
    """

    id: str
    path: Path
    groups: tuple[str, ...]
    label: str | None = None
    valence: float | None = None
    arousal: float | None = None
    dominance: float | None = None
    start: float = 0.0
    end: float | None = None
    part: Part | None = None
    about: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if not self.groups:
            raise CorpusError(
                f"{self.id} belongs to no group: name its speaker or song."
            )
        end = self.start + 1 if self.end is None else self.end
        if not 0 <= self.start < end < inf:
            ends = "" if self.end is None else f" and end at {self.end:g} s"
            raise CorpusError(f"{self.id} would begin at {self.start:g} s{ends}.")
        if self.part not in (None, *PARTS):
            raise CorpusError(
                f"{self.id} would be in the part {self.part}: choose "
                f"{', '.join(PARTS)}."
            )

    def key(self, digest: str) -> str:
        """Return what the clip's samples are known by, wherever they are stored.

        Args:
            digest: The digest of the file's content.

        >>> Clip("a", Path("a.wav"), ("x/1",)).key("1f")
        '1f'
        >>> Clip("a", Path("a.wav"), ("x/1",), start=0.5, end=10).key("1f")
        '1f@0.5-10'
        """
        if self.start == 0 and self.end is None:
            return digest
        end = "" if self.end is None else f"{self.end:.9g}"
        return f"{digest}@{self.start:.9g}-{end}"


@dataclass(frozen=True)
class Scale:
    """The scale that a corpus publishes values on, such as 1 to 9 about 5.

    Args:
        low: The lowest value that raters can give.
        high: The highest.
        middle: The value that is neither low nor high.

    Raises:
        CorpusError: The middle does not lie between the ends.
    """

    low: float
    high: float
    middle: float

    def __post_init__(self) -> None:
        if not self.low < self.middle < self.high:
            raise CorpusError(
                f"A scale from {self.low:g} to {self.high:g} has no middle of "
                f"{self.middle:g}: choose low < middle < high."
            )

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g} about {self.middle:g}"

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def relative(self, value: float) -> float:
        """Return a value about the middle, in halves of the scale's width.

        >>> Scale(1, 9, 5).relative(7), Scale(0, 1, 0.5).relative(0)
        (0.5, -1.0)
        """
        return 2 * (value - self.middle) / (self.high - self.low)

    def published(self, relative: float) -> float:
        """Return the value of which `relative` gives this.

        >>> Scale(1, 9, 5).published(0.5)
        7.0
        """
        return self.middle + relative * (self.high - self.low) / 2


@dataclass(frozen=True)
class Problem:
    """Something about a corpus that keeps clips from being used.

    Args:
        kind: What kind it is, such as `same bytes, other label`.
        what: A sentence on it.
        where: Names of the clips or files.
    """

    kind: str
    what: str
    where: tuple[str, ...]


@dataclass(frozen=True)
class Archive:
    """A zip file of a corpus.

    Args:
        name: File name, `<folder>.zip`; it is unpacked into that folder.
        md5: MD5 sum of the file, hex.
    """

    name: str
    md5: str


class Corpus(ABC):
    """A corpus on disk.

    Attributes:
        name: Short name for tables and results, such as `ravdess-song`.
        domain: `speech` or `music`.
        root: The folder that its files lie below.
        words: Published label to a word of `crossemo.emotions`; empty where the
            published labels are such words.
        scale: The scale of the published values; None where there are none.
        citation: BibTeX of what the authors ask to be cited, the corpus's own paper
            first; empty where nothing was published, as of the demo or of data of
            one's own.
        licence: The licence of the recordings, as far as it is known.
        expected: What a full copy holds as published: the number of `clips`, and that
            of each label; empty where nobody has counted.
        window: Seconds of the windows that long clips of such a corpus are customarily
            cut into; None where clips are taken whole.
        folds: The customary folds, each the groups that are tested together; empty
            where custom has none.
        note: What a reader of results on this corpus must know.
        melodies: Emotions that are sung to one melody, where different emotions have
            different ones. Within such a group, the melody tells nothing.
        archives: The zip files that `crossemo download` fetches; empty where a corpus
            must be asked for by hand.
        address: Address of the folder that holds the archives.
        variants: Options by which a corpus is tried on a folder of unknown content;
            empty where a folder doesn't tell.
    """

    name: str
    domain: Domain
    root: Path
    words: Mapping[str, str] = MappingProxyType({})
    scale: Scale | None = None
    citation: ClassVar[str] = ""
    licence: ClassVar[str] = ""
    expected: Mapping[str, int] = MappingProxyType({})
    window: float | None = None
    folds: ClassVar[tuple[frozenset[str], ...]] = ()
    note: str = ""
    melodies: tuple[tuple[str, ...], ...] = ()
    archives: ClassVar[tuple[Archive, ...]] = ()
    address: ClassVar[str] = ""
    variants: ClassVar[tuple[Mapping[str, Any], ...]] = ()

    @property
    def members(self) -> "tuple[Corpus, ...]":
        """The corpora that it is made of: itself, or several that are used as one."""
        return (self,)

    @abstractmethod
    def clips(self) -> list[Clip]:
        """Return every clip, in a fixed order, without reading any audio.

        Copies of a file are listed too: what the files hold is a question of
        `crossemo.corpora.facts`.

        Raises:
            CorpusNotFoundError: The corpus is not where it was looked for.
            CorpusError: A file name or label can't be understood.
        """

    def problems(self) -> list[Problem]:
        """Return what keeps clips from being used, as far as a listing shows it."""
        return []

    def word(self, label: str) -> str | None:
        """Return the word of `crossemo.emotions` for a published label, if it has one.

        A label that nobody has explained is returned as it is.
        """
        return self.words.get(label) if self.words else label

    def prepare(self) -> None:  # noqa: B027 (most corpora have nothing to write)
        """Write what the corpus makes itself; called once per machine before use."""
