"""How often intervals of an audit hold what a protocol is worth.

Run `python -m tests.benchmarks.simulate_audit [--runs R] [--speakers S] [--habit H]`.

Clips are made up, of four emotions by speakers in six folds, see
`tests.audits.made_up_clips.spoken`. With `--habit 0` speakers don't matter: a protocol
that shares them is worth nothing, and intervals should hold 0 in 95 %. With habits of
their own, what it is worth is taken to be its mean over the runs. Choosing the epoch on
the test is worth something in either case. Numbers are in per cent and in points, ±
one standard error.
"""

import argparse
from statistics import fmean, stdev

import torch

from crossemo.audits import auditing
from crossemo.audits.audit_options import AuditOptions
from crossemo.audits.auditing import PROTOCOLS, tallies
from crossemo.audits.protocol_scores import Row, protocol_rows
from tests.audits.made_up_clips import spoken


def main() -> None:
    """Print what intervals hold."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--speakers", type=int, default=12)
    parser.add_argument("--takes", type=int, default=3)
    parser.add_argument("--habit", type=float, default=0.0)
    parser.add_argument("--repeats", type=int, default=20)
    options = parser.parse_args()
    torch.set_num_threads(1)
    setattr(auditing, "bar", lambda work, _: work)  # noqa: B010
    audited = [
        _audited(options.speakers, options.takes, options.habit, options.repeats, run)
        for run in range(options.runs)
    ]
    for number, protocol in enumerate(PROTOCOLS[1:], 1):
        _report(protocol, [rows[number] for rows in audited])


def _audited(
    speakers: int, takes: int, habit: float, repeats: int, seed: int
) -> list[Row]:
    clips = spoken(speakers, takes, emotion=0.5, habit=habit, seed=1 + seed, width=10)
    how = AuditOptions(repeats, epochs=5, lr=0.02, seed=1000 * seed)
    return protocol_rows(tallies(clips, how), clips.task)


def _report(protocol: str, rows: list[Row]) -> None:
    gains = [100 * row["difference"] for row in rows]
    worth, runs = fmean(gains), len(rows)
    print(f"{protocol}: UA {100 * fmean(row['value'] for row in rows):.1f}", end="")
    print(f", worth {worth:+.2f} ± {stdev(gains) / runs**0.5:.2f}", end="")
    for name, truth in (("0", 0.0), ("that", worth / 100)):
        share = fmean(
            row["difference_low"] <= truth <= row["difference_high"] for row in rows
        )
        error = (share * (1 - share) / runs) ** 0.5
        print(f"; {name} held in {100 * share:.1f} ± {100 * error:.1f} %", end="")
    print()


if __name__ == "__main__":
    main()
