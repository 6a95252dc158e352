"""What became of a run: `outcome.json`, written once, when all else is on the disk."""

import json
import socket
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Self

from crossemo.files import write_text

OUTCOME = "outcome.json"
HOME = "runs"  # below the logs, of the runs of all grids


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


def home_of(digest: str, logs: str | Path) -> Path:
    """Return the folder of a run, which all grids of these logs share."""
    return Path(logs, HOME, digest)


def outcome_in(home: Path) -> Outcome | None:
    """Return what became of a run; None if it hasn't ended, or nobody can read it."""
    try:
        content: dict[str, Any] = json.loads((home / OUTCOME).read_text("utf-8"))
        outcome = Outcome(**content)
        datetime.fromisoformat(outcome.ended)
    except (OSError, TypeError, ValueError):
        return None
    return outcome if outcome.state in ("done", "failed") else None


def write_outcome(home: Path, outcome: Outcome) -> None:
    """Write what became of a run, whole or not at all.

    Raises:
        OSError: The folder can't be written or the disk is full.
    """
    write_text(home / OUTCOME, f"{json.dumps(asdict(outcome), indent=1)}\n")
