import logging
from collections.abc import Iterator

import pytest

from crossemo import progress
from crossemo.progress import bar, meter


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time in seconds, which stands until it is set."""
    now = [0.0]
    monkeypatch.setattr(progress, "monotonic", lambda: now[0])
    monkeypatch.setenv("FORCE_COLOR", "")
    monkeypatch.delenv("TTY_COMPATIBLE", raising=False)
    return now


def work(clock: list[float], items: int, seconds: float) -> Iterator[int]:
    for item in range(items):
        clock[0] += seconds
        yield item


def test_without_a_terminal_there_is_a_line_a_minute(
    clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert list(bar(work(clock, 10, 25.0), "Decoding", 10)) == list(range(10))
    # After 75, 150 and 225 s: the first items at which a minute has passed.
    assert caplog.messages == [
        "Decoding: 30 % after 1 min.",
        "Decoding: 60 % after 2 min.",
        "Decoding: 90 % after 4 min.",
    ]


def test_without_a_number_of_items_what_is_done_is_counted(
    clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert len(list(bar(work(clock, 3, 60.0), "Listing"))) == 3
    assert caplog.messages[-1] == "Listing: 3 after 3 min."


def test_short_and_hidden_work_says_nothing(
    clock: list[float],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.INFO)
    list(bar(work(clock, 5, 10.0), "Short"))
    list(bar(work(clock, 5, 100.0), "Hidden", shown=False))
    assert caplog.messages == []
    assert capfd.readouterr() == ("", "")


def test_a_name_is_no_markup(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    with meter("Embedding [/red]", 2) as note:
        note(1)
    assert "Embedding [/red]" in capfd.readouterr().err
