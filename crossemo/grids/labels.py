"""What axes and their values are called: short, readable, fit for a file's name."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from string import ascii_lowercase
from typing import Any

from crossemo.grids.expansion import CHOICES, Key, Pick, Picks

LONGEST = 40  # letters of a value's label
MOST_PARTS = 3  # of what tells a mapping from others
WHOLE = "config"  # name of an axis of whole configs
WRAPPING = ("fit", "init_args")
PAIRED = ("source", "target")  # of which neither is left out
_SHORT = {"seed_everything": "seed"}
_SUFFIXES = (".yaml", ".yml", ".ckpt", ".csv")
_STRANGE = re.compile(r"[^\w.+=-]+", re.ASCII)


def option_of_key(key: Key) -> str:
    """Return the option that a key sets, such as `data.fold`.

    >>> option_of_key(("data", "init_args", "fold"))
    'data.fold'
    """
    words = ".".join(key).split(".")
    return ".".join(word for word in words if word not in WRAPPING)


class Naming:
    """The axes of a grid and the labels of their values.

    Settings of one name are one axis, in whichever part of a config they vary.

    Args:
        picks: What was picked for each run.

    Attributes:
        keys: The options of each axis, by its name.
        values: The labels of each axis, by its name.
    """

    def __init__(self, picks: Sequence[Picks]) -> None:
        every = [pick for run in picks for pick in run.values()]
        options = dict.fromkeys(_options(pick)[0] for pick in every if not pick.name)
        self._names = _short_names(options, {pick.name for pick in every if pick.name})
        self._values: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        seen = set()
        for pick in every:
            if id(pick) not in seen:
                seen.add(id(pick))
                rows = self._values.setdefault(self._group(pick), [])
                if (row := _row(pick)) not in rows:
                    rows.append(row)
        self._labels = {group: _labels(rows) for group, rows in self._values.items()}
        self.keys: dict[str, tuple[str, ...]] = {}
        self.values: dict[str, tuple[str, ...]] = {}
        for (name, *keys), labels in self._labels.items():
            self.keys[name] = tuple(dict.fromkeys([*self.keys.get(name, ()), *keys]))
            values = [*self.values.get(name, ()), *labels]
            self.values[name] = tuple(dict.fromkeys(values))

    def axes(self, picks: Picks) -> dict[str, str]:
        """Return the label of a run's value by axis."""
        return {self._name(pick): self._label(pick) for pick in picks.values()}

    def label(self, picks: Picks) -> str:
        """Return what a run is called by what it varies in."""
        axes = self.axes(picks)
        words = [label for name, label in axes.items() if len(self.values[name]) > 1]
        return "_".join(words)

    def _name(self, pick: Pick) -> str:
        return pick.name or self._names[_options(pick)[0]]

    def _group(self, pick: Pick) -> tuple[str, ...]:
        return (self._name(pick), *_options(pick))

    def _label(self, pick: Pick) -> str:
        group = self._group(pick)
        return self._labels[group][self._values[group].index(_row(pick))]


def file_name(text: str) -> str:
    """Return text that any file may be called."""
    return _STRANGE.sub("-", text).strip("-.")


def _options(pick: Pick) -> list[str]:
    return list(dict.fromkeys(map(option_of_key, pick.values)))


def _row(pick: Pick) -> dict[str, Any]:
    return {option_of_key(key): value for key, value in pick.values.items()}


def _short_names(options: Mapping[str, object], others: set[str]) -> dict[str, str]:
    """Return each option's end that no other has."""
    names: dict[str, str] = {option: WHOLE for option in options if not option}
    rest = {option: option.split(".") for option in options if option}
    for option, words in rest.items():
        ends = [".".join(words[start:]) for start in reversed(range(len(words)))]
        counts = Counter(
            end for other in rest for end in _ends(other) if other != option
        )
        free = (end for end in ends if not counts[end] and end not in others)
        names[option] = _SHORT.get(option, next(free, option))
    return names


def _ends(option: str) -> Iterator[str]:
    return accumulate(reversed(option.split(".")), lambda end, word: f"{word}.{end}")


