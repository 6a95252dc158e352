"""Sentences on the data of runs: corpora, classes, windows, splits."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from crossemo.studies.citations import cited, corpus_citation
from crossemo.studies.phrases import (
    between,
    counted,
    enumerated,
    spanned,
    stated,
)
from crossemo.studies.run_record import RunRecord

_SCHEMES = {
    "official": "by the parts or folds that are customary for the corpora",
    "leave_one_out": "leaving one unit out at a time",
    "given": "as given in the configuration",
}
_BALANCES = {
    "corpora": "corpora",
    "classes": "classes",
    "both": "corpora and classes",
}


def data_sentences(records: Sequence[RunRecord]) -> Iterator[str]:
    """Yield what the runs were trained and judged on."""
    yield from _corpora(records)
    yield from _targets(records)
    yield from _audio(records)
    yield from _splits(records)


def _corpora(records: Sequence[RunRecord]) -> Iterator[str]:
    """Yield the corpora with what of them was used."""
    facts: dict[str, list[Mapping[str, Any]]] = {}
    for record in records:
        for role, one in record.roles.items():
            facts.setdefault(str(one.get("corpus", role)), []).append(one)
    described = [_described(name, used) for name, used in facts.items()]
    if described:
        verb = "corpus was" if len(described) == 1 else "corpora were"
        yield f"The {verb} {enumerated(described)}."
    for name, used in facts.items():
        for key, why in (
            ("skipped", "could not be used"),
            ("dropped", "left the training, as their unit was tested elsewhere"),
        ):
            most = max(int(one.get(key) or 0) for one in used)
            if most:
                yield f"Up to {counted(most, 'clip')} of {name} {why}."


def _described(name: str, used: Sequence[Mapping[str, Any]]) -> str:
    members = list(used[0].get("corpora") or [name])
    key = " + ".join(f"{one}{cited(corpus_citation(one))}" for one in members)
    domain = used[0].get("domain")
    sizes = [_clips(one.get("clips") or {}) for one in used]
    groups = used[0].get("groups")
    clips = f"{between(sizes)} clips" if max(sizes) != 1 else "1 clip"
    if isinstance(groups, Mapping):
        units = between(sum(one["groups"].values()) for one in used)
        clips += f" of {units} unit{'' if units == '1' else 's'}"
    elif groups:
        clips += f" of {counted(int(groups), 'unit')}"
    return f"{key} ({f'{domain}, ' if domain else ''}{clips})"


def _clips(counts: Mapping[str, Any] | int) -> int:
    """Return the sum of counts, however deep they lie."""
    if not isinstance(counts, Mapping):
        return int(counts)
    return sum(_clips(one) for one in counts.values())


def _targets(records: Sequence[RunRecord]) -> Iterator[str]:
    classes = stated(one.case(_classes(one)) for one in records)
    if classes:
        yield f"The classes were {classes}."
    if values := stated(one.case(_values(one)) for one in records):
        yield f"The targets were {values}, on scales from -1 to 1 about each middle."


def _classes(record: RunRecord) -> str:
    names = record.results.get("classes") or record.results.get("emotions")
    return enumerated(names) if names else ""


def _values(record: RunRecord) -> str:
    values = record.results.get("values")
    return enumerated(values["outputs"]) if values else ""


def _audio(records: Sequence[RunRecord]) -> Iterator[str]:
    rates = stated(one.case(_rate(one)) for one in records)
    if rates:
        yield f"Recordings were resampled to {rates}."
    windows = stated(
        record.case(_window(facts), corpus=str(facts.get("corpus", role)))
        for record in records
        for role, facts in record.roles.items()
        if "window" in facts
    )
    if windows:
        yield f"Clips were {windows}."


def _rate(record: RunRecord) -> str:
    rate = record.results.get("sampling_rate")
    return f"{rate / 1000:g} kHz" if rate else ""


def _window(facts: Mapping[str, Any]) -> str:
    window, hop = facts.get("window"), facts.get("hop")
    if isinstance(window, Mapping):  # corpora of one role that differ
        hops = hop if isinstance(hop, Mapping) else dict.fromkeys(window, hop)
        sides = (f"{_cut(window[one], hops.get(one))} ({one})" for one in window)
        return enumerated(sides)
    return _cut(window, hop)


def _cut(window: float | None, hop: float | None) -> str:
    if window is None:
        return "taken whole"
    return f"cut into windows of {window:g} s every {hop or window:g} s"


def _splits(records: Sequence[RunRecord]) -> Iterator[str]:
    split = [one for one in records if one.results.get("split")]
    if not split:
        return
    how = stated(one.case(_scheme(one.results["split"])) for one in split)
    yield (
        f"They were split {how}; no unit (speaker, song or artist) lies in more than "
        "one of the training, validation and test parts."
    )
    folds = {one.results["split"].get("fold") for one in split} - {None}
    inner = [one for one in split if one.results.get("folds")]
    alone = [one for one in split if not one.results.get("folds")]
    if alone and folds:
        tested = {one.results["split"].get("fold") for one in alone} - {None}
        noun = "Fold" if len(tested) == 1 else "Folds"
        rest = "was tested" if len(tested) == 1 else "were tested in turn"
        yield f"{noun} {spanned(sorted(tested))} {rest}, counted from 0."
    if inner:
        number = between(len(one.results["folds"]) for one in inner)
        yield f"Layerwise analyses were tested on {number} folds in turn."
    balance = stated(one.case(_balance(one)) for one in records)
    if balance:
        yield f"Training clips were drawn so that {balance} came alike."


def _scheme(split: Mapping[str, Any]) -> str:
    if split["scheme"] == "kfold":
        seed = split.get("seed")
        return f"into {split.get('folds')} folds dealt at random by unit (seed {seed})"
    return _SCHEMES.get(split["scheme"], str(split["scheme"]))


def _balance(record: RunRecord) -> str:
    settings = record.settings
    name = settings.get("data.init_args.balance") or settings.get("data.balance")
    return _BALANCES.get(str(name), "")
