"""What a corpus is: clips with an emotion and a group, and folds of groups."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import ClassVar, Literal

Domain = Literal["speech", "music"]


class CorpusError(ValueError):
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
    """

    name: str
    domain: Domain
    folds: ClassVar[tuple[frozenset[str], ...]] = ()

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
