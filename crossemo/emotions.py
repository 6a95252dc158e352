"""One vocabulary of emotions and the label spaces built on it.

Every corpus translates its own labels into `EMOTIONS` and every model learns the
classes of one `LabelSpace`, so an index means the same emotion in every corpus.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from crossemo.errors import CrossEmoError

EMOTIONS = (
    "neutral",
    "calm",
    "happy",
    "sad",
    "angry",
    "fearful",
    "disgust",
    "surprised",
)

QUADRANTS = ("Q1", "Q2", "Q3", "Q4")  # of valence and arousal, counter-clockwise
WORDS = EMOTIONS + QUADRANTS

LabelSpaceName = Literal["shared6", "speech8", "four", "quadrants"]
NeutralCalm = Literal["merge", "apart", "drop"]
Midline = Literal["high", "low", "drop"]


class UnknownEmotionError(CrossEmoError):
    """An emotion or a label space that crossemo has no word for."""


@dataclass(frozen=True)
class LabelSpace:
    """The classes of a task and how emotions fall into them.

    Args:
        name: Name of the space, as written in a config.
        classes: Class names; a class's position is its index.
        members: Word to class; words that are absent are left out of the task.
    """

    name: str
    classes: tuple[str, ...]
    members: Mapping[str, str]

    @property
    def of_quadrants(self) -> bool:
        """Whether all classes are made of quadrants."""
        return set(self.members) <= set(QUADRANTS)

    def index(self, word: str) -> int | None:
        """Return the class index of a word, or None where the task drops it.

        Raises:
            UnknownEmotionError: `word` is not one of `WORDS`.
        """
        if word not in WORDS:
            raise UnknownEmotionError(
                f"Unknown emotion {word!r}: crossemo knows {', '.join(WORDS)}."
            )
        name = self.members.get(word)
        return None if name is None else self.classes.index(name)


def label_space(
    name: str | Mapping[str, Sequence[str]], neutral_calm: str = "merge"
) -> LabelSpace:
    """Return a label space by name, or one that is given class by class.

    Args:
        name: `shared6`, the emotions that RAVDESS speech and song share; `speech8`,
            all of RAVDESS speech; `four`, angry, happy, sad and neutral/calm, the
            classes that most speech and music corpora have in common, where quadrants
            of valence and arousal count as happy (Q1), angry (Q2), sad (Q3) and calm
            (Q4), as is customary; `quadrants` by themselves; or a map of each class to
            the words that it takes.
        neutral_calm: In `four`, what becomes of neutral and calm. Neutral speech has
            middle valence and calm music a positive one, so they are not the same:
            `merge` makes one class of both, `apart` keeps two classes, `drop` leaves
            neutral clips out and keeps calm.

    Raises:
        UnknownEmotionError: There is no such space, word or switch.

    >>> label_space("four", "drop").classes
    ('angry', 'happy', 'sad', 'calm')
    """
    if not isinstance(name, str):
        return _given(name)
    if name == "shared6":
        return _identity(name, EMOTIONS[:6])
    if name == "speech8":
        return _identity(name, EMOTIONS)
    if name == "quadrants":
        return _identity(name, QUADRANTS)
    if name != "four":
        raise UnknownEmotionError(
            f"Unknown label space {name!r}: choose shared6, speech8, four or quadrants."
        )
    if neutral_calm == "apart":
        return _four("neutral", "calm")
    if neutral_calm == "drop":
        return _four("calm")
    if neutral_calm == "merge":
        return _four("neutral/calm")
    raise UnknownEmotionError(
        f"Unknown switch {neutral_calm!r} for neutral and calm: "
        "choose merge, apart or drop."
    )


def quadrant(
    valence: float, arousal: float, midline: str = "high", margin: float = 0.0
) -> str | None:
    """Return the quadrant of valence and arousal.

    Args:
        valence: From -1 to 1, about the middle of its scale.
        arousal: The same.
        midline: What 0 is: `high`, `low`, or left out (`drop`).
        margin: Values that are nearer to 0 than this are left out.

    Returns:
        Q1 (both high), Q2 (arousal alone), Q3 (neither), Q4 (valence alone), or None
        where the clip is left out.

    Raises:
        UnknownEmotionError: There is no such rule, or the margin is not from 0 to 1.

    >>> quadrant(-0.5, 0.0), quadrant(-0.5, 0.0, "low"), quadrant(-0.5, 0.0, "drop")
    ('Q2', 'Q3', None)
    """
    if midline not in ("high", "low", "drop"):
        raise UnknownEmotionError(
            f"Unknown rule {midline!r} for the midline: choose high, low or drop."
        )
    if not 0 <= margin < 1:
        raise UnknownEmotionError(
            f"The margin about the middle is {margin:g}: choose 0 to less than 1."
        )
    values = (valence, arousal)
    if any(abs(v) < margin or (v == 0 and midline == "drop") for v in values):
        return None
    pleasant, excited = (v > 0 or (v == 0 and midline == "high") for v in values)
    if excited:
        return "Q1" if pleasant else "Q2"
    return "Q4" if pleasant else "Q3"


def _four(*quiet: str) -> LabelSpace:
    """Return the space `four`, with what becomes of neutral and calm."""
    members = {"happy": "happy", "angry": "angry", "sad": "sad"}
    members |= {"Q1": "happy", "Q2": "angry", "Q3": "sad"}
    for name in quiet:
        members |= {word: name for word in name.split("/")}
    members["Q4"] = members["calm"]
    classes = ("angry", "happy", "sad", *quiet)
    return LabelSpace("four", classes, MappingProxyType(members))


def _identity(name: str, classes: tuple[str, ...]) -> LabelSpace:
    return LabelSpace(name, classes, MappingProxyType({c: c for c in classes}))


def _given(classes: Mapping[str, Sequence[str]]) -> LabelSpace:
    members: dict[str, str] = {}
    for name, words in classes.items():
        for word in [words] if isinstance(words, str) else words:
            if word not in WORDS:
                raise UnknownEmotionError(
                    f"Unknown emotion {word!r} in the class {name!r}: crossemo knows "
                    f"{', '.join(WORDS)}."
                )
            if members.setdefault(word, name) != name:
                raise UnknownEmotionError(
                    f"{word} would be in the classes {members[word]} and {name}: name "
                    "it in one of them."
                )
    if len(classes) < 2 or set(classes) - set(members.values()):
        raise UnknownEmotionError(
            f"The classes {', '.join(classes) or '(none)'} can't be told apart: name "
            "two or more, each with a word."
        )
    return LabelSpace("given", tuple(classes), MappingProxyType(members))
