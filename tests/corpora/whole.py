"""Copies of a corpus that are as large as the published one, without any sound."""

from collections.abc import Iterable
from pathlib import Path

from crossemo.corpora.base import Corpus
from crossemo.tasks.classes import Classes


def write_empty(folder: Path, stems: Iterable[object]) -> None:
    """Write an empty file for each clip: listing a corpus reads none."""
    folder.mkdir(parents=True)
    for stem in stems:
        (folder / f"{stem}.mp3").touch()


def quadrants(corpus: Corpus, midline: str = "high") -> dict[str, int]:
    """Return the clips in each quadrant."""
    task = Classes("quadrants", midline=midline)
    targets = (task.target(clip, corpus) for clip in corpus.clips())
    return task.counts([target for target in targets if target is not None])
