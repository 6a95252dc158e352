"""jsonargparse's errors in one sentence: the option, what was given, what it takes."""

import re
from collections.abc import Iterator, Sequence
from traceback import walk_tb
from typing import NamedTuple

from crossemo.commands.alternatives import (
    alternatives_to,
    arguments_of,
    classes_of,
    first_unknown,
    other_owners,
)
from crossemo.commands.configs import load, place_of
from crossemo.commands.survey import YAMLRefusal
from crossemo.errors import crossemo_sentence, guess_among, listed, shortened
from crossemo.files import from_here

_KEY = re.compile(r'^([ -]*)Parser key "([\w.]+)"(?: element \d+)?:? ?(.*)$')
_CLASS = re.compile(r"Problem with given class_path '([\w.]+)'")
_GIVEN = re.compile(r"\n *Given value: (.*)\Z", re.S)
_GOT = re.compile(
    r"(?:Got value:|path string:|Import path|load config|not exist:) (.*?)"
    r"(?: does not|\n *Subclass types|\n *- Expected|\Z)",
    re.S,
)
_NESTED = re.compile(r"^NestedArg\(key='([^']*)', val=(.*)\)$", re.S)
_OPTION = re.compile(
    r"(?:Option|option|Key) '([^']*)' is not|"
    r"does not accept option '([^']*)'|unrecognized arguments: (.*)"
)
_REQUIRED = re.compile(r"arguments are required: (.*)")
_CHOICE = re.compile(r"argument (\S+): invalid choice: '(.*)' \(choose from (.*)\)")
_LITERAL = re.compile(r"typing\.Literal\[([^\]]*)\]")
_LINKED = re.compile(r'Linked "([^"]*)" must be given via "([^"]*)"')
_RESTRICTION = re.compile(r"Not of type (\w+): .*?restriction ([^\n]+)")
_OF_CLASSES = re.compile(
    "import path|class_path|subclass|Not a valid|instantiatable|not accessible",
    re.IGNORECASE,
)
_BOUNDS = {"v>0": "above 0", "v>=0": "from 0", "v>0 and v<=1024": "from 1 to 1024"}
_WORDS = {  # by how jsonargparse names a type
    r"<class 'bool'>": "true or false",
    r"<class 'int'>": "a whole number",
    r"<class 'float'>": "a number",
    r"list\[int\]": "a list of whole numbers, such as [1, 2]",
    r"list\[float\]|tuple\[float|Sequence\[float\]": (
        "a list of numbers, such as [0.1, 1]"
    ),
    r"Mapping\[str, float\]": "numbers by name, such as {low: 1, high: 9}",
    r"<class 'tuple'>": "a list, such as [1, 2]",
    r"(?<!str, )list\[str\]|<class 'list'>": "a list of words, such as [one, other]",
    r"dict\[str, list\[str\]\]|splits\.Split": "lists by name: {NAME: [ONE, OTHER], …}",
    r"tasks\.base\.Task": "a class with options of its own, Classes or Values",
    r"<class 'dict'>|dict\[str, typing.Any\]": "settings by name, such as {r: 16}",
    r"<class 'str'>": "text",
    r"pathlib": "a path",
}


class Failure(NamedTuple):
    """What jsonargparse refused, at the innermost place.

    Args:
        key: The option, such as `stages.max_epochs`.
        text: What it says there.
        owner: Dotted path of the class whose option it is; empty if none.
    """

    key: str
    text: str
    owner: str


def failure_of(message: str) -> Failure:
    r"""Return the innermost part of a message, whose parts are indented in each other.

    >>> failure_of('Parser key "a":\n  Parser key "b":\n    No.\n  Other.').key
    'a.b'
    """
    best, depth = Failure("", message, ""), 0
    around: list[tuple[int, str]] = []
    lines = message.splitlines()
    for number, line in enumerate(lines):
        if (match := _KEY.match(line)) is None:
            continue
        indent = len(match[1])
        around = [one for one in around if one[0] < indent] + [(indent, match[2])]
        if len(around) > depth:
            depth = len(around)
            below = [match[3]]
            for more in lines[number + 1 :]:
                if more.strip() and len(more) - len(more.lstrip(" -")) <= indent:
                    break
                below.append(more)
            text = "\n".join(below).strip()
            keys = ".".join(dict.fromkeys(key for _, key in around))
            owners = _CLASS.findall(text) or _CLASS.findall("\n".join(lines[:number]))
            best = Failure(keys, text, owners[-1] if owners else "")
    return best


