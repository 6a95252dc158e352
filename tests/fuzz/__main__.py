"""Run a campaign: `python -m tests.fuzz --inputs 2000 --commands 40`."""

import json
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from tests.fuzz import kinds
from tests.fuzz.campaign import by_command, in_workers
from tests.fuzz.trial import Outcome

Row = tuple[str, int, Outcome]


def main() -> None:
    """Try out inputs of every kind and print what became of them."""
    options = _options()
    counts: dict[str, Counter[str]] = {}
    with ThreadPoolExecutor(options.workers) as pool:
        jobs = [partial(_of_kind, options, name) for name in options.kinds]
        for rows in pool.map(lambda job: list(job()), jobs):
            for name, number, outcome in rows:
                counts.setdefault(name, Counter())[outcome.word] += 1
                if outcome.word == "fault" or options.only is not None:
                    print(json.dumps([name, options.seed, number, *outcome]))
    print(f"{'kind':24}{'whole':>8}{'refused':>8}{'fault':>8}")
    for name, words in counts.items():
        print(f"{name:24}{words['whole']:8}{words['refused']:8}{words['fault']:8}")
    raise SystemExit(any(words["fault"] for words in counts.values()))


def _options() -> Namespace:
    parser = ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--kinds", nargs="*", default=kinds.names())
    parser.add_argument("--inputs", type=int, default=100, help="of each kind")
    parser.add_argument("--commands", type=int, default=0, help="of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="number of the one input to try")
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args()


def _of_kind(options: Namespace, name: str) -> Iterator[Row]:
    numbers = range(options.inputs) if options.only is None else [options.only]
    for number, outcome in in_workers(name, options.seed, numbers):
        yield name, number, outcome
    if hasattr(kinds.kind(name), "command"):
        for number in range(options.commands):
            yield f"{name}, by command", number, by_command(name, options.seed, number)


if __name__ == "__main__":
    main()
