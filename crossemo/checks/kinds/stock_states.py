"""Hidden states equal those of transformers' own class."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from crossemo.checks.line import Line, judged, unlike
from crossemo.checks.subject import Subject
from crossemo.encoders.loading import stock_model
from crossemo.encoders.sources import WEIGHTS, fetch
from crossemo.errors import reason_of

_NAME = "equal to transformers' own"
_BOUND = 1e-5


def check(subject: Subject) -> Iterator[Line]:
    """Compare every state of an unpadded clip, which the stock extractor prepares."""
    family = subject.about.family
    model = subject.encoder.model
    if family.for_distances or type(model).forward is nn.Module.forward:
        why = "transformers has no class for it that gives these states."
        yield Line(_NAME, "no class", "-", "not checked", why)
        return
    clip = 0.3 * subject.noise(40) + 0.005
    try:
        stock = _stock(subject)
        expected = _states(subject, stock, clip)
    except Exception as error:  # of whatever kind a class raises that isn't ours
        why = f"transformers' class can't be asked ({reason_of(error)})."
        yield Line(_NAME, "fails", "-", "not checked", why)
        return
    states = subject.hidden_states([clip])[0]
    if len(expected) != len(states):
        measured = f"{len(states)} states"
        advice = "It gives another number of states than transformers."
        yield Line(_NAME, measured, f"{len(expected)} states", "fault", advice)
        return
    frames = min(states.shape[1], len(expected[0]))  # as a window may end sooner
    pairs = zip(states, expected, strict=True)
    differences = [unlike(ours[:frames], theirs[:frames]) for ours, theirs in pairs]
    state = max(range(len(states)), key=lambda k: differences[k])
    yield judged(
        f"{_NAME} (state {state})",
        differences[state],
        _BOUND,
        f"crossemo computes something else than {family.name} is: please report it.",
    )


def _stock(subject: Subject) -> Any:  # noqa: ANN401
    """Return transformers' model, read by transformers where it knows the folder."""
    from transformers import AutoModel

    model_class, _ = subject.about.family.architecture(
        subject.about.files, dropout=False
    )
    weights = None
    if subject.about.source.pretrained:
        weights = fetch(subject.about.source, *WEIGHTS)
    if weights is not None:
        try:
            whole = AutoModel.from_pretrained(
                weights.parent, dtype=torch.float32, trust_remote_code=False
            )
            parts = (m for m in whole.modules() if isinstance(m, model_class))  # type: ignore[arg-type]
            return next(parts).eval()
        except (OSError, StopIteration, ValueError, KeyError):
            pass  # of a type that it knows by another name
    return stock_model(subject.about).eval()


def _states(subject: Subject, model: Any, clip: Tensor) -> list[Tensor]:  # noqa: ANN401
    """Return what the first block reads and what each one gives, `(frames, width)`."""
    encoder, family = subject.encoder, subject.about.family
    states: list[Tensor] = []
    blocks = list(family.blocks(model))

    def before(_: Any, args: Any, options: Any) -> None:  # noqa: ANN401
        states.append(args[0] if args else options["hidden_states"])

    def after(_: Any, args: Any, output: Any) -> None:  # noqa: ANN401
        states.append(output[0] if isinstance(output, tuple) else output)

    hooks = [blocks[0].register_forward_pre_hook(before, with_kwargs=True)]
    hooks += [block.register_forward_hook(after) for block in blocks]
    rate = encoder.sampling_rate
    extractor = family.feature_extractor(encoder.model, rate, encoder.normalised)
    inputs = extractor(clip.numpy(), sampling_rate=rate, return_tensors="pt")
    first = next(iter(inputs))
    try:
        with torch.no_grad():
            model(inputs[first])
    finally:
        for hook in hooks:
            hook.remove()
    frames = getattr(family, "frames_of", lambda _, tokens: tokens)
    return [frames(model, state)[0].float() for state in states]