def explain(
    message: str,
    error: Exception | None,
    options: Sequence[str],
    typed: Sequence[str],
    usage: str = "",
) -> str:
    """Return one sentence for an error of jsonargparse's.

    Args:
        message: What it would print.
        error: What was raised.
        options: Names of the options that there are.
        typed: What was typed.
        usage: The command with all that it needs.
    """
    if sentence := crossemo_sentence(error):
        return sentence
    key, text, owner = failure_of(message)
    key = ".".join(filter(None, _with_names(key, error)))
    if link := _LINKED.search(text):
        return (
            f"{link[1]} follows from {link[2]} and can't be given apart: leave it out."
        )
    if option := _OPTION.search(text):
        name = next(filter(None, option.groups()), "")
        return _unknown_option(name, key, owner, options, typed)
    if needed := _REQUIRED.search(text):
        if not key and needed[1].rpartition(".")[2] == "data":
            return "Which data? Give --config, such as demo.yaml, or --data CLASS."
        names = [f"{key}.{one}".strip(".") for one in needed[1].split(", ")]
        where = f"add --{names[0]}, or name it in the config"
        advice = where if key else f"say {usage}"
        return f"{' and '.join(names)} must be given{place_of(key, typed)}: {advice}."
    if choice := _CHOICE.match(text):
        values = choice[3].replace("'", "")
        return f"{choice[1]} can't be {choice[2]}: choose {values}."
    if flag := re.match(r"argument (\S+): expected", text):
        return f"{flag[1].rpartition('/')[2]} needs a value."
    return _refused_value(key, text, typed) if key else shortened(text, 300)


def _refused_value(key: str, text: str, typed: Sequence[str]) -> str:
    """Return the sentence for a value that an option doesn't take."""
    given = _GIVEN.search(text) or _GOT.search(text)
    value = given[1].strip("'\"") if given else ""
    while nested := _NESTED.match(value):
        key, value = f"{key}.{nested[1]}", nested[2].strip("'\"")
    where = place_of(key, typed)
    shown = shortened(value) if value.strip() else "empty"
    if "File does not exist" in text or value.endswith((".yaml", ".yml")):
        return f"There is no file {from_here(value)}{where}: {key} would read it."
    if problem := _broken_yaml(value):
        return f"{key} is {shown}{where}: {problem}."
    if "load config" in text or re.fullmatch(r"stages(\.\w+)?", key):
        return f"{key} is {shown}{where}: give settings by name, or a file of them."
    if "Literal" not in text and _OF_CLASSES.search(text):
        classes = classes_of(key, text)
        guess = guess_among(value, classes)
        return f"{key} can't be {shown}{where}: choose {listed(classes)}.{guess}"
    if "Literal" in text:
        names, *choices = _choices(text)
        words = names.split(", ")
        guess = guess_among(value, words) if len(words) > 3 else ""
        listing = ", or ".join([listed(words, len(words), " or "), *choices])
        return f"{key} is {shown}{where}: choose {listing}.{guess}"
    if choices := _choices(text):
        such = f"such as [{value}]" if re.fullmatch("[0-9.e-]+", value) else ""
        advice = " or ".join(choices)
        advice = re.sub(r"such as \[1, 2\]", such, advice) if such else advice
        return f"{key} is {shown}{where}: give {advice}."
    return f"{key}{where}: {shortened(text, 200)}"


def _choices(text: str) -> list[str]:
    """Return in words what may stand there."""
    types = text.partition("Subtypes: ")[2].partition("\n")[0] or text
    names = [name for one in _LITERAL.findall(types) for name in one.split(", ")]
    choices = [", ".join(dict.fromkeys(name.strip("'\"") for name in names))]
    for name, bound in _RESTRICTION.findall(text):
        whole = name.endswith(("Int", "Threads"))
        number = "a whole number" if whole else "a number"
        choices.append(f"{number} {_BOUNDS.get(bound, bound)}")
    if re.search(r"Not of type \w+: invalid literal for int", text):
        choices.append("a whole number")
    choices += [word for form, word in _WORDS.items() if re.search(form, types)]
    return list(filter(None, choices))


def _broken_yaml(value: str) -> str:
    """Return what is wrong with something that looks like YAML."""
    if value[:1] in ("{", "["):
        try:
            load(value)
        except YAMLRefusal as refusal:
            return refusal.problem
    return ""


def _unknown_option(
    name: str, key: str, owner: str, options: Sequence[str], typed: Sequence[str]
) -> str:
    """Return the sentence for an option that there isn't."""
    words = [word.lstrip("-").partition("=")[0] for word in name.split()] or [""]
    if words[0].endswith((".yaml", ".yml")):
        config = shortened(from_here(words[0]))
        return f"A config follows --config: say --config {config}."
    names = [f"{key}.{one}" for one in arguments_of(owner)] if owner else options
    full = first_unknown(f"{key}.{shortened(words[0])}".strip("."), names)
    where = place_of(full, typed)
    last = full.rpartition(".")[2]
    meant = other_owners(owner, last) or alternatives_to(full, names)
    return f"There is no option {full}{where}{meant}"


def name_of_command(message: str) -> str | None:
    """Return the command that there isn't, where that is what is wrong."""
    match = re.search(r"argument subcommand: invalid choice: '([^']*)'", message)
    return match[1] if match else None


def _with_names(key: str, error: BaseException | None) -> Iterator[str]:
    """Yield the parts of a key, with the stage that jsonargparse leaves out.

    It stands only in the frame of the function that was going through the stages.
    """
    first, _, rest = key.partition(".")
    yield first
    if first == "stages":
        yield name_of_stage(error)
    yield rest


def name_of_stage(error: BaseException | None) -> str:
    """Return the name of the stage that an error is about; empty if there is none."""
    while error is not None:
        for frame, _ in walk_tb(error.__traceback__):
            stages, name = frame.f_locals.get("val"), frame.f_locals.get("k")
            if isinstance(stages, dict) and isinstance(name, str) and name in stages:
                return name
        error = error.__cause__ or error.__context__
    return ""
