"""What became of a run."""

import socket
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Self


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Args:
        state: Whether all its results are there.
        sentence: Why it failed; None if it didn't.
        version: K of the `version_K` that has its results; None where none has.
        seconds: What the last attempt took.
        attempts: How often it was begun or gone on with.
        ended: When it ended, as ISO 8601 has it, with the zone.
        machine: Name of the machine.
    """

    state: Literal["done", "failed"]
    sentence: str | None
    version: int | None
    seconds: float
    attempts: int
    ended: str
    machine: str

    @classmethod
    def now(
        cls, sentence: str | None, version: int | None, seconds: float, attempts: int
    ) -> Self:
        """Return that of a run that ended just now; failed if there is a sentence."""
        return cls(
            state="done" if sentence is None else "failed",
            sentence=sentence,
            version=version,
            seconds=round(seconds, 3),
            attempts=attempts,
            ended=datetime.now().astimezone().isoformat(timespec="milliseconds"),
            machine=socket.gethostname(),
        )

    @property
    def done(self) -> bool:
        """Whether all results are there."""
        return self.state == "done"

    def later_than(self, moment: datetime) -> bool:
        """Return whether the run ended later than a moment, which has a zone."""
        return datetime.fromisoformat(self.ended) > moment
