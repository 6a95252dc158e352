"""Sentences on models and their training in stages."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from crossemo.metrics.names import AGREEMENT, HEADLINE
from crossemo.studies.citations import (
    cited,
    cited_method,
    encoder_citation,
    tuning_citation,
)
from crossemo.studies.phrases import Case, counted, enumerated, spanned, stated
from crossemo.studies.run_record import RunRecord
from crossemo.version import __version__

_FALLS = {"cosine": "fell by a cosine", "linear": "fell linearly"}
_STARTS = {
    "best": "from the best weights of the stage before",
    "last": "from the last weights of the stage before",
    "scratch": "from the first weights",
}
Stage = Mapping[str, Any]


def model_sentences(records: Sequence[RunRecord]) -> Iterator[str]:
    """Yield which models there were, how they were tuned, and what read them."""
    encoders = dict.fromkeys(one.encoder for one in records if one.encoder)
    versions = {str(one.results.get("crossemo")) for one in records}
    if encoders:
        verb = "encoder was" if len(encoders) == 1 else "encoders were"
        names = (_encoder(one, versions) for one in encoders)
        yield f"The {verb} {enumerated(names)}."
    if judged := list(dict.fromkeys(one.judged for one in records if one.judged)):
        verb, pronoun = ("was", "it is") if len(judged) == 1 else ("were", "they are")
        yield (
            f"{enumerated(judged)} {verb} judged as {pronoun}, without any training on "
            "these folds."
        )
    trained = [one for one in records if one.model.get("tuning")]
    if not trained:
        return
    ways = list(dict.fromkeys(_strategy(one.model) for one in trained))
    if len(ways) == 1:
        yield f"In training, encoders were {ways[0]}."
    else:
        yield f"In training, encoders were, by strategy, {'; '.join(ways)}."
    head = stated(one.case(_head(one.model)) for one in trained)
    yield (
        f"As in SUPERB{cited_method('yang2021superb')}, the head projects each frame "
        f"to {head}."
    )


def training_sentences(records: Sequence[RunRecord]) -> Iterator[str]:
    """Yield how the stages were trained, and how weights were chosen."""
    runs = [one for one in records if any(True for _ in one.stages())]
    if not runs:
        return
    yield f"Training went {stated(one.case(_plan(one)) for one in runs)}."
    rates = f"of {_of(runs, _rate('lr'))} for the head and the layer weights"
    if inner := _of([one for one in runs if _trains_encoder(one)], _rate("encoder_lr")):
        rates += f" and of {inner} for what was trained of the encoder"
    decay = stated(one.case(_number(one.model.get("weight_decay"))) for one in runs)
    yield (
        f"It used AdamW{cited_method('loshchilov2019adamw')} with learning rates "
        f"{rates}, and a weight decay of {decay} on matrices."
    )
    yield f"Rates {_of(runs, _schedule)}."
    yield f"A batch held {_of(runs, _batch)}, and a stage took {_of(runs, _length)}."
    yield f"The loss was {_of(runs, _loss)}."
    if precision := stated(one.case(_precision(one)) for one in runs):
        yield f"Precision was {precision}."
    if clip := stated(one.case(_clipping(one)) for one in runs):
        yield f"Gradients were clipped {clip}."
    headlines = enumerated(dict.fromkeys(_headline(one) for one in runs))
    yield (
        f"Of each stage, the weights with the highest validation {headlines} on what "
        "the stage trains on (the mean, where it trains on several roles) were tested."
    )
    seeds = [one.results["seed"] for one in runs if one.results.get("seed") is not None]
    if seeds:
        noun = "Seed" if len(set(seeds)) == 1 else "Seeds"
        verb = "was" if len(set(seeds)) == 1 else "were"
        yield f"{noun} of weights and of the order of clips {verb} {spanned(seeds)}."


def _encoder(name: str, versions: set[str]) -> str:
    """Return an encoder with its weights, as far as this version's runs tell."""
    from crossemo.encoders.catalogue import CATALOGUE

    entry, citation = CATALOGUE.get(name), cited(encoder_citation(name))
    if entry is None or versions != {__version__}:
        return f"{name}{citation}"
    if entry.repository is None:
        return f"{name} (random weights, of the kind of {entry.family}{citation})"
    revision = f", revision {entry.revision[:7]}" if entry.revision else ""
    return f"{name} ({entry.repository}{revision}){citation}"


