"""transformers' models in a user's encoder compute what their folders say."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from crossemo.checks.line import Line, judged, unlike
from crossemo.checks.subject import Subject
from crossemo.errors import reason_of

_NAME = "models as their folders say"
_BOUND = 1e-5


class _Call(NamedTuple):
    """What a module was given, and what it gave."""

    args: tuple[Any, ...]
    options: Mapping[str, Any]
    output: Any


def check(subject: Subject) -> Iterator[Line]:
    """Give a model read anew from its folder what the user's code gave its own."""
    if not subject.by_user:
        return
    model = subject.encoder.model
    roots: list[str] = []
    for place, module in model.named_modules():
        inside = any(place.startswith(f"{root}.") for root in roots)
        if not inside and _folder(module) is not None:
            roots.append(place)
    for place in roots:
        yield _compared(subject, model.get_submodule(place))


def _folder(module: nn.Module) -> Path | None:
    """Return the local folder that a model of transformers was read from, if any."""
    from transformers import PreTrainedModel

    name = module.name_or_path if isinstance(module, PreTrainedModel) else ""
    return Path(name) if name and (Path(name) / "config.json").is_file() else None


def _compared(subject: Subject, model: Any) -> Line:  # noqa: ANN401
    try:
        stock = type(model).from_pretrained(
            _folder(model), dtype=torch.float32, trust_remote_code=False
        )
    except Exception as error:  # of whatever kind a library raises
        why = f"It can't be read again ({reason_of(error)})."
        return Line(_NAME, "fails", "-", "not checked", why)
    if not _built_alike(model, stock):
        why = "Parts of it were replaced or taken away since it was read."
        return Line(_NAME, "another shape", "-", "not checked", why)
    place, call = _first_call(subject, model)
    if call is None:
        why = "Its parts are called one by one."
        return Line(_NAME, "not called", "-", "not checked", why)
    # Weights have lines of their own.
    stock.load_state_dict(model.state_dict(), strict=False)
    stock = stock.to(subject.device).eval()
    try:
        with torch.no_grad():
            expected = stock.get_submodule(place)(*call.args, **call.options)
    except Exception as error:  # of whatever kind a library raises
        why = f"It can't be asked again ({reason_of(error)})."
        return Line(_NAME, "fails", "-", "not checked", why)
    pairs = zip(_floating(call.output), _floating(expected), strict=False)
    return judged(
        _NAME,
        max((unlike(*pair) for pair in pairs), default=float("inf")),
        _BOUND,
        "Read from the same folder, a model gives something else of the same input: "
        "leave its configuration and its blocks as they are read.",
    )


def _built_alike(model: nn.Module, stock: nn.Module) -> bool:
    """Return whether a model has the parts of another, and tensors of their shapes.

    It may lack what masking alone needs, which is no part.
    """
    ours, theirs = (
        {name: tensor.shape for name, tensor in one.state_dict().items()}
        for one in (model, stock)
    )
    parts, others = (
        [name for name, _ in one.named_modules()] for one in (model, stock)
    )
    return parts == others and ours.items() <= theirs.items()


def _first_call(subject: Subject, model: Any) -> tuple[str, _Call | None]:  # noqa: ANN401
    """Return the first call of a model, or of one that is a part of it."""
    from transformers import PreTrainedModel

    begun: list[str] = []
    calls: dict[str, _Call] = {}
    hooks = []
    for place, module in model.named_modules():
        if not isinstance(module, PreTrainedModel):
            continue

        def before(_: Any, args: Any, place: str = place) -> None:  # noqa: ANN401
            begun.append(place)

        def after(
            _: Any,  # noqa: ANN401
            args: Any,  # noqa: ANN401
            options: Any,  # noqa: ANN401
            output: Any,  # noqa: ANN401
            place: str = place,
        ) -> None:
            calls.setdefault(place, _Call(args, options, output))

        hooks.append(module.register_forward_pre_hook(before))
        hooks.append(module.register_forward_hook(after, with_kwargs=True))
    try:
        subject.hidden_states([subject.noise(20)])
    finally:
        for hook in hooks:
            hook.remove()
    place = begun[0] if begun else ""
    return place, calls.get(place)


def _floating(output: Any) -> list[Tensor]:  # noqa: ANN401
    leaves = output.values() if isinstance(output, Mapping) else tree_leaves(output)
    leaves = [leaf for one in leaves for leaf in tree_leaves(one)]
    return [
        one for one in leaves if isinstance(one, Tensor) and one.is_floating_point()
    ]