def _labels(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a label for each of the values of an axis.

    Where several settings vary together, as many of them are named as tell a row from
    the others.
    """
    columns = {key: _labels_of_one(key, [row[key] for row in rows]) for key in rows[0]}
    vary = {key: one for key, one in columns.items() if len(set(one)) > 1}
    vary = vary or dict(list(columns.items())[:1])
    paired = sum(1 for key in vary if set(PAIRED) & set(key.split(".")))
    parts = list(zip(*vary.values(), strict=True))
    return _readable([_telling(row, parts, paired) for row in parts])


def _labels_of_one(key: str, values: Sequence[Any]) -> list[str]:
    """Return labels of the values of one setting, equal ones where they are equal."""
    texts = [json.dumps(value, sort_keys=True, default=str) for value in values]
    distinct = list(dict.fromkeys(texts))
    rows = [_leaves(key, values[texts.index(text)]) for text in distinct]
    if not key:  # whole configs
        rows = [
            {k: v for k, v in row.items() if k == "model.class_path"} for row in rows
        ]
    columns = [
        column
        for column in dict.fromkeys(column for row in rows for column in row)
        if len({row.get(column, "") for row in rows}) > 1 or len(rows) == 1
    ]
    parts = [tuple(row.get(column, "") for column in columns) for row in rows]
    labels = _readable([_telling(row, parts, 1, MOST_PARTS) for row in parts])
    return [labels[distinct.index(text)] for text in texts]


def _telling(
    row: Sequence[str],
    rows: Sequence[Sequence[str]],
    least: int = 1,
    most: int | None = None,
) -> str:
    """Return the first parts of a row that tell it from all others; empty if none."""
    for count in range(max(1, least), 1 + (most or len(row))):
        if [other[:count] for other in rows].count(row[:count]) == 1:
            return "-".join(filter(None, row[:count]))
    return ""


def _readable(labels: Sequence[str]) -> list[str]:
    """Return labels, a letter by its place for each that is none."""
    names = [file_name(label) for label in labels]
    good = {
        name
        for name, count in Counter(name.lower() for name in names).items()
        if count == 1 and 0 < len(name) <= LONGEST
    }
    return [
        name if name.lower() in good else _letters(place)
        for place, name in enumerate(names)
    ]


def _letters(place: int) -> str:
    """Return a, b, … z, aa, ab, ….

    >>> _letters(0), _letters(25), _letters(26)
    ('a', 'z', 'aa')
    """
    more, last = divmod(place, len(ascii_lowercase))
    return (_letters(more - 1) if more else "") + ascii_lowercase[last]


def _leaves(key: str, value: Any) -> dict[str, str]:  # noqa: ANN401
    """Return the words of a value, by where they stand in it."""
    if isinstance(value, dict):
        inner = ((_join(key, name), one) for name, one in value.items())
        return {
            column: text
            for name, one in inner
            if name.rpartition(".")[2] not in CHOICES
            for column, text in _leaves(name, one).items()
        }
    if isinstance(value, list):
        if any(isinstance(one, dict) for one in value):
            items = {str(number): one for number, one in enumerate(value)}
            return _leaves(key, items)
        return {key: "+".join(_word("", one) for one in value) or "none"}
    return {key: _word(key, value)}


def _join(key: str, name: str) -> str:
    return ".".join(filter(None, (key, "" if name in WRAPPING else name)))


def _word(key: str, value: object) -> str:
    """Return a scalar as a part of a label.

    >>> _word("data.fold", 0), _word("model.encoder", "facebook/wav2vec2-base")
    ('fold0', 'wav2vec2-base')
    """
    name = _SHORT.get(key, key.rpartition(".")[2])
    if isinstance(value, str):
        last = value.rstrip("/").rpartition("/")[2]
        for suffix in _SUFFIXES:
            last = last.removesuffix(suffix)
        return last.rpartition(".")[2] if name == "class_path" else last
    if value is None or isinstance(value, bool):
        value = "none" if value is None else str(value).lower()
        return "-".join(filter(None, (name, value)))
    return f"{name}{value}"
