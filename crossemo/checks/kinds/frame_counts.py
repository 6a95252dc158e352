"""As many frames as the encoder counts, and every one of them the clip's."""

from collections.abc import Iterator

import torch

from crossemo.checks.line import Line, counted
from crossemo.checks.subject import Subject

_ADVICE = (
    "The mask or count_frames is wrong: pooling would take in frames of padding, or "
    "leave out the clip's last."
)


def check(subject: Subject) -> Iterator[Line]:
    """Compare the frames of clips alone, beside others, and as they are counted."""
    encoder, least = subject.encoder, subject.encoder.min_samples
    hop = max(round(subject.hop), 1)
    lengths = sorted({least, least + 1, least + hop - 1, least + hop})
    lengths += [subject.samples(n) for n in (7.5, 20.3, 33)]
    counts = encoder.count_frames(lengths)
    waveforms = torch.zeros(len(lengths), max(lengths), device=subject.device)
    waveforms[:] = subject.noise(34)[: max(lengths)]
    together, mask = encoder(waveforms, torch.tensor(lengths))
    wrong, masked = [], []
    for row, (length, count) in enumerate(zip(lengths, counts, strict=True)):
        alone, inside = encoder(
            waveforms[row : row + 1, :length], torch.tensor([length])
        )
        if alone.shape[2] != count or not inside.all():
            wrong.append(f"{alone.shape[2]} of {length} samples, counted {count}")
        expected = torch.arange(mask.shape[1], device=mask.device) < alone.shape[2]
        if not torch.equal(mask[row], expected):
            masked.append(f"{int(mask[row].sum())} of {alone.shape[2]} frames")
    rest = f"{len(lengths)} lengths"
    yield counted("frames as they are counted", wrong, _ADVICE, rest)
    yield counted("mask of padded clips", masked, _ADVICE, rest)
    enough = encoder.num_states == len(together)
    yield Line(
        "number of states",
        str(len(together)),
        str(encoder.num_states),
        "sound" if enough else "fault",
        "" if enough else "It gives another number of states than it says.",
    )
