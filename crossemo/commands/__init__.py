"""The commands: every file here that has a function `main(typed)` is one.

`crossemo NAME …` calls `main` of the file `NAME.py` with the words behind NAME. The
first line of the file's docstring is the command's help. It is read without running the
file, so that what a command imports is imported when that command runs.
"""

import ast
from pathlib import Path

from crossemo.errors import guess_among

# The order of a user's work; further commands follow by name.
ORDER = (
    "fit",
    "validate",
    "test",
    "predict",
    "grid",
    "report",
    "recognise",
    "export",
    "judge",
    "audit",
    "download",
    "data",
    "check",
    "fad",
    "compare",
    "cache",
)


def table() -> dict[str, str]:
    """Return the commands by name, each with its line of help."""
    helps = {}
    for path in (path for folder in __path__ for path in Path(folder).glob("*.py")):
        module = ast.parse(path.read_bytes())
        functions = [n.name for n in module.body if isinstance(n, ast.FunctionDef)]
        if "main" in functions:
            helps[path.stem] = (ast.get_docstring(module) or "").partition("\n")[0]
    last = len(ORDER)
    place = {name: number for number, name in enumerate(ORDER)}
    return dict(sorted(helps.items(), key=lambda row: (place.get(row[0], last), row)))


def unknown(name: str) -> str:
    """Return the answer to a command that there isn't."""
    names = list(table())
    guess = guess_among(name, names)
    return f"There is no command {name}: choose {', '.join(names)}.{guess}"
