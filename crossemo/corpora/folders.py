"""Any folder of audio with a sub-folder for every emotion."""

import re
from pathlib import Path

from crossemo.corpora.base import Clip, Corpus, CorpusError, Domain
from crossemo.corpora.listing import walk_files
from crossemo.files import expanded


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

    Raises:
        CorpusError: `groups` is no regular expression.
    """

    def __init__(
        self,
        root: str | Path,
        domain: Domain = "speech",
        name: str | None = None,
        groups: str | None = None,
    ) -> None:
        self.root = expanded(root)
        self.domain = domain
        self.name = name or self.root.resolve().name
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
        if not self.root.is_dir():
            raise CorpusError(f"There is no folder {self.root}.")
        clips = [
            self._clip(path)
            for path in sorted(walk_files(self.root))
            if path.parent != self.root and path.is_file()
        ]
        if not clips:
            raise CorpusError(
                f"{self.root} has no audio in sub-folders: put the files of each "
                "emotion into a sub-folder of its name, such as angry/one.wav."
            )
        return clips

    def _clip(self, path: Path) -> Clip:
        inside = path.relative_to(self.root)
        return Clip(
            id=f"{self.name}/{inside.as_posix()}",
            path=path,
            groups=(self._group(inside),),
            label=inside.parts[0].lower(),
        )

    def _group(self, inside: Path) -> str:
        if self._groups is None:
            alone = len(inside.parts) < 3
            return f"{self.name}/{inside.as_posix()}" if alone else inside.parts[1]
        match = self._groups.search(inside.as_posix())
        if not match:
            raise CorpusError(
                f"--groups {self._groups.pattern!r} finds nothing in {inside}."
            )
        return str(match[match.lastindex or 0])
