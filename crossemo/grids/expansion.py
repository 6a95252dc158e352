"""Configs with choices in them, and the configs that these stand for.

Any value may be `{grid: [a, b]}`, one of these, or `{zip: [a, b]}`, which advances
together with the other zips of its document, or `{zip: {NAME: [a, b]}}`, with those of
the same name in all documents.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from crossemo.commands.survey import option_of
from crossemo.errors import CrossEmoError, listed, shortened

MOST_RUNS = 10_000
CHOICES = ("grid", "zip")

Key = tuple[str, ...]


class ChoiceError(CrossEmoError):
    """Choices that can't be made sense of."""


@dataclass(frozen=True, eq=False)  # so that it can be looked up by
class Document:
    """A config as it was written.

    Args:
        name: What it is called in a message, such as its path.
        settings: What it says.
        lines: The line of each key, such as `model.encoder.grid`.
        folder: The folder that other configs are named from.
    """

    name: str
    settings: Any
    lines: Mapping[str, int] = field(default_factory=dict)
    folder: Path = Path()


@dataclass(frozen=True)
class Pick:
    """What is picked of an axis.

    Args:
        name: The name that its document gives the axis; empty if none.
        values: What stands at each place of the axis, by its keys.
        place: Which of the values it is, from 0.
        of: How many there are.
    """

    name: str
    values: Mapping[Key, Any]
    place: int
    of: int


Axis = tuple[str, ...]  # what an axis is known by
Picks = Mapping[Axis, Pick]
Include = Callable[[str, Document], Document | None]


@dataclass(frozen=True)
class Resolved:
    """One of the things that documents with choices stand for.

    Args:
        settings: What each document says.
        picks: What was picked, by axis, in the order of appearance.
    """

    settings: tuple[Any, ...]
    picks: Picks


def expand(
    documents: Sequence[Document], include: Include = lambda name, document: None
) -> list[Resolved]:
    """Return all that documents stand for; what stands last changes first.

    Args:
        documents: The configs.
        include: Returns the config that a value names in a document, if it names one.
            It is taken in, with its own choices.

    Raises:
        ChoiceError: A choice has another form, or there are too many.

    >>> two = Document("a.yaml", {"lr": {"grid": [1, 2]}, "seed": {"grid": [0, 1]}})
    >>> [(one["lr"], one["seed"]) for (one,) in (r.settings for r in expand([two]))]
    [(1, 0), (1, 1), (2, 0), (2, 1)]
    """
    places = [
        _Place(one, (str(number), one.name)) for number, one in enumerate(documents)
    ]
    pairs = list(zip((one.settings for one in documents), places, strict=True))
    return [Resolved(tuple(s), picks) for s, picks in _Walk(include).all_of(pairs, {})]


@dataclass(frozen=True)
class _Place:
    """Where in a document a value stands.

    Args:
        document: The document.
        scope: Number and name of the first document, and names of those taken in, each
            in the one before. Unnamed zips are paired within it.
        key: The key that it will have, without choices.
        written: The keys that lead there.
    """

    document: Document
    scope: tuple[str, ...]
    key: Key = ()
    written: Key = ()

    def below(self, key: str) -> "_Place":
        return _Place(self.document, self.scope, (*self.key, key), (*self.written, key))

    def item(self, number: int) -> "_Place":
        """Return that of an item of a list, whose line is that of the list."""
        key = (*self.key, str(number))
        return _Place(self.document, self.scope, key, self.written)

    def choice(self, *words: str) -> "_Place":
        written = (*self.written, *words)
        return _Place(self.document, self.scope, self.key, written)

    def refuse(self, sentence: str) -> NoReturn:
        line = self.document.lines.get(option_of(self.written))
        where = f"{self.document.name}, line {line}" if line else self.document.name
        raise ChoiceError(f"{where}: {sentence}")


