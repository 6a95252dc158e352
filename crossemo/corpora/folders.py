"""Any folder of audio with a sub-folder for every emotion."""

import os
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from crossemo.corpora.base import Clip, Corpus, CorpusError, Domain
from crossemo.corpora.listing import check_folder, walk_files
from crossemo.corpora.vocabulary import Vocabulary
from crossemo.files import expanded, printable


class Folders(Corpus):
    r"""A folder of audio with a sub-folder for every emotion.

    Args:
        root: The folder.
        domain: What its clips are.
        name: What to call it, which begins the id of every clip; the folder's name if
            None.
        groups: Regular expression that finds the speaker, song or artist in the path of
            a file below the folder, such as `Actor_\d+`; what it matches (or its first
            group) names the group. By default a file belongs to the folder below that
            of its emotion, where there is one, and else is a group of its own.
        words: What the names of the sub-folders mean, such as
            `{anger: angry, other: null}`; null leaves clips out. Names that are words
            of crossemo, such as `angry` or `Q2`, need none.

    Raises:
        CorpusError: `groups` is no regular expression, or a word is none.
    """

    def __init__(
        self,
        root: str | Path,
        domain: Domain = "speech",
        name: str | None = None,
        groups: str | None = None,
        words: Mapping[str, str | None] | None = None,
    ) -> None:
        self._vocabulary = Vocabulary(words)
        self.root = expanded(root)
        self.domain = domain
        self.name = name or printable(os.path.basename(os.path.realpath(self.root)))
        try:
            self._groups = None if groups is None else re.compile(groups)
        except re.error as error:
            raise CorpusError(
                f"--groups {groups!r} is no regular expression: {error}."
            ) from error

    def clips(self) -> list[Clip]:
        """Return the audio files below the emotions' sub-folders, in order of path.

        Raises:
            CorpusError: There is no folder or no audio, a folder can't be read, or the
                expression finds nothing in a path.
        """
        check_folder(self.root, "give a folder with a sub-folder for every emotion")
        paths = [path for path in walk_files(self.root) if path.parent != self.root]
        names = {
            path: printable(path.relative_to(self.root).as_posix()) for path in paths
        }
        times = Counter(names.values())
        clips = [
            self._clip(path, names[path], alone=times[names[path]] == 1)
            for path in sorted(paths, key=lambda path: (names[path].split("/"), path))
        ]
        if not clips:
            raise CorpusError(
                f"{self.root} has no audio in sub-folders: put the files of each "
                "emotion into a sub-folder of its name, such as angry/one.wav."
            )
        return clips

    def word(self, label: str) -> str | None:
        """Return the word for a sub-folder: None if left out, itself if unknown."""
        return self._vocabulary[label]

    def _clip(self, path: Path, name: str, alone: bool) -> Clip:
        # Two spellings of one name may lie side by side.
        place = name if alone else ascii(path.relative_to(self.root).as_posix())[1:-1]
        return Clip(
            id=f"{self.name}/{place}",
            path=path,
            groups=(self._group(name, f"{self.name}/{place}"),),
            label=printable(name.split("/")[0].lower()),
        )

    def _group(self, name: str, single: str) -> str:
        if self._groups is None:
            parts = name.split("/")
            return single if len(parts) < 3 else parts[1]
        match = self._groups.search(name)
        if not match:
            raise CorpusError(
                f"--groups {self._groups.pattern!r} finds nothing in {name}."
            )
        return str(match[match.lastindex or 0])
