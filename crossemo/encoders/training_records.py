"""What published weights were trained on, by their repository: `trained_on.yaml`."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from crossemo.data.provenance import LeakError
from crossemo.encoders.catalogue import EncoderError

FILE = Path(__file__).with_name("trained_on.yaml")
How = Literal["fine-tuned", "pretrained"]


@dataclass(frozen=True)
class TrainingRecord:
    """A corpus that published weights have heard in training.

    Args:
        corpus: As the names of its clips begin, such as `ravdess`.
        how: `fine-tuned`, with its labels or values, or `pretrained`, on its sound.
        source: Where that is said, a URL.
        part: Which of it; empty for all of it, or where nobody says which.

    Raises:
        EncoderError: It is something else.
    """

    corpus: str
    how: How
    source: str
    part: str = ""

    def __post_init__(self) -> None:
        texts = (self.corpus, self.how, self.source, self.part)
        if (
            not all(isinstance(text, str) for text in texts)
            or self.how not in get_args(How)
            or not self.source.startswith("https://")
        ):
            raise EncoderError(
                f"{self} is no record of a training: it names a corpus, how "
                f"({' or '.join(get_args(How))}) and a URL as its source."
            )

    def __str__(self) -> str:
        part = f", {self.part}" if self.part else ""
        return f"{self.how} on {self.corpus}{part} ({self.source})"


def training_records(repository: str) -> tuple[TrainingRecord, ...]:
    """Return what the weights of a repository were trained on, as far as is known.

    Args:
        repository: Of the hub, such as `owner/name`, in whatever case.

    >>> name = "audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim"
    >>> [record.corpus for record in training_records(name)][-1]
    'msp-podcast'
    """
    return _records(FILE).get(repository.casefold(), ())


def records_on(
    repositories: Iterable[str], clips: Iterable[str]
) -> list[TrainingRecord]:
    """Return by which trainings weights may have heard some clips.

    Args:
        repositories: Those of the weights, and of what they began from.
        clips: Names of the clips, which begin with that of their corpus.
    """
    records = (one for name in sorted(repositories) for one in training_records(name))
    return of_clips(dict.fromkeys(records), clips)


def of_clips(
    records: Iterable[TrainingRecord], clips: Iterable[str]
) -> list[TrainingRecord]:
    """Return those of some trainings whose corpora hold some clips.

    Args:
        records: The trainings.
        clips: Names of the clips, as in `records_on`.
    """
    corpora = {_letters(name.partition("/")[0]) for name in clips}
    return [one for one in records if _letters(one.corpus) in corpora]


def refuse_records(name: str, records: Iterable[TrainingRecord]) -> None:
    """Refuse, as --strict wishes, weights that know the corpora they are judged by.

    Args:
        name: Of the model.
        records: Its trainings on these corpora.

    Raises:
        LeakError: There are such trainings.
    """
    if trainings := "; ".join(map(str, dict.fromkeys(records))):
        raise LeakError(
            f"{name} was {trainings}, which judges it here: take "
            "another encoder or another corpus, or leave out --strict, and every table "
            "and figure will say so."
        )


def _letters(name: str) -> str:
    """Return the letters and digits of a name: EMO-DB is emodb to somebody."""
    return re.sub(r"[\W_]+", "", name.casefold())


@cache
def _records(path: Path) -> Mapping[str, tuple[TrainingRecord, ...]]:
    content: dict[str, list[dict[str, Any]]] = yaml.safe_load(path.read_text("utf-8"))
    return {
        repository.casefold(): tuple(_read(content, repository))
        for repository in content
    }


def _read(
    content: Mapping[str, Sequence[Mapping[str, Any]]], repository: str
) -> Iterator[TrainingRecord]:
    """Yield the records of a repository, those of what it began from among them."""
    for fields in content[repository]:
        if origin := fields.get("from"):
            yield from _read(content, origin)
            continue
        corpora = fields["corpus"]
        for corpus in corpora if isinstance(corpora, list) else [corpora]:
            yield TrainingRecord(**{**fields, "corpus": corpus})
