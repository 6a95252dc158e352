"""Any folder of audio with a sub-folder for every emotion."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from crossemo.corpora.base import Clip, content_digest
from crossemo.errors import CrossEmoError

# fmt: off
SUFFIXES = frozenset((
    "aac", "aif", "aiff", "au", "caf", "flac", "m4a", "mp3", "mp4", "oga", "ogg",
    "opus", "rf64", "w64", "wav", "webm", "wma",
))
# fmt: on


def list_clips(root: Path, domain: str, groups: str | None = None) -> list[Clip]:
    """Return the audio files below the emotions' sub-folders of a folder.

    Args:
        root: The folder.
        domain: What to call it; begins the id of every clip.
        groups: As in `compare_folders`.

    Raises:
        CrossEmoError: It is no folder, holds no audio, or the expression is wrong or
            finds nothing in a path.
    """
    if not root.is_dir():
        raise CrossEmoError(f"There is no folder {root}.")
    clips = []
    for path in sorted(_files(root)):
        inside = path.relative_to(root)
        if len(inside.parts) < 2:
            continue
        hidden = any(part.startswith(".") for part in inside.parts)
        if hidden or path.suffix[1:].lower() not in SUFFIXES or not path.is_file():
            continue
        clips.append(
            Clip(
                id=f"{domain}/{inside.as_posix()}",
                path=path,
                emotion=inside.parts[0].lower(),
                group=_group(inside, domain, groups),
                digest=content_digest(path),
            )
        )
    if not clips:
        raise CrossEmoError(
            f"{root} has no audio in sub-folders: put the files of each emotion into a "
            "sub-folder of its name, such as angry/one.wav."
        )
    return clips


def _files(root: Path) -> Iterator[Path]:
    # Path.glob would not go into folders that are links.
    for folder, _, names in os.walk(root, followlinks=True):
        for name in names:
            yield Path(folder, name)


def _group(inside: Path, domain: str, groups: str | None) -> str:
    if groups is None:
        lone = len(inside.parts) < 3
        return f"{domain}/{inside.as_posix()}" if lone else inside.parts[1]
    try:
        found = re.search(groups, inside.as_posix())
    except re.error as error:
        raise CrossEmoError(
            f"--groups {groups!r} is no regular expression: {error}."
        ) from error
    if not found:
        raise CrossEmoError(f"--groups {groups!r} finds nothing in {inside}.")
    return str(found[found.lastindex or 0])
