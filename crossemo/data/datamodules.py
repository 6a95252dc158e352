"""The datamodules: one corpus of speech or of music, or two to carry over between."""

from typing import Any

from crossemo.corpora.base import Corpus, Domain
from crossemo.data.datamodule import EmotionDataModule
from crossemo.errors import CrossEmoError

__all__ = [
    "CrossDomainDataModule",
    "EmotionDataModule",
    "MusicEmotionDataModule",
    "SpeechEmotionDataModule",
]


class SpeechEmotionDataModule(EmotionDataModule):
    """A corpus of speech, in the role `speech`.

    Args:
        corpus: The corpus.
        **shared: As in `EmotionDataModule`.

    Raises:
        CrossEmoError: The corpus is not of speech.
    """

    def __init__(self, corpus: Corpus, **shared: Any) -> None:  # noqa: ANN401
        _demand("speech", corpus)
        super().__init__({"speech": corpus}, **shared)


class MusicEmotionDataModule(EmotionDataModule):
    """A corpus of music, in the role `music`.

    Args:
        corpus: The corpus.
        **shared: As in `EmotionDataModule`.

    Raises:
        CrossEmoError: The corpus is not of music.
    """

    def __init__(self, corpus: Corpus, **shared: Any) -> None:  # noqa: ANN401
        _demand("music", corpus)
        super().__init__({"music": corpus}, **shared)


class CrossDomainDataModule(EmotionDataModule):
    """Two corpora, in the roles `source` and `target`.

    Args:
        source: Corpus to learn from first, such as speech.
        target: Corpus to carry over to, such as song.
        **shared: As in `EmotionDataModule`.

    Raises:
        CrossEmoError: Source and target are one and the same corpus.
    """

    def __init__(self, source: Corpus, target: Corpus, **shared: Any) -> None:  # noqa: ANN401
        if source.name == target.name:
            raise CrossEmoError(
                f"Source and target are both {source.name}: choose two corpora."
            )
        super().__init__({"source": source, "target": target}, **shared)


def _demand(domain: Domain, corpus: Corpus) -> None:
    if corpus.domain != domain:
        raise CrossEmoError(
            f"{corpus.name} is a corpus of {corpus.domain}, not of {domain}: use "
            f"{corpus.domain.capitalize()}EmotionDataModule."
        )
