"""A table of what crossemo installs: `python docs/site_dependencies.py [RELEASES.tsv]`.

Licences and sizes are those of the installed packages. RELEASES.tsv, if given, has
`name, version, month` of the newest release of each package; the month stands in the
table where that version is the installed one.
"""

import csv
import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_HEAD = "| package | version | released | licence | MB | comes with |"
_TRIVIAL = ("License :: OSI Approved", "License")


def needed(name: str) -> Iterator[str]:
    """Yield what a package needs in this environment, extras that it asks for too."""
    package, _, extras = name.partition("[")
    wanted = [extra.strip("] ") for extra in extras.split(",")] if extras else [""]
    for line in distribution(package).requires or ():
        one = Requirement(line)
        if one.marker is None or any(one.marker.evaluate({"extra": e}) for e in wanted):
            listed = f"[{','.join(sorted(one.extras))}]" if one.extras else ""
            yield canonicalize_name(one.name) + listed


def closure(root: str) -> dict[str, str]:
    """Return all that a package needs, each with what it comes with first."""
    parents: dict[str, str] = {}
    level = [(name, root) for name in needed(root)]
    while level:
        below = []
        for name, parent in level:
            if name in parents:
                continue
            try:
                below += [(one, name) for one in needed(name)]
            except PackageNotFoundError:
                continue  # of another platform
            parents[name] = parent
        level = below
    return parents


def licence(package: Distribution) -> str:
    """Return the licence that a package's metadata name."""
    about = package.metadata
    classes = (
        line.rpartition(" :: ")[2]
        for line in about.get_all("Classifier", [])
        if line.startswith("License ::") and line not in _TRIVIAL
    )
    written = (about.get("License") or "").strip()
    short = written if len(written) < 60 and "\n" not in written else ""
    return about.get("License-Expression") or short or ", ".join(classes) or "see files"


def megabytes(package: Distribution) -> float:
    """Return the size of a package's files."""
    paths = (Path(str(package.locate_file(file))) for file in package.files or ())
    return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6


def table(root: str, releases: dict[str, tuple[str, str]]) -> str:
    """Return the table in Markdown, in order of name."""
    rows, total = [], 0.0
    # Of a package with and without extras, what asked for it first.
    all_of = reversed(closure(root).items())
    parents = {name.partition("[")[0]: parent for name, parent in all_of}
    for name, parent in sorted(parents.items()):
        package = distribution(name)
        size = megabytes(package)
        total += size
        version, month = releases.get(name, ("", ""))
        same = version == re.sub(r"\+.*", "", package.version)
        cells = (name, package.version, month if same else "", licence(package))
        of = parent.partition("[")[0]
        rows.append(f"| {' | '.join(cells)} | {size:.1f} | {of} |")
    rows.append(f"| {len(rows)} packages | | | | {total:.0f} | |")
    return "\n".join((_HEAD, "|---|---|---|---|---|---|", *rows))


def read_releases(path: Path) -> dict[str, tuple[str, str]]:
    """Return version and month of the newest release of each package."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {canonicalize_name(row[0]): (row[1], row[2]) for row in rows if row[2:]}


if __name__ == "__main__":
    print(table("crossemo", read_releases(Path(sys.argv[1])) if sys.argv[1:] else {}))
