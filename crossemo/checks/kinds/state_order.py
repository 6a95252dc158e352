"""One state for every block and one below them, in order, none of them constant."""

import re
from collections.abc import Iterator, Sequence

from torch import Tensor, nn

from crossemo.checks.line import Line, counted, unlike
from crossemo.checks.subject import Subject

_ORDER = "states in the order of the blocks"
_NUMBER = "a state for every block"
_SWAMPED = 1e7


def check(subject: Subject) -> Iterator[Line]:
    """Look at which parameters states depend on, and whether they say anything."""
    yield _varied(subject)
    states = subject.encoder.num_states
    if states == 1:
        why = "There is one state."
        if subject.by_user:
            why += " hidden_states(audio, lengths) would give the others."
        yield Line(_ORDER, "1 state", "-", "not checked", why)
        return
    if subject.reach is None:
        why = "The encoder keeps no graph, so nobody can tell what states depend on."
        yield Line(_ORDER, "no gradients", "-", "not checked", why)
        return
    name, count, passed = _blocks(subject.encoder.model, subject.reach)
    lost = [f"{k} lacks what {k - 1} has" for k in _losses(subject.reach)]
    if not name:
        advice = "Each state builds on the one below: hand them over in that order."
        yield counted(_ORDER, lost, advice, f"{states} states")
        return
    strange = lost or _out_of_order(passed)
    yield counted(
        _ORDER,
        strange,
        "State 0 is what the first block reads, state k what block k gives: hand each "
        "one over once and in this order.",
        f"{states} states of {name}",
    )
    right = states == count + 1
    yield Line(
        _NUMBER,
        f"{states} states",
        f"{count} blocks and 1",
        "sound" if right else "fault",
        ""
        if right
        else f"There are {count} blocks in {name}: give what the first one "
        "reads and what each of them gives, nothing else.",
    )


def _varied(subject: Subject) -> Line:
    """Return the line of states that are the same for all clips, or all frames."""
    one, other = (
        subject.hidden_states([subject.noise(20, seed)])[0] for seed in (0, 1)
    )
    flat = [f"{k} over clips" for k in range(len(one)) if _alike(one[k], other[k])]
    flat += [f"{k} over time" for k, s in enumerate(one) if _alike(s[1:], s[:-1])]
    flat += [
        f"{k} repeats {k - 1}" for k in range(1, len(one)) if _alike(one[k], one[k - 1])
    ]
    sizes = [float(state.double().norm()) for state in one]
    flat += [  # float32 holds seven digits, so nothing of the state below is left
        f"{k} drowns {k - 1}"
        for k in range(1, len(one))
        if sizes[k] > _SWAMPED * sizes[k - 1]
    ]
    strange = [f"{k} no numbers" for k, s in enumerate(one) if not s.isfinite().all()]
    return counted(
        "states say something",
        strange + flat,
        "They hold no numbers, or the same ones whatever is heard: look for weights "
        "that were not loaded, or a state handed over twice.",
        f"{len(one)} vary",
    )


def _alike(one: Tensor, other: Tensor) -> bool:
    return len(one) > 0 and unlike(one, other) <= 1e-6


def _losses(reach: Sequence[set[str]]) -> list[int]:
    return [k for k in range(1, len(reach)) if not reach[k - 1] <= reach[k]]


def _blocks(
    model: nn.Module, reach: Sequence[set[str]]
) -> tuple[str, int, list[set[int]]]:
    """Return the list of blocks that states lie between, and which each has passed.

    Returns:
        Its name, how many blocks it has, and their numbers by state; no name where no
        list is passed step by step.
    """
    for name, module in sorted(model.named_modules(), key=lambda pair: len(pair[0])):
        if not isinstance(module, nn.ModuleList | nn.Sequential) or len(module) < 2:
            continue
        pattern = re.compile(re.escape(name) + r"\.(\d+)\.")
        passed = [
            {int(m[1]) for key in keys if (m := pattern.match(key))} for keys in reach
        ]
        if len(set(map(len, passed))) > 1 and len({type(m) for m in module}) == 1:
            return name, len(module), passed
    return "", 0, []


def _out_of_order(passed: Sequence[set[int]]) -> list[str]:
    return [
        f"{state} has passed blocks {', '.join(map(str, sorted(blocks))) or 'none'}"
        for state, blocks in enumerate(passed)
        if blocks != set(range(state))
    ]
