"""Recordings decoded by a few threads, a little ahead of whoever hears them."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import Full, Queue
from threading import Event
from typing import Generic, TypeVar

THREADS = 4
AHEAD = 16  # recordings that are being decoded, or are decoded and wait
PIECES = 2  # of a recording that wait
PATIENCE = 0.1  # seconds from one look at whether anybody still listens to the next

Name = TypeVar("Name")
Piece = TypeVar("Piece")


class _Channel(Generic[Piece]):
    """Passes the pieces of one recording from the thread that decodes it."""

    def __init__(self, closed: Event) -> None:
        self._queue: Queue[Piece | Exception | None] = Queue(PIECES)
        self._closed = closed

    def fill(self, pieces: Iterable[Piece]) -> None:
        """Put in pieces, and what they end in, until all are out or nobody listens."""
        try:
            for piece in pieces:
                if not self._put(piece):
                    return
            self._put(None)
        except Exception as error:
            self._put(error)

    def __iter__(self) -> Iterator[Piece]:
        while (piece := self._queue.get()) is not None:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    def _put(self, piece: Piece | Exception | None) -> bool:
        while not self._closed.is_set():
            try:
                self._queue.put(piece, timeout=PATIENCE)
            except Full:
                continue
            return True
        return False


def decoded_ahead(
    names: Iterable[Name], decode: Callable[[Name], Iterable[Piece]]
) -> Iterator[tuple[Name, Iterator[Piece]]]:
    """Yield recordings in order, each with its pieces while they are decoded.

    Of however many recordings, a few pieces are held at once. The pieces of one must
    be taken before the next recording is.

    Args:
        names: The recordings.
        decode: What yields the pieces of one, and may raise what its taker gets.
    """
    closed = Event()
    ahead: deque[tuple[Name, _Channel[Piece]]] = deque()
    threads = ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1))
    try:
        for name in names:
            channel = _Channel[Piece](closed)
            threads.submit(_decode, channel, decode, name)
            ahead.append((name, channel))
            if len(ahead) >= AHEAD:
                yield _first(ahead)
        while ahead:
            yield _first(ahead)
    finally:
        closed.set()
        threads.shutdown(cancel_futures=True)


def _decode(
    channel: _Channel[Piece], decode: Callable[[Name], Iterable[Piece]], name: Name
) -> None:
    channel.fill(decode(name))


def _first(
    ahead: deque[tuple[Name, _Channel[Piece]]],
) -> tuple[Name, Iterator[Piece]]:
    name, channel = ahead.popleft()
    return name, iter(channel)
