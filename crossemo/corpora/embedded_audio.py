"""Audio that lies inside other files, copied once to where it has paths."""

import json
import os
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path

from crossemo import cache
from crossemo.corpora.base import CorpusError, CorpusNotFoundError
from crossemo.corpora.listing import AUDIO
from crossemo.progress import bar

_INDEX = "index.json"


class EmbeddedAudio:
    """Copies of audio in the cache, each named by its content.

    Args:
        key: What tells the data from all others.
        of: What they are of, for `crossemo cache`.
    """

    def __init__(self, key: str, of: str) -> None:
        digest = blake2b(key.encode(), digest_size=16).hexdigest()
        self.folder, self.of = cache.cache_dir() / "audio" / digest, of

    def prepare(self, sounds: Iterable[tuple[str, bytes]], count: int) -> None:
        """Write the copies unless they are there; several processes may do so at once.

        Args:
            sounds: Name of each file, or nothing, and its content.
            count: How many there are.

        Raises:
            CorpusError: They can't be written.
        """
        if self._stored() is not None:
            return
        try:
            # What is there is damaged: else it would not be written again.
            with cache.new_folder(self.folder, lambda there, ours: False, False) as new:
                named = bar(sounds, f"Copying {count} sounds", count)
                names = [_copy(new, name, content) for name, content in named]
                sizes = {name: os.stat(new / name).st_size for name in names}
                (new / _INDEX).write_text(json.dumps([names, sizes]))
                (new / "about.json").write_text(json.dumps({"of": self.of}))
        except OSError as error:
            sentence = cache.unwritable("The audio", self.folder, error)
            raise CorpusError(sentence) from error

    def paths(self) -> list[Path]:
        """Return where the copies lie, in order.

        Raises:
            CorpusNotFoundError: They are not there.
        """
        names = self._stored()
        if names is None:
            raise CorpusNotFoundError(
                f"The audio of {self.of} is not in {self.folder}: call prepare() "
                "first, which copies it there."
            )
        return [self.folder / name for name in names]

    def _stored(self) -> list[str] | None:
        """Return the names of all copies; None if one is not as it was written."""
        try:
            names, sizes = json.loads((self.folder / _INDEX).read_text("utf-8"))
            with os.scandir(self.folder) as entries:
                there = {entry.name: entry.stat().st_size for entry in entries}
            whole = all(there.get(name) == size for name, size in sizes.items())
            return list(map(str, names)) if whole else None
        except (OSError, ValueError, TypeError, AttributeError, RecursionError):
            return None


def _copy(folder: Path, name: str, content: bytes) -> str:
    suffix = os.path.splitext(name)[1].lower()
    suffix = suffix if suffix[1:] in AUDIO else ".wav"  # content says what it is
    copy = blake2b(content, digest_size=16).hexdigest() + suffix
    if not (folder / copy).exists():
        (folder / copy).write_bytes(content)
    return copy