def _strategy(model: Mapping[str, Any]) -> str:
    """Return how an encoder was tuned and which hidden states were read."""
    name, options = model["tuning"], model.get("peft") or {}
    given = ", ".join(f"{key} = {value}" for key, value in options.items())
    by = f"tuned by {name}{f' ({given})' if given else ''}"
    plain = {"frozen": "kept frozen", "full": "trained as a whole"}
    tuned = plain.get(name, f"{by}{cited(tuning_citation(name))}")
    return f"{tuned}, the head reading {_layers(model)}"


def _layers(model: Mapping[str, Any]) -> str:
    layers = model.get("layers")
    if layers == "weighted":
        normed = "normalised " if model.get("layer_norm") else ""
        return f"a learnt weighted sum of all {normed}hidden states"
    return "the last hidden state" if layers == "last" else f"hidden state {layers}"


def _head(model: Mapping[str, Any]) -> str:
    pooled = {"mean": "pools them by their mean"}.get(
        str(model.get("pooling")),
        f"pools them by attentive statistics{cited_method('okabe2018pooling')}",
    )
    dropout = model.get("dropout")
    rest = f" with a dropout of {dropout:g}" if dropout else ""
    return f"{model.get('hidden')} features and {pooled}{rest}"


def _plan(record: RunRecord) -> str:
    """Return the stages of a run in words."""
    stages = list(record.stages())
    words = []
    for place, (name, stage) in enumerate(stages):
        start = str(stage["start_from"])
        whence = _STARTS.get(start, "from weights of another run")
        first = place == 0 and start in ("best", "last")
        words.append(f"{name} ({_roles(stage)}{'' if first else f', {whence}'})")
    noun = "in one stage, " if len(words) == 1 else f"in {len(words)} stages, "
    return noun + enumerated(words)


def _roles(stage: Stage) -> str:
    return f"on {enumerated(stage['data'])}"


def _of(runs: Sequence[RunRecord], phrase: Callable[[Stage, RunRecord], str]) -> str:
    """Return what is said of all stages of all runs."""
    return stated(
        _stage_case(run, name, phrase(stage, run))
        for run in runs
        for name, stage in run.stages()
    )


def _stage_case(run: RunRecord, name: str, value: str) -> Case:
    return run.case(value, stage=name)


def _rate(name: str) -> Callable[[Stage, RunRecord], str]:
    return lambda stage, _: _number(stage.get(name))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _trains_encoder(record: RunRecord) -> bool:
    return record.model.get("tuning") != "frozen" or any(
        stage.get("train") not in (None, "head", "layers")
        for _, stage in record.stages()
    )


def _schedule(stage: Stage, _: RunRecord) -> str:
    then = _FALLS.get(stage["schedule"], "were constant")
    rose = f"rose linearly over {100 * stage['warmup']:g} % of a stage's steps"
    return (
        f"{rose} and then {then}" if stage["warmup"] else f"{then} from the first step"
    )


def _batch(stage: Stage, run: RunRecord) -> str:
    processes = int((run.results.get("device") or {}).get("processes") or 1)
    steps = int(run.settings.get("trainer.accumulate_grad_batches") or 1)
    held = counted(stage["batch_size"] * processes * steps, "clip")
    seconds = run.results.get("batch_seconds")
    return f"{held}, at most {seconds:g} s long in all" if seconds else held


def _length(stage: Stage, _: RunRecord) -> str:
    bounds = []
    if stage.get("max_epochs") or not stage.get("max_steps"):
        bounds.append(counted(stage.get("max_epochs") or 10, "epoch"))
    if stage.get("max_steps"):
        bounds.append(counted(stage["max_steps"], "step"))
    patience = stage.get("patience")
    if len(bounds) == 1 and not patience:
        return bounds[0]
    length = f"at most {' or '.join(bounds)}"
    early = f", until {counted(patience or 0, 'epoch')} brought no better validation"
    return f"{length}{early}" if patience else length


def _loss(stage: Stage, run: RunRecord) -> str:
    if values := run.results.get("values"):
        return {"ccc": "1 - CCC", "mse": "the mean squared error"}.get(
            values["loss"], str(values["loss"])
        )
    balanced = stage.get("class_weights") == "balanced"
    rest = ", classes weighted by their inverse frequency" if balanced else ""
    return f"cross-entropy{rest}"


def _clipping(record: RunRecord) -> str:
    most = record.settings.get("trainer.gradient_clip_val")
    return f"to a norm of {most:g}" if isinstance(most, int | float) and most else ""


def _precision(record: RunRecord) -> str:
    precision = str(record.settings.get("trainer.precision"))
    return "" if precision in ("None", "32", "32-true") else precision


def _headline(record: RunRecord) -> str:
    return AGREEMENT if "values" in record.results else HEADLINE
