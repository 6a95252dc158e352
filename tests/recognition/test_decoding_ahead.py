from collections.abc import Iterator
from threading import active_count
from time import monotonic, sleep

import pytest

from crossemo.recognition.decoding_ahead import AHEAD, decoded_ahead


def test_recordings_come_in_order_with_all_their_pieces() -> None:
    def pieces(number: int) -> Iterator[int]:
        sleep(0.001 * (number % 3))
        yield from range(number % 7)

    decoded = [(name, [*those]) for name, those in decoded_ahead(range(60), pieces)]
    assert decoded == [(n, [*range(n % 7)]) for n in range(60)]


def test_no_more_is_begun_than_a_few_ahead() -> None:
    begun: list[int] = []

    def names() -> Iterator[int]:
        for number in range(1000):
            begun.append(number)
            yield number

    for number, pieces in decoded_ahead(names(), lambda n: [n]):
        assert [*pieces] == [number]
        assert len(begun) <= number + AHEAD
        if number == 100:
            break


def test_what_goes_wrong_is_raised_for_the_recording_alone() -> None:
    def pieces(number: int) -> Iterator[int]:
        yield number
        if number == 1:
            raise ValueError("one")

    outcomes: list[object] = []
    for _, those in decoded_ahead(range(3), pieces):
        try:
            outcomes.append([*those])
        except ValueError as error:
            outcomes.append(str(error))
    assert outcomes == [[0], "one", [2]]


def test_whoever_stops_listening_leaves_no_thread_behind() -> None:
    def endless(_: int) -> Iterator[int]:
        while True:
            yield 0

    before, since = active_count(), monotonic()
    recordings = decoded_ahead(range(50), endless)
    _, pieces = next(recordings)
    assert next(pieces) == 0
    recordings.close()  # type: ignore[attr-defined]
    assert active_count() == before
    assert monotonic() - since < 30


def test_nothing_gives_nothing() -> None:
    assert [*decoded_ahead([], lambda _: [1])] == []
    with pytest.raises(StopIteration):
        next(iter(decoded_ahead([], lambda _: [1])))