@dataclass(frozen=True)
class _Walk:
    include: Include

    def all_of(
        self, values: Sequence[tuple[Any, _Place]], picks: Picks
    ) -> list[tuple[list[Any], Picks]]:
        """Return what several values stand for, the last one changing first."""
        every: list[tuple[list[Any], Picks]] = [([one for one, _ in values], picks)]
        for number, (value, place) in enumerate(values):
            if self._is_plain(value, place):
                continue
            before, every = every, []
            for row, so_far in before:
                for one, more in self.one_of(value, place, so_far):
                    every.append(([*row[:number], one, *row[number + 1 :]], more))
                if len(every) > MOST_RUNS:
                    place.refuse(
                        f"with this, the choices multiply to more than {MOST_RUNS} "
                        "runs: take some of them out."
                    )
        return every

    def one_of(
        self,
        value: Any,  # noqa: ANN401
        place: _Place,
        picks: Picks,
    ) -> list[tuple[Any, Picks]]:
        """Return what a value stands for, with the picks that lead to it."""
        if self._is_plain(value, place):
            return [(value, picks)]
        if isinstance(value, str):
            other = self.include(value, place.document)
            assert other is not None  # or it would be plain
            if other.name in place.scope[1:]:
                place.refuse(f"{other.name} would hold itself: take it out.")
            inside = _Place(other, (*place.scope, other.name), place.key)
            return self.one_of(other.settings, inside, picks)
        if isinstance(value, list):
            items = [(one, place.item(number)) for number, one in enumerate(value)]
            return list(self.all_of(items, picks))
        if chosen := [name for name in CHOICES if name in value]:
            return self._choice(chosen[0], value, place, picks)
        entries = [(one, place.below(key)) for key, one in value.items()]
        return [
            (dict(zip(value, row, strict=True)), more)
            for row, more in self.all_of(entries, picks)
        ]

    def _is_plain(self, value: object, place: _Place) -> bool:
        """Return whether a value stands for itself alone."""
        if isinstance(value, dict):
            return not any(name in value for name in CHOICES) and all(
                self._is_plain(one, place) for one in value.values()
            )
        if isinstance(value, list):
            return all(self._is_plain(one, place) for one in value)
        return not isinstance(value, str) or not self.include(value, place.document)

    def _choice(
        self, kind: str, value: Mapping[str, Any], place: _Place, picks: Picks
    ) -> list[tuple[Any, Picks]]:
        name, options, here = _options(kind, value, place)
        if kind == "grid":
            axis: Axis = (kind, *place.scope, *place.key)
        else:
            axis = (kind, name) if name else (kind, *place.scope, "")
        so_far: Mapping[Key, Any] = {}
        numbers: Sequence[int] = range(len(options))
        if kind == "zip" and axis in picks:
            _refuse_unequal(here, picks[axis], len(options))
            so_far, numbers = picks[axis].values, [picks[axis].place]
        every: list[tuple[Any, Picks]] = []
        for number in numbers:
            values = {**so_far, place.key: options[number]}
            pick = Pick(name, values, number, len(options))
            every += self.one_of(options[number], here, {**picks, axis: pick})
        return every


def _options(
    kind: str, value: Mapping[str, Any], place: _Place
) -> tuple[str, list[Any], _Place]:
    """Return the name of a choice, its options, and the place where they are listed.

    Raises:
        ChoiceError: It has another form.
    """
    here, name, options = place.choice(kind), "", value[kind]
    if others := [key for key in value if key != kind]:
        here.refuse(
            f"{kind} stands beside {listed(others)}, but a choice has no other key: "
            f"put {kind} below the key whose values it lists."
        )
    if kind == "zip" and isinstance(options, dict):
        if len(options) != 1:
            here.refuse(
                f"zip has the names {listed(options)}: give one, as in "
                "{zip: {NAME: [a, b]}}."
            )
        ((name, options),) = options.items()
        here = here.choice(name)
    if not isinstance(options, list) or not options:
        empty = options is None or options in ("", [], {})
        here.refuse(
            f"{kind} is {'empty' if empty else shortened(options)}: list the values, "
            f"as in {{{kind}: [a, b]}}."
        )
    return name, options, here


def _refuse_unequal(here: _Place, other: Pick, length: int) -> None:
    if other.of != length:
        first = option_of(next(iter(other.values))) or "the whole config"
        here.refuse(
            f"this zip lists {length} values, but that of {first}, with which it "
            f"advances, {other.of}: list equally many, or name two pairs, as in "
            "{zip: {NAME: [a, b]}}."
        )
