"""YAML looked through before anything is built of it: within bounds, and said once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from crossemo.errors import shortened

MAX_DEPTH = 50  # of lists and mappings in each other
MAX_VALUES = 100_000  # with those that aliases stand for
EVENTS = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_OF_KEYS = {f"{_TAG}{name}" for name in ("str", "merge", "timestamp")}
_OF_VALUES = {
    f"{_TAG}{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map")
}
_RESOLVER: Any = yaml.resolver.Resolver()
_WRAPPING = {"fit", "validate", "test", "predict", "init_args", "dict_kwargs"}
_ADVICE = {  # by what libyaml says; {} is the line in which what is open began
    "alphabetic or numeric character": "put what begins with * or & in quotes",
    "undefined alias": "put what begins with * in quotes",
    "cannot start any token": "put what begins with @, % and the like in quotes",
    "expected ',' or": "a bracket of line {} is never closed",
    "unexpected end of stream": "the quotation mark of line {} is never closed",
    "expected key": "this doesn't begin below what stands above it",
    "mapping values are not": "a second colon: put text that holds one in quotes",
    "node content": "a value is missing, or a bracket is never closed",
    "unexpected ':'": "a colon lacks the space behind it",
    "another document": "a second config begins: keep one",
    "nesting depth": f"more than {MAX_DEPTH} lists lie in each other",
}


class YAMLRefusal(yaml.YAMLError):
    """Text that is no YAML, or more than any config needs.

    Args:
        line: Line in which it shows, from 1.
        problem: What is wrong.
    """

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")
        self.problem = problem


@dataclass
class _Open:
    """A list or mapping whose end is still to come."""

    mapping: bool
    flow: bool
    path: tuple[str, ...]
    anchor: str | None
    size: int = 1
    key: str | None = None  # whose value comes next
    keys: dict[str, int] = field(default_factory=dict)


def survey(text: str) -> dict[str, int]:
    """Return the line of every key, such as `stages.source`, without building anything.

    Raises:
        YAMLRefusal: It is no YAML, or too deep, too large, or says a thing twice.
    """
    lines: dict[str, int] = {}
    sizes: dict[str, int] = {}  # values that each anchor stands for
    stack = [_Open(False, False, (), None)]
    event: Any
    try:
        for event in yaml.parse(text, Loader=EVENTS):
            line = event.start_mark.line + 1
            if isinstance(event, yaml.CollectionEndEvent):
                closed = stack.pop()
                if closed.anchor:
                    sizes[closed.anchor] = closed.size
                stack[-1].size += closed.size
            elif isinstance(event, yaml.NodeEvent):
                if stack[-1].mapping and stack[-1].key is None:
                    key = _key(event, line, stack[-1])
                    if option := option_of((*stack[-1].path, key)):
                        lines.setdefault(option, line)
                else:
                    _value(event, line, stack, sizes)
            if stack[-1].size > MAX_VALUES:
                raise YAMLRefusal(line, "that is more than any config needs")
    except yaml.MarkedYAMLError as error:
        raise yaml_refusal(text, error) from error
    except yaml.reader.ReaderError as error:
        line = 1 + text[: error.position].count("\n")
        raise YAMLRefusal(line, "a character can't stand in YAML") from error
    return lines


def option_of(path: Sequence[str]) -> str:
    """Return the option that the keys of a config lead to.

    >>> option_of(("fit", "data", "init_args", "seed"))
    'data.seed'
    """
    return ".".join(key[:80] for key in path[:8] if key not in _WRAPPING)


def yaml_refusal(text: str, error: yaml.MarkedYAMLError) -> YAMLRefusal:
    """Return what to say of text that PyYAML refuses."""
    mark, context = error.problem_mark, error.context_mark
    problem = shortened(error.problem, 200)
    if mark is None:
        return YAMLRefusal(1, problem)
    begun = context.line + 1 if context else mark.line + 1
    for pattern, advice in _ADVICE.items():
        if pattern in problem:
            problem = advice.format(begun)
    row = "".join(text.split("\n")[mark.line : mark.line + 1])
    if row[: mark.column + 1].endswith("\t"):
        problem = "a tab can't indent YAML: use spaces"
    return YAMLRefusal(mark.line + 1, problem)


def _key(event: Any, line: int, mapping: _Open) -> str:  # noqa: ANN401
    if not isinstance(event, yaml.ScalarEvent):
        raise YAMLRefusal(line, "a key is a word, not a list or a mapping")
    key: str = event.value
    name = repr(shortened(key))
    if _RESOLVER.resolve(yaml.ScalarNode, key, event.implicit) not in _OF_KEYS:
        problem = f"as a key, {name} is read as a number, true, false or null"
        raise YAMLRefusal(line, f"{problem}: put it in quotes")
    if key in mapping.keys:
        problem = f"{name} stands in line {mapping.keys[key]} too: keep one of them"
        raise YAMLRefusal(line, problem)
    mapping.keys[key], mapping.key = line, key
    return key


def _value(
    event: Any,  # noqa: ANN401
    line: int,
    stack: list[_Open],
    sizes: dict[str, int],
) -> None:
    around = stack[-1]
    key, around.key = around.key, None
    if getattr(event, "tag", None) not in (None, "!", *_OF_VALUES):
        raise YAMLRefusal(line, f"take {shortened(event.tag)} away")
    if "\0" in getattr(event, "value", ""):
        raise YAMLRefusal(line, "no value may hold a NUL")
    if isinstance(event, yaml.AliasEvent):
        if event.anchor in (one.anchor for one in stack):
            raise YAMLRefusal(line, f"*{event.anchor} would hold itself")
        around.size += sizes.get(str(event.anchor), 1)
    elif isinstance(event, yaml.ScalarEvent):
        around.size += 1
        if event.anchor:
            sizes[event.anchor] = 1
        if key and ":" in key and around.flow and _is_missing(event):
            name, _, value = shortened(key).partition(":")
            problem = f"{{{name}:{value}}} lacks a space: write {{{name}: {value}}}"
            raise YAMLRefusal(line, problem)
    elif len(stack) > MAX_DEPTH:
        raise YAMLRefusal(line, _ADVICE["nesting depth"])
    else:
        mapping = isinstance(event, yaml.MappingStartEvent)
        path = (*around.path, key) if key else around.path
        stack.append(_Open(mapping, event.flow_style, path, event.anchor))


def _is_missing(event: Any) -> bool:  # noqa: ANN401
    return not event.value and event.start_mark.index == event.end_mark.index
