"""The paragraph of methods of a study, with the settings that were used."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from crossemo.studies.analysis_methods import (
    distance_sentences,
    layer_sentences,
    pooled_sentences,
    score_sentences,
)
from crossemo.studies.citations import (
    bibtex_of,
    cited,
    corpus_citation,
    encoder_citation,
    software_citation,
    tuning_citation,
)
from crossemo.studies.data_methods import data_sentences
from crossemo.studies.phrases import counted, enumerated
from crossemo.studies.run_record import RunRecord
from crossemo.studies.training_methods import model_sentences, training_sentences

if TYPE_CHECKING:
    from pandas import DataFrame

_PARTS = {
    "Data": data_sentences,
    "Models": model_sentences,
    "Training": training_sentences,
    "Scores": score_sentences,
    "Layers": layer_sentences,
    "Distances": distance_sentences,
}
_SPECIAL = str.maketrans({one: f"\\{one}" for one in "%_&#$"})


@dataclass(frozen=True)
class Methods:
    """How a study was made.

    Args:
        text: Markdown, a paragraph for each part, with citations as `[@key]`.
        uncited: Corpora, encoders and ways of tuning that crossemo knows no entry of,
            such as the demo, data of one's own or an encoder in a folder.
        machines: Versions and devices, a row for each that differs, and how many
            `runs` and `seconds` they took.
    """

    text: str
    uncited: tuple[str, ...]
    machines: "DataFrame"

    @property
    def bibtex(self) -> str:
        """The entries that the text cites; a comment names what has none."""
        names = enumerated(self.uncited).replace("@", " ")
        comment = f"% Without an entry: {names}.\n\n" if self.uncited else ""
        return comment + bibtex_of(self.text)

    @property
    def latex(self) -> str:
        r"""The text for LaTeX, with `\cite` and `\paragraph`."""
        text = self.text.replace("\\", r"\textbackslash{}").translate(_SPECIAL)
        text = re.sub(r"\*\*(.+?)\.\*\*", r"\\paragraph{\1.}", text)
        return re.sub(r" \[(@[^]]+)\]", lambda match: _cite(match[1]), text)


def methods_of_records(
    records: Sequence[RunRecord], *, paired: bool = False
) -> Methods:
    """Return the methods of a study, as far as its runs recorded them.

    What is the same in all runs is said once, and where they differ what with. What
    they didn't record isn't said; runs that recorded it in another form, such as those
    of another version, are left out and counted.

    Args:
        records: What each run recorded of itself.
        paired: Whether folds were pooled and stages tested against one another over
            all of them.
    """
    sound = [one for one in records if _is_sound(one)]
    methods = _methods(sound, paired)
    if others := len(records) - len(sound):
        note = f"**Left out.** {counted(others, 'run')} of another form or version."
        return replace(methods, text=f"{methods.text}\n\n{note}".strip())
    return methods


def _is_sound(record: RunRecord) -> bool:
    """Return whether all that is said of a run alone can be said."""
    try:
        _methods([record], paired=True)
    except (LookupError, TypeError, AttributeError, ValueError):
        return False
    return True


def _methods(records: Sequence[RunRecord], paired: bool) -> Methods:
    runs = [one for one in records if one.analysis != "comparison"]
    parts = {name: list(of(runs)) for name, of in _PARTS.items()} if runs else {}
    if paired and runs:
        parts["Scores"] += pooled_sentences()
    parts["Software"] = list(_software(records))
    text = "\n\n".join(
        f"**{name}.** {' '.join(sentences)}"
        for name, sentences in parts.items()
        if sentences
    )
    return Methods(text, _uncited(runs), machines_of(records))


def machines_of(records: Sequence[RunRecord]) -> "DataFrame":
    """Return the versions and devices that runs had, those of most runs first."""
    from pandas import DataFrame  # takes a while

    columns = ["runs", "seconds", "crossemo", "device", "name", "threads", "processes"]
    rows: dict[tuple[str, ...], dict[str, object]] = {}
    for record in records:
        device = record.results.get("device") or {}
        facts = {
            "crossemo": record.results.get("crossemo"),
            "device": device.get("type"),
            **{name: device.get(name) for name in ("name", "threads", "processes")},
            **(record.results.get("versions") or {}),
        }
        key = tuple(f"{name}={value}" for name, value in sorted(facts.items()))
        row = rows.setdefault(key, {"runs": 0, "seconds": 0.0, **facts})
        row["runs"] = int(str(row["runs"])) + 1
        seconds = float(record.results.get("run_seconds") or 0)
        row["seconds"] = round(float(str(row["seconds"])) + seconds, 3)
    ordered = sorted(rows.values(), key=lambda row: -int(str(row["runs"])))
    names = columns + sorted({name for row in ordered for name in row} - {*columns})
    return DataFrame(ordered, columns=names)


def _uncited(records: Sequence[RunRecord]) -> tuple[str, ...]:
    """Return the names of what was used and has no entry."""
    names = {}
    for record in records:
        for role, facts in record.roles.items():
            for name in facts.get("corpora") or [facts.get("corpus", role)]:
                names[name] = corpus_citation(name)
        tuning = record.model.get("tuning") or "frozen"
        names[record.encoder] = encoder_citation(record.encoder)
        if tuning not in ("frozen", "full"):
            names[tuning] = tuning_citation(tuning)
    return tuple(name for name, entry in names.items() if name and not entry)


def _software(records: Sequence[RunRecord]) -> Iterator[str]:
    if not records:
        return
    versions = _unique(str(one.results.get("crossemo", "")) for one in records)
    names = ("python", "torch", "lightning", "transformers", "peft", "torchmetrics")
    libraries = []
    for name in names:
        numbers = _unique((r.results.get("versions") or {}).get(name) for r in records)
        if numbers:
            title = {"python": "Python", "torch": "PyTorch"}.get(name, name)
            libraries.append(f"{title} {enumerated(numbers)}")
    beside = f" with {enumerated(libraries)}" if libraries else ""
    yield (
        f"All was computed by crossemo {enumerated(versions)}"
        f"{cited(software_citation())}{beside}."
    )
    seconds = sum(float(one.results.get("run_seconds") or 0) for one in records)
    devices = enumerated(_unique(_device(one) for one in records))
    took = f", {counted(round(seconds), 'second')} in all" if seconds else ""
    yield f"The study has {counted(len(records), 'run')} on {devices}{took}."


def _device(record: RunRecord) -> str:
    device = record.results.get("device") or {}
    if not device:
        return "a device that was not recorded"
    threads = device.get("threads")
    on = f"{device.get('name')} ({device.get('type')}"
    return f"{on}, {counted(threads, 'thread')})" if threads else f"{on})"


def _unique(values: Iterator[str | None]) -> list[str]:
    return list(dict.fromkeys(str(one) for one in values if one))


def _cite(keys: str) -> str:
    names = (one.strip().removeprefix("@") for one in keys.split(";"))
    return f"~\\cite{{{','.join(names)}}}"
