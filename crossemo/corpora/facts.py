"""What audio files hold: digests, lengths and rates, read once and stored by path."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from crossemo import audio, cache
from crossemo.corpora.base import Clip, CorpusError
from crossemo.progress import bar

FORMAT = 3
READ_AHEAD = 256  # files


@dataclass(frozen=True)
class FileFacts:
    """What an audio file holds.

    Args:
        digest: `content_digest` of the file.
        size: Bytes.
        samples: Samples of a channel as the header says; None where it doesn't.
        rate: Sampling rate in Hz; None where the header doesn't say.
        channels: Number of channels; None where the header doesn't say.
    """

    digest: str
    size: int
    samples: int | None = None
    rate: int | None = None
    channels: int | None = None

    def seconds_of(self, clip: Clip) -> float | None:
        """Return how long a clip of this file is; None where nobody knows.

        What a clip would have beyond the file's end doesn't count.
        """
        if not self.samples or not self.rate:
            return None if clip.end is None else clip.end - clip.start
        length = self.samples / self.rate
        end = length if clip.end is None else min(clip.end, length)
        return max(0.0, end - clip.start)


UNREADABLE = FileFacts("", 0)


def content_digest(path: Path) -> str:
    """Return the BLAKE2b digest (128 bits, hex) of a file's bytes.

    Raises:
        OSError: The file can't be read.
    """
    digest = blake2b(digest_size=16)
    with audio.open_regular(path) as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def file_facts(
    paths: Iterable[Path],
    root: Path,
    cache_dir: str | Path | None = None,
    progress: bool = False,
) -> dict[Path, FileFacts]:
    """Return the facts of files, reading those that are new or have changed.

    They are stored in `<cache folder>/files`, by the path below the root, the size and
    the times of the last changes of content and of anything.

    Args:
        paths: The files.
        root: The folder that they lie below.
        cache_dir: The cache folder; `crossemo.cache.cache_dir` if None.
        progress: Show a bar.

    Files that can't be read, or are gone by now, count as empty, and are tried again
    each time: who decodes them says what is wrong.

    Raises:
        CorpusError: The cache can't be written.
    """
    home = cache.cache_dir(cache_dir)
    real = os.path.realpath(root)
    key = blake2b(real.encode(errors="surrogateescape"), digest_size=16).hexdigest()
    store = home / "files" / key
    stored = _read(store)
    names = {path: os.path.relpath(path, root) for path in dict.fromkeys(paths)}
    stamps = {path: _stamp(path) for path in names}
    facts: dict[Path, FileFacts] = {}
    for path, name in names.items():
        stamp, *values = stored.get(name, [None])
        if stamp == stamps[path]:
            facts[path] = FileFacts(*values)
    fresh = [path for path in names if path not in facts]
    if fresh:
        facts |= zip(fresh, _read_files(fresh, progress), strict=True)
        read = [path for path in fresh if facts[path] != UNREADABLE]
        stored |= {names[p]: [stamps[p], *astuple(facts[p])] for p in read}
        if read:
            _write(store, stored, real)
    return facts


def clip_key(clip: Clip, facts: Mapping[Path, FileFacts]) -> str:
    """Return what a clip's samples are known by; without any, the clip's name."""
    fact = facts[clip.path]
    return clip.key(fact.digest) if fact.size else clip.id


def _stamp(path: Path) -> list[int]:
    try:
        state = path.stat()
    except OSError:
        return []
    # Who copies a file may set back the one time, and nobody the other.
    return [state.st_size, state.st_mtime_ns, state.st_ctime_ns]


def _read_files(paths: Sequence[Path], progress: bool) -> list[FileFacts]:
    starts = range(0, len(paths), READ_AHEAD)
    blocks = bar(starts, f"Reading {len(paths)} files", shown=progress)
    with ThreadPoolExecutor() as pool:
        return [
            fact
            for start in blocks
            for fact in pool.map(_read_file, paths[start : start + READ_AHEAD])
        ]


def _read_file(path: Path) -> FileFacts:
    try:
        digest, size = content_digest(path), path.stat().st_size
    except OSError:
        return UNREADABLE
    return FileFacts(digest, size, *(audio.header(path) or ()))


def _read(store: Path) -> dict[str, list[Any]]:
    if not cache.is_whole(store / cache.SUMS):
        return {}
    try:
        content = json.loads((store / "facts.json").read_text("utf-8"))
    except FileNotFoundError:  # another process is just renewing it
        return {}
    files: dict[str, list[Any]] = content["files"]
    return files if content["format"] == FORMAT else {}


def _write(store: Path, files: Mapping[str, object], root: str) -> None:
    try:
        with cache.new_folder(store, stays=lambda there, ours: False) as folder:
            facts = json.dumps({"format": FORMAT, "files": files})
            (folder / "facts.json").write_text(facts)
            (folder / "about.json").write_text(json.dumps({"of": root}))
    except OSError as error:
        sentence = cache.unwritable("What the files hold", store, error)
        raise CorpusError(sentence) from error
