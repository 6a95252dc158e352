"""Sentences on scores, probes of layers, and distances."""

from collections.abc import Iterator, Sequence
from typing import Any

from crossemo.metrics.names import AGREEMENT, HEADLINE
from crossemo.studies.citations import cited_method
from crossemo.studies.phrases import counted, enumerated, stated
from crossemo.studies.run_record import RunRecord

_UNITS = {
    "group": "by the jackknife over units",
    "clip": "by the bootstrap over clips, where there were fewer than three units",
}
_SOURCES = {"group": "tukey1958jackknife", "clip": "efron1993bootstrap"}


def score_sentences(records: Sequence[RunRecord]) -> Iterator[str]:
    """Yield what the scores are, their intervals, and how stages were compared."""
    judged = [one for one in records if one.analysis in ("stages", "layers")]
    if any("classes" in one.results for one in judged):
        yield (
            f"Classes were scored by their mean recall ({HEADLINE}, unweighted "
            "accuracy), by the share of clips that are right (WA, weighted accuracy), "
            "by the mean F1 over classes, and by the recall of each."
        )
    if any("values" in one.results for one in judged):
        yield (
            "Values were scored by the concordance correlation coefficient "
            f"({AGREEMENT}){cited_method('lin1989ccc')}, averaged over them, and each "
            "by its root mean squared error, Pearson's correlation and R²."
        )
    if units := [unit for unit in _UNITS if unit in _interval_units(judged)]:
        ways = (f"{_UNITS[one]}{cited_method(_SOURCES[one])}" for one in units)
        levels = stated(one.case(_level(one)) for one in judged)
        yield f"Intervals of {levels} are {enumerated(ways)}."
    if any(one.results.get("comparisons") for one in judged):
        yield (
            "Within a run, stages were compared on the same test clips: with one that "
            "trained on the same data alone (gain), and with those before (what was "
            "kept)."
        )


def pooled_sentences() -> Iterator[str]:
    """Yield how folds were pooled, and stages tested over all of them."""
    yield (
        "Over folds, scores are of the clips of all of them together, averaged over "
        "seeds. Stages were compared on the same folds, seeds and clips by paired "
        f"tests, the jackknife{cited_method(_SOURCES['group'])} over folds of the "
        "difference and Student's t, corrected for the number of tests of a kind of "
        "score and of difference by the false discovery rate"
        f"{cited_method('benjamini1995fdr')}."
    )


def layer_sentences(records: Sequence[RunRecord]) -> Iterator[str]:
    """Yield how layers were probed."""
    runs = [one for one in records if one.analysis == "layers"]
    if not runs:
        return
    protocol = stated(one.case(_protocol(one)) for one in runs)
    clip = stated(one.case(_clip(one)) for one in runs)
    layers = stated(one.case(_layers(one)) for one in runs)
    yield f"{layers} of the frozen encoders were read by {protocol}; a clip was {clip}."
    options = stated(one.case(_options(one)) for one in runs)
    yield f"Each probe chose among {options}."
    if shuffles := stated(one.case(_shuffles(one)) for one in runs):
        yield f"For what is reached where there is nothing to learn, {shuffles}."
    if references := stated(one.case(_references(one)) for one in runs):
        yield f"For comparison, the same probes read {references}."
    if any(len(one.roles) > 1 and "classes" in one.results for one in runs):
        yield (
            "How alike the emotions lie in two domains is linear CKA"
            f"{cited_method('kornblith2019cka')} of their means."
        )
    yield (
        "Layers were compared by the jackknife over folds and Student's t, corrected "
        "for the number of pairs of a kind by the false discovery rate"
        f"{cited_method('benjamini1995fdr')}."
    )


