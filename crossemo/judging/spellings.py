"""How published models spell emotions, besides the words of `crossemo.emotions`."""

from crossemo.emotions import EMOTIONS, QUADRANTS

# Nouns, adjectives and the codes that corpora name their files by. Only what means one
# emotion and no other: `excited` or `calm/neutral` is for the user to say.
_SPELLINGS = {
    "neutral": ("neu", "neutrality"),
    "calm": ("cal", "calmness", "calmly"),
    "happy": ("hap", "happiness", "joy", "joyful", "joyous"),
    "sad": ("sadness",),
    "angry": ("ang", "anger"),
    "fearful": ("fea", "fear"),
    "disgust": ("dis", "disgusted"),
    "surprised": ("sur", "surprise", "suprised"),
}
_WORDS = {
    **{word.casefold(): word for word in (*EMOTIONS, *QUADRANTS)},
    **{form: word for word, forms in _SPELLINGS.items() for form in forms},
}


def word_of(label: str) -> str | None:
    """Return the word of `crossemo.emotions` that a label means; None if none is sure.

    >>> word_of("Anger"), word_of(" hap"), word_of("contempt")
    ('angry', 'happy', None)
    """
    return _WORDS.get(label.strip().casefold())
