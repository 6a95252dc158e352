"""Whistles: people who whistle in moods, with a table of labels and singers."""

from collections.abc import Iterable
from types import MappingProxyType

from crossemo.corpora.annotated import AnnotatedCorpus, Annotation
from crossemo.corpora.rows import Row, read_rows
from crossemo.corpora.tree import Tree


class Whistles(AnnotatedCorpus):
    """Whistles (made up), as CONTRIBUTING's example of a corpus.

    Args:
        root: Folder that holds `labels.csv` (file, mood, whistler, tune) and, at any
            depth, the audio.
    """

    name = "whistles"
    domain = "music"
    words = MappingProxyType({"jolly": "happy", "gloomy": "sad", "cross": "angry"})
    advice = "give the unpacked folder of the whistles"

    def annotations(self, tree: Tree) -> Iterable[Annotation]:
        """Return the rows of the table."""
        columns = ("file", "mood", "whistler", "tune")
        return read_rows(tree.table("labels.csv"), _annotation, columns)


def _annotation(row: Row) -> Annotation:
    return Annotation(
        row["file"],
        (f"whistles/{row['tune']}", f"whistles/by {row['whistler']}"),
        label=row["mood"],
        about=(("whistler", row["whistler"]),),
    )