def distance_sentences(records: Sequence[RunRecord]) -> Iterator[str]:
    """Yield how distances of domains were measured."""
    runs = [one for one in records if _measures(one)]
    if not runs:
        return
    where = stated(one.case(_where(one)) for one in runs)
    yield (
        "Two domains were compared emotion by emotion by the unbiased squared maximum "
        f"mean discrepancy with a Gaussian kernel{cited_method('gretton2012kernel')} "
        "and by the Fréchet distance"
        f"{cited_method('dowson1982frechet', 'kilgour2019fad')}, both plain and above "
        f"what so few clips have by chance, {where}."
    )
    splits = stated(
        one.case(f"{_estimate(one, 'splits')} random halvings") for one in runs
    )
    tests = stated(one.case(_exchanges(one)) for one in runs)
    yield (
        f"The chance level of its covariance term is of {splits}; p-values are of "
        f"{tests}, which move whole units, and q-values are corrected for the pairs of "
        f"a hidden state by the false discovery rate{cited_method('benjamini1995fdr')}."
    )
    if any(_estimate(one, "infinity") is True for one in runs):
        keys = cited_method("chong2020unbiased", "gui2024fad")
        yield f"The distance was extrapolated to infinitely many clips{keys}."


def _interval_units(records: Sequence[RunRecord]) -> set[str]:
    return {
        str(unit)
        for record in records
        for test in (record.results.get("stages") or {}).values()
        for scores in (test.get("scores") or {}).values()
        for name, unit in scores.items()
        if name.endswith("_interval_unit")
    }


def _level(record: RunRecord) -> str:
    level = record.results.get("interval_level")
    return f"{100 * level:g} %" if level else ""


def _protocol(record: RunRecord) -> str:
    protocol = str(record.results["probes"].get("protocol", ""))
    superb = record.model.get("head") == "superb"
    return protocol + (cited_method("yang2021superb") if superb else "")


def _clip(record: RunRecord) -> str:
    if record.model.get("pooling") == "statistics":
        return "the mean and the standard deviation of its frames"
    return "the mean of its frames"


def _layers(record: RunRecord) -> str:
    layers = record.model.get("layers")
    named = isinstance(layers, Sequence) and not isinstance(layers, str)
    return f"Hidden states {enumerated(layers or ())}" if named else "All hidden states"


def _options(record: RunRecord) -> str:
    model = record.model
    kind = "rates" if model.get("head") == "superb" else "penalties"
    values = (f"{one:g}" for one in model.get(kind) or ())
    return f"the {'learning rates' if kind == 'rates' else kind} {enumerated(values)}"


def _shuffles(record: RunRecord) -> str:
    times = record.model.get("shuffles")
    return f"targets were also shuffled {counted(times, 'time')}" if times else ""


def _references(record: RunRecord) -> str:
    references = record.model.get("references")
    if references == "all":
        return "the acoustic references and the encoder with random weights"
    names = [
        f"eGeMAPS{cited_method('eyben2016egemaps')}" if one == "eGeMAPS" else one
        for one in references or ()
    ]
    return enumerated(names) if names else ""


def _measures(record: RunRecord) -> bool:
    if len(record.roles) < 2:
        return False
    if record.results.get("command") == "fad":
        return True
    outputs = (record.results.get("values") or {}).get("outputs")
    emotions = outputs is None or {"valence", "arousal"} <= set(outputs)
    return record.settings.get("fad.enabled") is True and emotions


def _where(record: RunRecord) -> str:
    folders = record.results.get("command") == "fad"
    settings, prefix = record.settings, "" if folders else "fad."
    layers = settings.get(f"{prefix}layers")
    mixture = "" if folders else " and the learnt mixture"
    states = {"all": f"all hidden states{mixture}", "mixture": "the learnt mixture"}
    default = "val" if record.results.get("command") == "validate" else "test"
    part = "all" if folders else settings.get("fad.part") or default
    clips = "all clips" if part == "all" else f"the {_PARTS[part]} clips"
    unit = "frames" if settings.get("fad.unit") == "frames" else "means over frames"
    when = ""
    if record.results.get("command") == "fit":
        before = "before training and " if settings.get("fad.before") else ""
        when = f", {before}after each stage"
    where = states.get(str(layers), f"hidden state {layers}")
    return f"in {where}, on {unit} of {clips}{when}"


_PARTS = {"train": "training", "val": "validation", "test": "test"}


def _exchanges(record: RunRecord) -> str:
    kernel, frechet = (
        _estimate(record, name) for name in ("permutations", "fad_permutations")
    )
    return f"at most {kernel} exchanges ({frechet} for the Fréchet distance)"


def _estimate(record: RunRecord, name: str) -> Any:  # noqa: ANN401
    prefix = "" if record.results.get("command") == "fad" else "fad."
    return record.settings.get(f"{prefix}estimate.{name}")
