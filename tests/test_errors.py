"""What sentences are made of."""

import json

import pytest

from crossemo.errors import CrossEmoError, crossemo_sentence, modules_of, reason_of


def test_a_reason_is_one_line_of_bounded_length() -> None:
    assert reason_of(ValueError("two\n  lines.")) == "two lines"
    assert reason_of(ZeroDivisionError()) == "ZeroDivisionError"
    assert reason_of(PermissionError(13, "Permission denied", "x")) == (
        "Permission denied"
    )
    assert len(reason_of(ValueError("x" * 10_000))) == 300


def test_a_sentence_is_seen_through_what_was_raised_from_it() -> None:
    error = KeyError("Nothing.")
    assert crossemo_sentence(error) is None
    error.__cause__ = CrossEmoError("Say so.")
    assert crossemo_sentence(error) == "Say so."


def test_an_error_says_which_modules_it_came_through() -> None:
    with pytest.raises(ValueError, match="Expecting") as refusal:
        json.loads("{")
    modules = modules_of(refusal.value)
    assert modules[0] == __name__
    assert modules[-1] == "json.decoder"
