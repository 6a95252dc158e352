import pytest

from crossemo.emotions import WORDS
from crossemo.judging.spellings import word_of


@pytest.mark.parametrize(
    ("labels", "word"),
    [
        (("neu", "Neutral", "NEUTRAL "), "neutral"),
        (("hap", "Happiness", "joy", "happy"), "happy"),
        (("ang", "Anger", "angry"), "angry"),
        (("sad", "Sadness"), "sad"),
        (("fear", "fearful", "fea"), "fearful"),
        (("disgusted", "disgust", "dis"), "disgust"),
        (("surprise", "Surprised", "sur"), "surprised"),
        (("calm", "CAL"), "calm"),
        (("q1", "Q1"), "Q1"),
    ],
)
def test_one_emotion_is_spelt_in_many_ways(labels: tuple[str, ...], word: str) -> None:
    assert {word_of(label) for label in labels} == {word}


@pytest.mark.parametrize(
    "label", ["excited", "LABEL_0", "other", "happy/sad", "", "ps"]
)
def test_what_is_no_emotion_for_sure_has_no_word(label: str) -> None:
    assert word_of(label) is None


def test_every_word_means_itself() -> None:
    assert [word_of(word) for word in WORDS] == list(WORDS)
