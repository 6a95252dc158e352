import pytest

from crossemo.emotions import EMOTIONS, UnknownEmotionError, label_space


def test_shared6_is_what_speech_and_song_share() -> None:
    space = label_space("shared6")
    assert space.classes == ("neutral", "calm", "happy", "sad", "angry", "fearful")
    assert [space.index(name) for name in space.classes] == [0, 1, 2, 3, 4, 5]
    assert space.index("disgust") is None
    assert space.index("surprised") is None


def test_speech8_keeps_every_emotion() -> None:
    space = label_space("speech8")
    assert space.classes == EMOTIONS
    assert [space.index(name) for name in EMOTIONS] == list(range(8))


@pytest.mark.parametrize(
    ("switch", "classes", "neutral", "calm"),
    [
        ("merge", ("angry", "happy", "sad", "neutral/calm"), 3, 3),
        ("apart", ("angry", "happy", "sad", "neutral", "calm"), 3, 4),
        ("drop", ("angry", "happy", "sad", "calm"), None, 3),
    ],
)
def test_four_states_what_becomes_of_neutral_and_calm(
    switch: str, classes: tuple[str, ...], neutral: int | None, calm: int
) -> None:
    space = label_space("four", switch)
    assert space.classes == classes
    assert [space.index(name) for name in ("angry", "happy", "sad")] == [0, 1, 2]
    assert space.index("neutral") == neutral
    assert space.index("calm") == calm
    assert [space.index(name) for name in ("fearful", "disgust", "surprised")] == (
        [None] * 3
    )


@pytest.mark.parametrize("name", ["shared6", "speech8"])
def test_the_switch_concerns_four_alone(name: str) -> None:
    assert label_space(name, "drop") == label_space(name)


def test_an_unknown_emotion_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownEmotionError, match=r"'joy'.*neutral, calm, happy"):
        label_space("shared6").index("joy")


def test_a_merged_class_is_no_emotion() -> None:
    with pytest.raises(UnknownEmotionError, match="neutral/calm"):
        label_space("four").index("neutral/calm")


def test_an_unknown_space_is_refused_with_the_known_ones() -> None:
    with pytest.raises(
        UnknownEmotionError, match=r"'six'.*shared6, speech8, four or quad"
    ):
        label_space("six")


def test_an_unknown_switch_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownEmotionError, match=r"'keep'.*merge, apart or drop"):
        label_space("four", "keep")
