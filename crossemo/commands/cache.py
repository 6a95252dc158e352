"""Show what is kept between runs, or remove it: crossemo cache --clear."""

from argparse import ArgumentParser
from typing import NoReturn

from crossemo.cache import KINDS, cache_dir, clear, entries
from crossemo.report.tables import cache_table, show


def main(typed: list[str]) -> None:
    """Show what lies in the cache, or remove it."""
    parser = _Parser(
        prog="crossemo cache",
        description="Shows what crossemo keeps, or removes it: it is made again when "
        "it is needed. CROSSEMO_CACHE says where it lies.",
    )
    parser.add_argument(
        "--clear",
        nargs="*",
        choices=KINDS,
        help="Remove these kinds; all if none is named.",
    )
    kinds = parser.parse_args(typed).clear
    if kinds is None:
        show(cache_table(entries()))
        print(f"In {cache_dir()}; crossemo cache --clear removes it.")
    else:
        freed = clear(kinds or KINDS)
        print(f"{freed / 1e6:.1f} MB freed in {cache_dir()}.")


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        from crossemo.commands.parser import refuse  # loads much

        refuse(self, message)
