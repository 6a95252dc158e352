"""Several corpora in one role, which are scored one by one and together."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from crossemo.corpora.base import Clip, Corpus, CorpusError, Problem
from crossemo.errors import listed


class Joint(Corpus):
    """Several corpora of one domain as one.

    A list of corpora in a config is one, too.

    Args:
        corpora: The corpora.

    Raises:
        CorpusError: There is none, two have one name, or they differ in domain.
    """

    def __init__(self, corpora: Sequence[Corpus]) -> None:
        self._members = tuple(chain(*(corpus.members for corpus in corpora)))
        if not self._members:
            raise CorpusError("A list of corpora is empty: name one or more.")
        names = [corpus.name for corpus in self._members]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise CorpusError(
                f"{listed(twice)} would be there twice: name each corpus once."
            )
        domains = {corpus.domain: corpus.name for corpus in self._members}
        if len(domains) > 1:
            raise CorpusError(
                f"{domains['speech']} is speech and {domains['music']} is music: put "
                "corpora of one domain together."
            )
        self.name = "+".join(names)
        self.domain = self._members[0].domain
        notes = [corpus.note for corpus in self._members if corpus.note]
        self.note = " ".join(dict.fromkeys(notes))
        self.melodies = tuple(
            dict.fromkeys(chain(*(corpus.melodies for corpus in self._members)))
        )

    @property
    def members(self) -> tuple[Corpus, ...]:
        """The corpora."""
        return self._members

    @property
    def root(self) -> Path:  # type: ignore[override]  # of corpora that lie apart
        """The folder of the first."""
        return self._members[0].root

    def clips(self) -> list[Clip]:
        """Return the clips of all, corpus by corpus.

        Raises:
            CorpusError: One of them can't be read.
        """
        return list(chain(*(corpus.clips() for corpus in self._members)))

    def problems(self) -> list[Problem]:
        """Return the problems of all."""
        return list(chain(*(corpus.problems() for corpus in self._members)))

    def prepare(self) -> None:
        """Have each write what it makes itself."""
        for corpus in self._members:
            corpus.prepare()


def as_one(corpora: Corpus | Sequence[Corpus]) -> Corpus:
    """Return a corpus; several as one."""
    if isinstance(corpora, Corpus):
        return corpora
    return corpora[0] if len(corpora) == 1 else Joint(corpora)
