"""What the licences of a model's parts ask of whoever uses or shares it.

Facts, and no legal advice: whether weights are bound by the licences of the data that
they were trained on is disputed.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from crossemo.sharing.model_facts import ModelFacts

UNKNOWN = "not known to crossemo"
_SILENT = "a licence that isn't known"
# What a licence asks for, and the words of a licence by which it is recognised.
_CONDITIONS = {
    "naming its authors": r"\bBY\b|Apache|\bMIT\b|BSD|ODbL|Creative Commons",
    "sharing alike": r"\bSA\b|ODbL",
    "no commercial use": r"\bNC\b|non-commercial",
    "research only": r"research",
    _SILENT: r"none stated|not verified|not known",
}
_ON_THE_HUB = re.compile(r"CC BY(-NC)?(-SA)? \d\.\d|CC0 1\.0|Apache 2\.0|MIT")


class Part(NamedTuple):
    """A part of a model that somebody else made.

    Args:
        what: What it is.
        licence: Its licence in words.
    """

    what: str
    licence: str

    @property
    def conditions(self) -> set[str]:
        """What the licence asks for; of two licences, what either does."""
        return {
            condition
            for condition, words in _CONDITIONS.items()
            if re.search(words, self.licence)
        }


def parts_of(facts: ModelFacts) -> list[Part]:
    """Return the encoder's weights and the corpora that a model was made of."""
    from crossemo.corpora import class_of  # and the audio libraries

    parts = [Part(f"weights of {facts.encoder['name']}", _of_weights(facts))]
    for name in facts.corpora:
        kind = class_of(name)
        licence = kind.licence if kind is not None else ""
        parts.append(Part(f"recordings of {name}", licence or UNKNOWN))
    return parts


def conditions(parts: Iterable[Part]) -> list[str]:
    """Return all that the parts ask for, in a fixed order."""
    every = set().union(*(part.conditions for part in parts))
    return [condition for condition in _CONDITIONS if condition in every]


def strictest(parts: Sequence[Part]) -> str:
    """Return the one licence, as the hub names it, that asks for all that others do.

    Returns:
        `other` where no licence of the hub's does.

    >>> strictest([Part("a", "Apache 2.0"), Part("b", "CC BY-NC-SA 4.0")])
    'cc-by-nc-sa-4.0'
    >>> strictest([Part("a", "CC BY-SA 3.0"), Part("b", "CC BY-NC 4.0")])
    'other'
    """
    every = set(conditions(parts))
    for part in parts:
        if part.conditions == every and _ON_THE_HUB.fullmatch(part.licence):
            return part.licence.lower().replace(" ", "-")
    return "other"


def _of_weights(facts: ModelFacts) -> str:
    from crossemo.encoders.catalogue import CATALOGUE

    name = facts.encoder["name"]
    by_repository = {one.repository: one for one in CATALOGUE.values()}
    repository = facts.encoder["repository"]
    entry = CATALOGUE.get(str(name)) or (
        by_repository.get(repository) if repository else None
    )
    if entry is None:
        return UNKNOWN
    return entry.licence or "none: they were random before training"
