"""`crossemo grid`: plans, lists or runs the runs of a grid."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from jsonargparse.typing import NonNegativeInt, PositiveInt

from crossemo.commands.launch import shipped_config
from crossemo.commands.parser import Parser
from crossemo.errors import CrossEmoError
from crossemo.files import expanded, from_here
from crossemo.grids.cluster import submit_all
from crossemo.grids.costs import costs, runs_table
from crossemo.grids.drafts import ENDINGS
from crossemo.grids.plan import Plan
from crossemo.grids.planning import plan_of
from crossemo.grids.schedule import run_all
from crossemo.grids.submission import ClusterOptions
from crossemo.report.fold_tables import fold_tables
from crossemo.report.tables import show

FLAGS = ("--dry-run", "--cross-validation", "-h", "--help")
OPTIONS = ("--name", "--logs", "--jobs", "--retries")
CLUSTER = "--cluster"  # with a dot and a name behind it


class Words(NamedTuple):
    """What was typed, by what it is for.

    Args:
        configs: The configs.
        own: Options of the grid.
        runs: Options of its runs.
    """

    configs: list[Path]
    own: list[str]
    runs: list[str]


def main(typed: list[str]) -> None:
    """Run `run_grid`."""
    words = words_of(typed)
    parser = Parser(
        prog="crossemo grid",
        usage="crossemo grid CONFIG… [options, and those of fit]",
        description="Runs configs in which any value may be {grid: [a, b]}, one of "
        "these, or {zip: [a, b]}, which advance together: each run is a fit, and what "
        "is done already, by any grid, is passed over.",
    )
    parser.add_argument("--dry-run", action="store_true", help="Only list the runs.")
    parser.add_argument(
        "--cross-validation",
        action="store_true",
        help="Show the scores over folds and seeds at the end.",
    )
    taken: set[str | int] = {"configs", "words", "dry_run", "cross_validation"}
    parser.add_function_arguments(run_grid, skip=taken)
    options = parser.instantiate_classes(parser.parse_args(words.own)).as_dict()
    run_grid(words.configs, words.runs, **options)


def run_grid(
    configs: Sequence[Path],
    words: Sequence[str] = (),
    name: str | None = None,
    logs: Path = Path("logs"),
    jobs: PositiveInt | None = None,
    retries: NonNegativeInt = 1,
    cluster: ClusterOptions = ClusterOptions(),  # noqa: B008 (it is frozen)
    dry_run: bool = False,
    cross_validation: bool = False,
) -> None:
    """Run what configs with choices stand for.

    Args:
        configs: The configs, the later over the earlier.
        words: Options of the runs.
        name: Folder of the grid below `logs`; the config's name if left out.
        logs: Folder of logs.
        jobs: How many runs at once; if left out, one on each GPU, or as many as the
            processors bear.
        retries: How often a run whose process was killed is tried again.
        cluster: Jobs of a cluster, which have the runs instead of this machine.
        dry_run: Only list the runs and what they would cost.
        cross_validation: Show the scores over folds and seeds at the end.

    Raises:
        CrossEmoError: There is no config, something in one is wrong, or runs failed.
    """
    if not configs:
        raise CrossEmoError(
            "Which runs? Give a config with choices in it, such as paper/demo.yaml."
        )
    plan = plan_of(configs, words, name, expanded(logs))
    if dry_run:
        show(runs_table(plan))
        print(costs(plan))
        return
    plan.write()
    if cluster.scheduler:
        outcomes = submit_all(plan, cluster)
    else:
        outcomes = run_all(plan, jobs, retries)
    if cross_validation and any(outcome.done for outcome in outcomes):
        _show_folds(plan)
    print(f"Results: {from_here(plan.folder)}")
    print(f"To look at them together: crossemo report {from_here(plan.folder)}")
    failures = [outcome for outcome in outcomes if not outcome.done]
    if failures:
        raise CrossEmoError(
            f"{len(failures)} of {len(outcomes)} runs failed; the first: "
            f"{failures[0].sentence} The same command tries them again."
        )


def _show_folds(plan: Plan) -> None:
    """Show the cross-validation view of the runs, and which of them it lacks."""
    from crossemo.report.footnotes import footnotes  # loads pandas
    from crossemo.studies.findings import findings_of

    findings = findings_of([plan.folder])
    rows = [dict(row) for _, row in findings.folds.iterrows()]
    for table in fold_tables(rows):
        show(table)
    for notes in footnotes(findings.runs).values():
        print(*notes, sep="\n")
    for row in findings.exclusions.to_dict("records"):
        print(f"Not counted: {row['run']}, {row['reason']}")


def words_of(typed: Sequence[str]) -> Words:
    """Return what was typed, sorted.

    Raises:
        CrossEmoError: An option has no value.

    >>> words_of(["a.yaml", "--data.fold", "0", "--jobs=2"]).runs
    ['--data.fold=0']
    """
    words = Words([], [], [])
    rest = list(typed)
    while rest:
        word = rest.pop(0)
        option, equals, value = word.partition("=")
        if option in FLAGS:
            words.own.append(word)
        elif not word.startswith("-"):
            words.configs.append(_config(word))
        else:
            if not equals and (not rest or rest[0].startswith("--")):
                raise CrossEmoError(f"{option} needs a value.")
            value = value if equals else rest.pop(0)
            if option in ("-c", "--config"):
                words.configs.append(_config(value))
            else:
                if option == CLUSTER and not value.endswith(ENDINGS):
                    option = f"{CLUSTER}.scheduler"
                own = option in OPTIONS or option.partition(".")[0] == CLUSTER
                (words.own if own else words.runs).append(f"{option}={value}")
    return words


def _config(word: str) -> Path:
    return expanded(shipped_config(word))
