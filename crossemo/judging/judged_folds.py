"""Which folds judge a model, and what speaks against them."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from crossemo.data.datamodule import EmotionDataModule
from crossemo.data.marks import Mark
from crossemo.data.provenance import LeakError, Provenance
from crossemo.data.splits import Scheme
from crossemo.encoders.exposure import Exposure, exposures_of, mark_of
from crossemo.encoders.training_records import TrainingRecord, refuse_records
from crossemo.errors import listed
from crossemo.judging.candidate import Candidate

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class JudgedFold:
    """A fold whose test clips judge a model.

    Args:
        data: Its clips, set up.
        exposure: What the weights have heard of them.
    """

    data: EmotionDataModule
    exposure: Exposure

    @property
    def seen(self) -> str:
        """Which of the clips the weights have seen, as crossemo has recorded it."""
        return str(self.exposure.seen)

    @property
    def records(self) -> tuple[TrainingRecord, ...]:
        """What else is known of corpora of the test that the model has heard."""
        return self.exposure.records

    @property
    def name(self) -> str:
        """What it is called."""
        scheme = self.data.scheme
        return f"fold {scheme.fold}" if isinstance(scheme, Scheme) else "test"

    @property
    def mark(self) -> Mark:
        """What is said of the test as a whole."""
        return mark_of([self.exposure])


def judged_folds(
    candidate: Candidate,
    data: EmotionDataModule,
    fold: int | Literal["all"] | None,
    *,
    allow_leak: bool = False,
    strict: bool = False,
) -> list[JudgedFold]:
    """Return the folds that judge a model, each set up.

    Args:
        candidate: The model.
        data: The clips, which were prepared.
        fold: Number of the fold; `all` of them; or, if None, all whose test clips the
            weights haven't seen in training.
        allow_leak: Whether to judge by seen clips all the same, and say so.
        strict: Whether to refuse a model that others have trained on their corpora.

    Raises:
        LeakError: The weights have seen the test clips, or know their corpora.
        SplitError: There is no such fold.
    """
    numbers = [fold] if isinstance(fold, int) else data.fold_numbers()
    every = [data.at_fold(number) for number in numbers] or [data]
    folds = [_of(candidate, one) for one in every]
    leaking = [one for one in folds if one.seen]
    if not allow_leak and leaking and (fold is not None or len(leaking) == len(folds)):
        raise LeakError(_refusal(candidate, leaking[0], folds))
    if not allow_leak and leaking:
        logger.warning(
            "%s has seen test clips of %s in training: left out.",
            candidate.name,
            listed((one.name for one in leaking), 20),
        )
        folds = [one for one in folds if not one.seen]
    if strict:
        refuse_records(candidate.name, chain(*(fold.records for fold in folds)))
    for sentence in _warnings(candidate, folds):
        logger.warning(sentence)
    return folds


def _of(candidate: Candidate, data: EmotionDataModule) -> JudgedFold:
    data.setup()
    examples = [e for role in data.roles for e in data.dataset(role, "test").examples]
    origins = Provenance(repositories=frozenset(candidate.repositories))
    provenance = candidate.provenance | origins
    return JudgedFold(
        data, exposures_of(provenance, {"test": examples}, allowed=True)["test"]
    )


def _refusal(
    candidate: Candidate, leaking: JudgedFold, folds: Sequence[JudgedFold]
) -> str:
    fair = [one.name for one in folds if not one.seen]
    advice = f"take {listed(fair, 20, ' or ')}" if fair else "take the fold of its run"
    return (
        f"The weights of {candidate.name} have seen test clips of {leaking.seen} in "
        f"training, and {leaking.name} judges by them: {advice} with --data.fold, or "
        "judge by seen clips with --allow_leak true, and every table will say so."
    )


def _warnings(candidate: Candidate, folds: Sequence[JudgedFold]) -> Iterator[str]:
    records = dict.fromkeys(one for fold in folds for one in fold.records)
    for record in records:
        yield (
            f"{candidate.name} was {record}, which it is judged on: a score here says "
            "little of other recordings."
        )
