"""What the labels of one's own data mean."""

from collections.abc import Mapping

from crossemo.corpora.base import CorpusError
from crossemo.emotions import WORDS
from crossemo.errors import guess_among, listed, shortened

_KNOWN = {word.casefold(): word for word in WORDS}


class Vocabulary:
    """Words of one's own, beside those of `crossemo.emotions`.

    Case doesn't matter, unless two words differ in nothing else.

    Args:
        words: Label to a word of `crossemo.emotions`; None for labels that are left
            out.

    Raises:
        CorpusError: A label would become something that is no such word.
    """

    def __init__(self, words: Mapping[str, str | None] | None) -> None:
        given = {str(label): word for label, word in (words or {}).items()}
        for label, word in given.items():
            if word is not None and word not in WORDS:
                raise CorpusError(
                    f"words: {shortened(label)} would become {shortened(word)}, and "
                    f"crossemo knows {', '.join(WORDS)}."
                    f"{guess_among(str(word), WORDS)}"
                )
        self._words = {label.casefold(): word for label, word in given.items()} | given

    def __getitem__(self, label: str) -> str | None:
        """Return the word for a label: None if it is left out, itself if unknown.

        >>> words = Vocabulary({"joy": "happy", "other": None})
        >>> words["Joy"], words["Sad"], words["other"], words["odd"]
        ('happy', 'sad', None, 'odd')
        """
        for key in (label, label.casefold()):
            if key in self._words:
                return self._words[key]
        return _KNOWN.get(label.casefold(), label)


def unknown_words(name: str, counts: Mapping[str, int]) -> str:
    """Return a sentence on labels that no corpus or user has explained.

    Args:
        name: Name of the corpus.
        counts: Number of clips by label.
    """
    clips = sum(counts.values())
    named = listed((f"{shortened(w)} ({n})" for w, n in counts.items()), 20)
    lines = ", ".join(f"{shortened(w)}: {_guess(w)}" for w in list(counts)[:20])
    return (
        f"In {name}, labels of {clips} clips are no words that crossemo knows: "
        f"{named}. Say by words what they mean, such as {{{lines}}}; null leaves clips "
        f"out. It knows {', '.join(WORDS)}."
    )


def _guess(label: str) -> str:
    return guess_among(label.lower(), WORDS)[len(" Did you mean ") : -1] or "null"
