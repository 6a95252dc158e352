"""Which runs may be averaged and compared, and what speaks against the others."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from hashlib import sha256

import numpy as np

from crossemo.errors import listed
from crossemo.studies.recorded_runs import RecordedRun

Reasons = dict[str, str]  # by name of a run


def comparable(
    runs: Sequence[RecordedRun],
) -> tuple[list[RecordedRun], Reasons]:
    """Return the runs that may be averaged, and why others may not.

    A run counts once, the newest of those with all settings alike. The runs of one
    study and fold have the same clips in the same parts, no clip is tested in two
    folds, all runs of a condition have the same weights of the encoder, each of its
    seeds the same folds, and all conditions of a direction the same folds. Of runs
    that differ, those count that most agree with; of folds, the more count.

    Args:
        runs: Runs of stages.
    """
    reasons: Reasons = {}
    rules = (_once, _same_clips, _disjoint_folds, _same_weights, _same_folds)
    for rule in (*rules, _half_of_folds):
        reasons |= rule([run for run in runs if run.name not in reasons])
    return [run for run in runs if run.name not in reasons], reasons


def _once(runs: Sequence[RecordedRun]) -> Reasons:
    reasons = {}
    for some in _grouped(runs, lambda r: (r.facts.condition, r.fold, r.seed)):
        *older, newest = sorted(some, key=_written)
        for run in older:
            reasons[run.name] = (
                f"repeated: {newest.name}, which is newer, has the same settings, fold "
                "and seed"
            )
    return reasons


def _same_clips(runs: Sequence[RecordedRun]) -> Reasons:
    reasons = {}
    for some in _grouped(runs, lambda r: (*_study(r), r.fold)):
        digests = {run.name: _clips(run) for run in some}
        usual = _commonest(digests.values())
        for run in some:
            if digests[run.name] != usual:
                other = next(r for r in some if digests[r.name] == usual)
                reasons[run.name] = f"incomparable: {_difference(run, other)}"
    return reasons


def _disjoint_folds(runs: Sequence[RecordedRun]) -> Reasons:
    reasons = {}
    for some in _grouped(runs, _study):
        tested: dict[str, int] = {}
        sizes = Counter(run.fold for run in some)
        for run in sorted(some, key=lambda r: (-sizes[r.fold], r.fold)):
            clips = run.predictions["clip"].unique()
            twice = [c for c in clips if tested.get(c, run.fold) != run.fold]
            if twice:
                reasons[run.name] = (
                    f"incomparable: another split, as {listed(twice, 1)} of its fold "
                    f"{run.fold} is tested in fold {tested[twice[0]]} too"
                )
            else:
                tested |= dict.fromkeys(clips, run.fold)
    return reasons


def _same_weights(runs: Sequence[RecordedRun]) -> Reasons:
    reasons = {}
    for some in _grouped(runs, lambda r: r.facts.condition):
        usual = _commonest(_weights(run) for run in some)
        for run in some:
            if _weights(run) != usual:
                reasons[run.name] = (
                    "incomparable: other weights of the encoder (encoder_fingerprint "
                    f"{_weights(run)}, of most runs of its settings {usual})"
                )
    return reasons


def _same_folds(runs: Sequence[RecordedRun]) -> Reasons:
    reasons = {}
    for some in _grouped(runs, lambda r: r.facts.condition):
        folds = {
            seed: frozenset(run.fold for run in some if run.seed == seed)
            for seed in sorted({run.seed for run in some})
        }
        times = Counter(folds.values())
        usual = max(folds.values(), key=lambda one: (len(one), times[one], sorted(one)))
        for run in some:
            if folds[run.seed] != usual:
                lacking = sorted(usual - folds[run.seed])
                what = f"lacks fold {listed(lacking)}" if lacking else "has others"
                reasons[run.name] = (
                    f"incomplete: seed {run.seed} {what}, so it is not averaged with "
                    "the seeds that have all"
                )
    return reasons


def _half_of_folds(runs: Sequence[RecordedRun]) -> Reasons:
    reasons: Reasons = {}
    for some in _grouped(runs, _study):
        conditions = _grouped(some, lambda r: r.facts.condition)
        folds = [{run.fold for run in one} for one in conditions]
        most = max(map(len, folds))
        for one, few in zip(conditions, folds, strict=True):
            if 2 * len(few) < most:
                reason = (
                    f"incomplete: its settings have fold {listed(sorted(few))} only, "
                    f"others of this study {most} folds, so it is not set beside them"
                )
                reasons |= {run.name: reason for run in one}
    return reasons


def _grouped(
    runs: Iterable[RecordedRun], key: Callable[[RecordedRun], Hashable]
) -> list[list[RecordedRun]]:
    groups: dict[Hashable, list[RecordedRun]] = {}
    for run in runs:
        groups.setdefault(key(run), []).append(run)
    return list(groups.values())


def _study(run: RecordedRun) -> tuple[str, str, str]:
    """Return the study and its direction; what of roles is swapped, may split alike."""
    columns = run.facts.columns
    return run.facts.study, columns["source"], columns["target"]


def _clips(run: RecordedRun) -> str:
    """Return a digest of the part of every clip and the targets of the test."""
    from pandas.util import hash_pandas_object

    stage = run.predictions["stage"].iloc[0]
    tested = run.predictions[run.predictions["stage"] == stage]
    names = ["place", "clip", "group", *(c for c in tested if "true" in c)]
    digest = sha256()
    for table in (tested[names], run.split[["role", "clip", "group", "part"]]):
        rows = hash_pandas_object(table, index=False).to_numpy()
        digest.update(np.sort(rows).tobytes())
    return digest.hexdigest()


def _difference(run: RecordedRun, other: RecordedRun) -> str:
    """Say how the clips of two runs of one fold differ."""
    clips, usual = (set(one.predictions["clip"]) for one in (run, other))
    if clips != usual:
        example = sorted(clips ^ usual)[0]
        where = "it alone tests" if example in clips else "it doesn't test"
        return (
            f"other clips in fold {run.fold} ({len(clips)} are tested, by most runs "
            f"{len(usual)}; {where} {example})"
        )
    ours, theirs = (
        one.split.set_index("clip")["part"].groupby(level=0).first()
        for one in (run, other)
    )
    if not ours.equals(theirs):
        return f"another split: other clips are trained on in fold {run.fold}"
    return f"the clips of fold {run.fold} have other targets or groups"


def _weights(run: RecordedRun) -> str:
    return run.facts.weights


def _written(run: RecordedRun) -> float:
    assert run.place.folder is not None
    return (run.place.folder / "results.json").stat().st_mtime


def _commonest(values: Iterable[str]) -> str:
    return Counter(values).most_common(1)[0][0]
