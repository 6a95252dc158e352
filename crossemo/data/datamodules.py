"""The datamodules: speech or music alone, or a source and a target."""

from typing import Any

from crossemo.corpora.base import Corpus, Domain
from crossemo.corpora.joint import as_one
from crossemo.data.datamodule import EmotionDataModule
from crossemo.errors import CrossEmoError, listed

__all__ = [
    "CrossDomainDataModule",
    "EmotionDataModule",
    "MusicEmotionDataModule",
    "SpeechEmotionDataModule",
]


class SpeechEmotionDataModule(EmotionDataModule):
    """A corpus of speech, or several as one, in the role `speech`.

    Args:
        corpus: The corpus, or a list.
        **shared: As in `EmotionDataModule`.

    Raises:
        CrossEmoError: The corpus is not of speech.
    """

    def __init__(self, corpus: Corpus | list[Corpus], **shared: Any) -> None:  # noqa: ANN401
        super().__init__({"speech": _of("speech", corpus)}, **shared)


class MusicEmotionDataModule(EmotionDataModule):
    """A corpus of music, or several as one, in the role `music`.

    Args:
        corpus: The corpus, or a list.
        **shared: As in `EmotionDataModule`.

    Raises:
        CrossEmoError: The corpus is not of music.
    """

    def __init__(self, corpus: Corpus | list[Corpus], **shared: Any) -> None:  # noqa: ANN401
        super().__init__({"music": _of("music", corpus)}, **shared)


class CrossDomainDataModule(EmotionDataModule):
    """Two corpora or lists of them, in the roles `source` and `target`.

    Args:
        source: Corpus to learn from first, such as speech, or a list.
        target: Corpus to carry over to, such as song, or a list.
        **shared: As in `EmotionDataModule`.

    Raises:
        CrossEmoError: A corpus is in both.
    """

    def __init__(
        self,
        source: Corpus | list[Corpus],
        target: Corpus | list[Corpus],
        **shared: Any,  # noqa: ANN401
    ) -> None:
        roles = {"source": as_one(source), "target": as_one(target)}
        first, second = ({c.name for c in one.members} for one in roles.values())
        if shared_names := sorted(first & second):
            raise CrossEmoError(
                f"Source and target are both {listed(shared_names)}: choose two "
                "corpora."
            )
        super().__init__(roles, **shared)


def _of(domain: Domain, corpora: Corpus | list[Corpus]) -> Corpus:
    corpus = as_one(corpora)
    if corpus.domain != domain:
        raise CrossEmoError(
            f"{corpus.name} is a corpus of {corpus.domain}, not of {domain}: use "
            f"{corpus.domain.capitalize()}EmotionDataModule."
        )
    return corpus
