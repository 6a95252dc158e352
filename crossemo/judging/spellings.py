"""How published models spell emotions, besides the words of `crossemo.emotions`."""

import re

from crossemo.emotions import EMOTIONS, QUADRANTS

# Nouns, adjectives, the codes that corpora name their files by, and what emotion2vec
# puts before the English word. Only what means one emotion and no other: `excited` or
# `anxiety` is for the user to say.
_SPELLINGS = {
    "neutral": ("neu", "neutrality", "中立"),
    "calm": ("cal", "calmness", "calmly"),
    "happy": ("hap", "happiness", "joy", "joyful", "joyous", "开心"),
    "sad": ("sadness", "难过"),
    "angry": ("ang", "anger", "生气"),
    "fearful": ("fea", "fear", "afraid", "scared", "恐惧"),
    "disgust": ("dis", "disgusted", "厌恶"),
    "surprised": ("sur", "surprise", "suprise", "suprised", "吃惊"),
}
_WORDS = {
    **{word.casefold(): word for word in (*EMOTIONS, *QUADRANTS)},
    **{form: word for word, forms in _SPELLINGS.items() for form in forms},
}
_ASIDE = re.compile(r"\d+|male|female")  # as in male_angry or 05_angry


def word_of(label: str) -> str | None:
    """Return the word of `crossemo.emotions` that a label means; None if none is sure.

    Numbers and sexes beside it aside, all parts of the label must mean the same.

    >>> word_of("Anger"), word_of("female_hap"), word_of("contempt")
    ('angry', 'happy', None)
    """
    parts = re.split(r"[\W_]+", label.casefold())
    words = {_WORDS.get(p) for p in parts if p and not _ASIDE.fullmatch(p)}
    return words.pop() if len(words) == 1 else None
