"""Evaluated, an encoder says the same of a clip each time."""

from collections.abc import Iterator

from crossemo.checks.line import Line, counted, judged, unlike
from crossemo.checks.subject import Subject, chance

TIMES = 12


def check(subject: Subject) -> Iterator[Line]:
    """Hear a clip several times, with other random numbers each time."""
    encoder = subject.encoder
    encoder.train()  # which a frozen encoder takes no notice of
    subject.hidden_states([subject.noise(12)])
    modes = [n for n, module in encoder.model.named_modules() if module.training]
    yield counted(
        "parts in training mode",
        modes,
        "eval() must reach every part: don't override train(), nor call it in forward.",
        "none",
    )
    encoder.eval()
    clip = [subject.noise(40)]
    first = subject.hidden_states(clip)[0]
    worst = 0.0
    for seed in range(1, TIMES):
        with chance(seed):
            worst = max(unlike(subject.hidden_states(clip)[0], first), worst)
    yield judged(
        "the same clip again",
        worst,
        1e-6,
        "Something is random in evaluation: dropout that doesn't look at "
        "self.training, layers or time left out at random, or training mode.",
    )
