"""The card of a shared model: what it is for, what it has seen, how it was judged."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData
from jinja2 import Environment, PackageLoader, StrictUndefined

from crossemo.data.marks import SIGNS
from crossemo.errors import listed
from crossemo.files import printable
from crossemo.metrics.names import AGREEMENT, HEADLINE, IN_WORDS, LEVEL
from crossemo.sharing.licences import conditions, parts_of, strictest
from crossemo.sharing.model_facts import ModelFacts

FILE = "README.md"
_NAMED = 30  # groups of a corpus that are named
_TASK = "audio-classification"  # the hub's word
_NO_ORIGIN = dict.fromkeys(("stage", "stages", "epoch", "seed"))
_TOP = (HEADLINE, AGREEMENT)  # the scores that a model is chosen by


def model_card(
    facts: ModelFacts,
    name: str = "FOLDER_OR_HUB_ID",
    *,
    caveats: Sequence[str] = (),
    onnx: bool = False,
    citation: str = "",
) -> str:
    """Return the card of a shared model, as the hub shows it.

    Its head holds the scores as a `model-index`; those of clips that the weights know
    by a leak are left out there, and marked in the card.

    Args:
        facts: What is known of the model.
        name: The folder or hub id that it is used by.
        caveats: What is known of its reliability, a sentence each.
        onnx: Whether there is a graph beside the weights.
        citation: BibTeX of what it was made of.
    """
    parts = parts_of(facts)
    body = _environment().get_template("model_card.md")
    text = body.render(
        facts=facts,
        origin={**_NO_ORIGIN, **facts.origin},
        name=printable(name).rstrip("/").rpartition("/")[2],
        place=printable(name),
        outputs=listed(facts.classes, 30, " and "),
        encoder=facts.encoder["repository"] or facts.encoder["name"],
        recipe=_recipe(facts),
        caveats=caveats,
        onnx=onnx,
        seen=list(_seen(facts)),
        rows=list(_rows(facts)),
        columns=_columns(facts),
        notes=dict.fromkeys(
            f"{sign} {text}"
            for test in facts.scores
            for sign, text in _marks(test).items()
        ),
        level=next((one["level"] for one in facts.scores if one.get("level")), LEVEL),
        parts=parts,
        conditions=conditions(parts),
        citation=citation.strip(),
    )
    data = _head(facts, name, strictest(parts))
    return str(ModelCard(f"---\n{data.to_yaml()}\n---\n\n{text}"))


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("crossemo.sharing"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown
    )
    environment.filters |= {"cell": _cell, "clips": _clips, "words": _words}
    return environment


def _head(facts: ModelFacts, name: str, licence: str) -> ModelCardData:
    domains = {str(one.get("domain")) for one in facts.roles.values()}
    return ModelCardData(
        license=licence,
        license_name="see-the-card" if licence == "other" else None,
        library_name="transformers" if facts.form == "transformers" else "crossemo",
        pipeline_tag=_TASK,
        tags=["crossemo", "emotion-recognition", *sorted(domains)],
        base_model=facts.encoder["repository"],
        model_name=printable(name).rpartition("/")[2],
        eval_results=list(_results(facts)),
    )


def _results(facts: ModelFacts) -> Iterator[EvalResult]:
    """Yield the scores of tests without a leak."""
    for test in facts.scores:
        for score, value in _summary(test):
            if test.get("leak"):
                continue
            about: dict[str, Any] = {"clips": test.get("n")}
            if interval := test["intervals"].get(score):
                about["interval"] = list(interval)
                about["level"] = test.get("level")
                about["unit"] = test.get("interval_unit")
            yield EvalResult(
                task_type=_TASK,
                task_name="Emotion recognition",
                dataset_type=test["corpus"],
                dataset_name=test["corpus"],
                dataset_config=test["role"],
                dataset_split=test["part"],
                dataset_args={k: v for k, v in test["split"].items() if v is not None},
                metric_type=IN_WORDS.get(score, (score, score))[1],
                metric_name=_words(score),
                metric_value=value,
                metric_args=about,
            )


def _summary(test: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield the scores of a test that sum it up, and those of each value."""
    for score, value in test["scores"].items():
        if not score.startswith(("loss", "recall/")) and value is not None:
            yield score, value


def _columns(facts: ModelFacts) -> list[str]:
    names = [score for test in facts.scores for score, _ in _summary(test)]
    chance = any(test.get("chance") for test in facts.scores)
    return [*dict.fromkeys(names), *(["chance"] if chance else [])]


def _rows(facts: ModelFacts) -> Iterator[dict[str, Any]]:
    """Yield a row of the table of scores for each test."""
    factor, form = (1, ".2f") if facts.task == "values" else (100, ".1f")

    def written(value: float, interval: Sequence[float] = ()) -> str:
        ends = ", ".join(format(factor * end, form) for end in interval)
        return format(factor * value, form) + (f" [{ends}]" if ends else "")

    for test in facts.scores:
        cells = dict.fromkeys(_columns(facts), "")
        for score, value in _summary(test):
            cells[score] = written(value, test["intervals"].get(score) or ())
        for score, interval in (test.get("chance") or {}).items():
            if score in _TOP:
                cells["chance"] = f"below {written(interval[1])}"
        part = f"{test['role']}, {test['part']}{''.join(_marks(test))}"
        yield {**test, "part": part, "n": test.get("n") or "", "cells": cells}


def _marks(test: Mapping[str, Any]) -> dict[str, str]:
    """Return what the weights know of the clips of a test, by its sign."""
    return {sign: str(test[name]) for name, sign in SIGNS.items() if test.get(name)}


def _seen(facts: ModelFacts) -> Iterator[dict[str, str]]:
    for corpus in facts.corpora:
        row = {"corpus": corpus}
        for part, material in (("train", facts.seen.train), ("val", facts.seen.val)):
            groups = sorted(
                name.partition("/")[2]
                for name in material.groups
                if name.partition("/")[0] == corpus
            )
            row[part] = f"{len(groups)}: {listed(groups, _NAMED)}" if groups else "none"
        yield row


def _recipe(facts: ModelFacts) -> str:
    """Return how it was trained, in the words of the options."""
    names = ("tuning", "layers", "pooling")
    options = facts.hyperparameters
    return ", ".join(f"{name} {options[name]}" for name in names if name in options)


def _clips(counts: object, part: str) -> str:
    """Return how many clips a part of a role has, by class or in all."""
    of_part = counts.get(part) if isinstance(counts, Mapping) else None
    if isinstance(of_part, Mapping):
        return str(sum(of_part.values()))
    return "" if of_part is None else str(of_part)


def _words(score: str) -> str:
    return IN_WORDS.get(score, (score, score))[0]


def _cell(value: object) -> str:
    """Return a name as a cell of Markdown."""
    return printable(str(value)).replace("\\", "\\\\").replace("|", "\\|")
