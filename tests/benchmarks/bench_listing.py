"""What listing a corpus of 17,982 clips costs, as ratios to a walk of its folder.

Run `python -m tests.benchmarks.bench_listing`; it writes a tree like MTG-Jamendo's, of
empty files.
"""

import os
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from crossemo.corpora.discovery import corpora_below
from crossemo.corpora.jamendo import Jamendo
from tests.benchmarks.bench_data import cpu_seconds
from tests.corpora.trees.jamendo import row, write_rows

SIZES = {"train": 9949, "validation": 3802, "test": 4231}  # of split 0


def write_tree(root: Path) -> None:
    """Write the tables of a split and empty audio."""
    tracks = iter(range(sum(SIZES.values())))
    for part, size in SIZES.items():
        rows = [row(n, n // 12, n // 2, ("happy",)) for n in islice(tracks, size)]
        folder = root / "data" / "splits" / "split-0"
        write_rows(folder / f"autotagging_moodtheme-{part}.tsv", *rows)
    for n in range(sum(SIZES.values())):
        path = root / f"{n % 100:02}" / f"{n}.mp3"
        path.parent.mkdir(exist_ok=True)
        path.touch()


def walk(root: Path) -> None:
    """Ask the system for all names and what they are."""
    for folder, _, names in os.walk(root):
        for name in names:
            os.stat(os.path.join(folder, name))


def main() -> None:
    """Print the ratios."""
    with TemporaryDirectory() as folder:
        root = Path(folder)
        write_tree(root)
        floor = cpu_seconds(lambda: walk(root))
        listing = cpu_seconds(lambda: Jamendo(root).clips())
        discovery = cpu_seconds(lambda: corpora_below(root))
    print(f"a walk with its stats: 1 ({floor:.3f} s of processor time)")
    print(f"listing the corpus: {listing / floor:.1f}")
    print(f"recognising it among all corpora: {discovery / floor:.1f}")


if __name__ == "__main__":
    main()
