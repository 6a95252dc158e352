"""Whistles: people who whistle in moods, with a table of labels and singers."""

from pathlib import Path
from types import MappingProxyType

from crossemo.corpora.base import Clip, Corpus, CorpusNotFoundError, Problem
from crossemo.corpora.listing import find_audio, read_table


class Whistles(Corpus):
    """Whistles (made up), as CONTRIBUTING's example of a corpus.

    Args:
        root: Folder that holds `labels.csv` (file, mood, whistler, tune, split) and,
            at any depth, the audio.
    """

    name = "whistles"
    domain = "music"
    words = MappingProxyType({"jolly": "happy", "gloomy": "sad", "cross": "angry"})

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root).expanduser()

    def clips(self) -> list[Clip]:
        """Return the annotated clips that have audio, in order of the table."""
        rows, files = self._read()
        return [
            Clip(
                id=f"whistles/{row['file']}",
                path=files[row["file"]],
                groups=(f"whistles/{row['tune']}", f"whistles/by {row['whistler']}"),
                label=row["mood"],
                about=(("whistler", row["whistler"]),),
            )
            for row in rows
            if row["file"] in files
        ]

    def problems(self) -> list[Problem]:
        """Return annotations without audio."""
        rows, files = self._read()
        missing = tuple(row["file"] for row in rows if row["file"] not in files)
        if not missing:
            return []
        what = f"{missing[0]} is annotated and has no audio: unpack all of the corpus."
        return [Problem("annotated, no audio", what, missing)]

    def _read(self) -> tuple[list[dict[str, str]], dict[str, Path]]:
        table = self.root / "labels.csv"
        if not table.is_file():
            raise CorpusNotFoundError(f"{table} is missing: give the unpacked folder.")
        columns = ("file", "mood", "whistler", "tune")
        rows = [dict(row) for _, row in read_table(table, columns)]
        return rows, find_audio(self.root, [row["file"] for row in rows])
