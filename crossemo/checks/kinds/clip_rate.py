"""The sampling rate is the one that the weights were trained on."""

from collections.abc import Iterator
from typing import Any

from crossemo.checks.extractor_settings import extractor_settings
from crossemo.checks.line import Line, Verdict
from crossemo.checks.subject import Subject
from crossemo.encoders.catalogue import RATES
from crossemo.errors import listed

_NAMES = ("sampling_rate", "sample_rate")
_ADVICE = (
    "Resampled to a wrong rate, clips sound faster or slower than anything that the "
    "weights have heard: set the rate that they were trained on, or name it with "
    "--rate if this is it."
)


def check(subject: Subject) -> Iterator[Line]:
    """Compare the rate with the family's; a user's with its own frames and parts."""
    rate = subject.encoder.sampling_rate
    if subject.rate is not None or not subject.by_user:
        expected = subject.rate or subject.about.family.sampling_rate
        verdict: Verdict = "sound" if rate == expected else "fault"
        advice = "" if rate == expected else _ADVICE
        yield Line("sampling rate", f"{rate} Hz", f"{expected} Hz", verdict, advice)
    if subject.by_user:
        yield _hop(subject)
        yield _parts(subject)


def _hop(subject: Subject) -> Line:
    rate, declared = subject.encoder.sampling_rate, subject.encoder.model.hop
    near, far = subject.samples(40), subject.samples(140)
    counts = subject.encoder.count_frames([near, far])
    measured = (far - near) / max(counts[1] - counts[0], 1)
    close = abs(measured / declared - 1) <= 0.03  # a frame of a hundred, and a bit
    return Line(
        "samples of a frame",
        f"{measured:.0f} ({1000 * measured / rate:.1f} ms)",
        f"{declared:.0f} ({1000 * declared / rate:.1f} ms)",
        "sound" if close else "fault",
        ""
        if close
        else "sampling_rate and hop_size_in_ms don't go with the frames: "
        "one of them is another encoder's.",
    )


def _parts(subject: Subject) -> Line:
    """Return the line of rates that parts of a user's encoder say."""
    code, rate = subject.about.source.code, subject.encoder.sampling_rate
    parts: list[Any] = [part for _, part in subject.encoder.model.encoder_parts()]
    rates = {
        value
        for part in parts
        for name in _NAMES
        if isinstance(value := getattr(part, name, None), int) and value in RATES
    }
    rates |= {r for part in parts if (r := _of_folder(part)) is not None}
    others = sorted(rates - {rate})
    resampled = code is not None and b"resample" in code.content.lower()
    verdict: Verdict = "sound"
    if others:  # a word in its code is no proof that clips are resampled
        verdict = "note" if resampled else "fault"
    names = listed([f"{one} Hz" for one in sorted(rates)])
    advice = "" if verdict == "sound" else _ADVICE
    return Line("rates that its parts say", names, f"{rate} Hz", verdict, advice)


def _of_folder(part: object) -> int | None:
    """Return the rate beside the weights of a model of transformers, if it is there."""
    return extractor_settings(part).get("sampling_rate")
