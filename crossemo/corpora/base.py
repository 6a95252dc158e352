"""What a corpus is: clips with an emotion and a group, and folds of groups."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import ClassVar, Literal

from crossemo.errors import CrossEmoError

Domain = Literal["speech", "music"]

logger = logging.getLogger(__name__)


class CorpusError(CrossEmoError):
    """A corpus that can't be read; the message says where and what to do."""


class CorpusNotFoundError(CorpusError):
    """No file of the corpus lies where it was looked for."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording.

    Args:
        id: Name of the clip, unique over all corpora and the same on every machine.
        path: The audio file.
        emotion: One of `crossemo.emotions.EMOTIONS`.
        group: Who or what must stay on one side of a split (speaker, song, artist),
            prefixed by the corpus: `ravdess/05`. An actor's speech and song share it.
        digest: `content_digest` of the file.
    """

    id: str
    path: Path
    emotion: str
    group: str
    digest: str


class Corpus(ABC):
    """A corpus on disk.

    Attributes:
        name: Short name for tables and results, such as `ravdess-song`.
        domain: `speech` or `music`.
        folds: The customary folds, each the groups that are tested together; empty
            where custom has none.
        note: What a reader of results on this corpus must know.
        melodies: Emotions that are sung to one melody, where different emotions have
            different ones. Within such a group, the melody tells nothing.
    """

    name: str
    domain: Domain
    folds: ClassVar[tuple[frozenset[str], ...]] = ()
    note: str = ""
    melodies: tuple[tuple[str, ...], ...] = ()

    @abstractmethod
    def clips(self) -> list[Clip]:
        """Return every clip once, in a fixed order.

        Raises:
            CorpusNotFoundError: The corpus is not where it was looked for.
            CorpusError: A file name or label can't be understood.
        """

    def prepare(self) -> None:  # noqa: B027 (most corpora have nothing to write)
        """Write what the corpus makes itself; called once per machine before use."""


def content_digest(path: Path) -> str:
    """Return the BLAKE2b digest (128 bits, hex) of a file's bytes.

    Raises:
        OSError: The file can't be read.
    """
    digest = blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def unique(clips: Iterable[Clip]) -> list[Clip]:
    """Return the clips without those that repeat an earlier one byte for byte.

    How many are left out is logged, as they change the corpus's counts.

    Raises:
        CorpusError: Files of the same content bear different labels, or files of the
            same name differ in content.
    """
    kept: dict[str, Clip] = {}
    named: dict[str, Clip] = {}
    copies: list[tuple[Clip, Clip]] = []
    for clip in clips:
        first = kept.setdefault(clip.digest, clip)
        if (first.emotion, first.group) != (clip.emotion, clip.group):
            raise CorpusError(
                f"{first.path} ({first.emotion}, {first.group}) and {clip.path} "
                f"({clip.emotion}, {clip.group}) hold the same bytes: remove the one "
                "whose name is wrong."
            )
        namesake = named.setdefault(clip.id, clip)
        if namesake.digest != clip.digest:
            raise CorpusError(
                f"{namesake.path} and {clip.path} have one name and differ in content: "
                "give a root that holds only one of them."
            )
        if first is not clip:
            copies.append((first, clip))
    if copies:
        logger.warning(
            "%d of %d files are left out, being byte for byte copies (first: %s of %s)",
            len(copies),
            len(copies) + len(kept),
            copies[0][1].path,
            copies[0][0].path,
        )
    return list(kept.values())
