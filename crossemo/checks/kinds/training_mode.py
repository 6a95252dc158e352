"""In training, nothing is left out at random besides dropout."""

from collections.abc import Iterator

from torch import nn

from crossemo.checks.line import Line, judged, unlike
from crossemo.checks.subject import Subject, chance
from crossemo.encoders.encoder import SSLEncoder

TIMES = 24  # a layer left out with a probability of 0.1 shows in nine of ten


def check(subject: Subject) -> Iterator[Line]:
    """Hear a clip in training mode several times, with all dropout off."""
    encoder = subject.load_tuned()
    if subject.by_user:
        _without_dropout(encoder)
    encoder.train()
    clip = [subject.noise(40)]
    with chance(0):
        first = subject.hidden_states(clip, encoder)[0]
    worst = 0.0
    for seed in range(1, TIMES):
        with chance(seed):
            worst = max(unlike(subject.hidden_states(clip, encoder)[0], first), worst)
    yield judged(
        "layers or time left out in training",
        worst,
        1e-6,
        "Set layerdrop, mask_time_prob and mask_feature_prob to 0 in the "
        "configuration: they change hidden states as soon as anything is trained.",
    )


def _without_dropout(encoder: SSLEncoder) -> None:
    """Switch off what goes by that name, in modules and configurations."""
    for module in encoder.model.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.p = 0.0
        for owner in (module, getattr(module, "config", None)):
            for name, value in vars(owner).items() if owner is not None else ():
                if "dropout" in name and isinstance(value, float):
                    setattr(owner, name, 0.0)
