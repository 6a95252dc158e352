"""Clips with targets, of files or of nothing but names."""

from collections.abc import Sequence
from pathlib import Path

from crossemo.corpora.base import Clip
from crossemo.corpora.facts import content_digest
from crossemo.data.examples import Example


def examples_of(
    clips: Sequence[Clip], targets: Sequence[int] | None = None
) -> list[Example]:
    """Return clips whose files are there, each with its target or 0."""
    numbers = [0] * len(clips) if targets is None else targets
    return [
        Example(clip, clip.key(content_digest(clip.path)), target, clip.groups[0])
        for clip, target in zip(clips, numbers, strict=True)
    ]


def numbered(count: int) -> list[Example]:
    """Return clips without files, whose keys are their numbers."""
    return [
        Example(
            Clip(f"clip-{n}", Path(f"{n}.wav"), ("nobody",), "sad"),
            f"{n:032x}",
            0,
            "nobody",
        )
        for n in range(count)
    ]
