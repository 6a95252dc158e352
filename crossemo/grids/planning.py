"""From configs and what was typed to a plan: expanded, checked, named, identified."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from crossemo.commands.configs import read
from crossemo.errors import CrossEmoError
from crossemo.grids.contents import Contents
from crossemo.grids.drafts import Draft, config_of, drafts_of, typed_options
from crossemo.grids.home import HOME, home_of
from crossemo.grids.identity import digest_of, short_digest
from crossemo.grids.labels import Naming, file_name
from crossemo.grids.plan import FILE, Axis, Plan, Run
from crossemo.grids.validation import Validation, data_of
from crossemo.runs.folder import folder_of_runs

LONGEST = 120  # letters of a run's label
RESERVED = ("name", "logs", "config", "ckpt_path")


def plan_of(
    configs: Sequence[Path],
    words: Sequence[str] = (),
    name: str | None = None,
    logs: str | Path = "logs",
) -> Plan:
    """Return the runs that configs with choices stand for.

    Args:
        configs: The configs, the later over the earlier.
        words: Options that were typed, as behind `fit`.
        name: Name of the grid; that of the configs if None.
        logs: Folder of logs.

    Raises:
        CrossEmoError: A choice, a setting or what it names is wrong.
        SystemExit: An option is wrong, which has been said.
    """
    name = name or "-".join(map(_name_of, configs)) or "grid"
    folder_of_runs(logs, name)  # refuses what is no name
    if Path(name).parts[0] == HOME:
        raise CrossEmoError(
            f"The runs of all grids lie in {Path(logs, HOME)}: give the grid another "
            "--name."
        )
    documents = [config_of(path) for path in configs]
    options = list(typed_options(words))
    for option in (key for one in options for key in one.settings if key in RESERVED):
        raise CrossEmoError(f"A grid gives each run its own --{option}: leave it out.")
    validation = Validation(documents)
    drafts = list(_over_folds(drafts_of(documents, options), validation))
    naming = Naming([draft.picks for draft in drafts])
    validation.check(drafts, naming)
    return Plan(
        name,
        Path(logs),
        _runs(drafts, naming, Path(logs)),
        tuple(
            Axis(axis, naming.keys[axis], naming.values[axis]) for axis in naming.keys
        ),
        {one.name: read(path) for one, path in zip(documents, configs, strict=True)},
        tuple(words),
    )


def _over_folds(drafts: Sequence[Draft], validation: Validation) -> Iterator[Draft]:
    """Yield runs, one of each fold for those that are of all folds."""
    numbers: dict[str, Sequence[int]] = {}
    for draft in drafts:
        if not draft.all_folds:
            yield draft
            continue
        key = short_digest(draft.settings["data"])
        if key not in numbers:
            data = data_of(validation.parse(draft.of_fold(0))["data"])
            numbers[key] = data.fold_numbers()
        if not numbers[key]:
            raise CrossEmoError(
                "data.fold is all, but the corpora's authors give one split and no "
                "folds: leave fold out, or choose the split kfold or leave_one_out."
            )
        yield from (draft.of_fold(number) for number in numbers[key])


def _runs(drafts: Sequence[Draft], naming: Naming, logs: Path) -> tuple[Run, ...]:
    contents = Contents()
    by_digest: dict[str, Draft] = {}
    for draft in drafts:
        by_digest.setdefault(digest_of(draft.settings, contents), draft)
    labels = _labels(by_digest, naming)
    return tuple(
        Run(
            digest,
            labels[digest],
            naming.axes(draft.picks),
            tuple(
                [
                    *draft.words(home_of(digest, logs)),
                    f"--name={HOME}/{digest}",
                    f"--logs={logs}",
                ]
            ),
            draft.texts(),
        )
        for digest, draft in by_digest.items()
    )


def _labels(drafts: Mapping[str, Draft], naming: Naming) -> dict[str, str]:
    """Return a label for each run, which no other has, nor a file beside them."""
    plain = {digest: naming.label(draft.picks) for digest, draft in drafts.items()}
    counts = Counter(label.lower() for label in plain.values())
    labels = {}
    for digest, label in plain.items():
        free = counts[label.lower()] == 1 and label not in ("", FILE)
        if not free or len(label) > LONGEST or label.startswith("version_"):
            label = f"{label[: LONGEST - len(digest)]}_{digest}".strip("_")
        labels[digest] = label
    return labels


def _name_of(config: Path) -> str:
    """Return what a grid of a config is called.

    >>> _name_of(Path("configs/paper/demo.yaml")), _name_of(Path("mine/demo.yaml"))
    ('paper_demo', 'demo')
    """
    parts = config.with_suffix("").parts
    if "configs" in parts[:-1]:
        place = len(parts) - 1 - parts[::-1].index("configs")
        return file_name("_".join(parts[place + 1 :]))
    return file_name(parts[-1])
