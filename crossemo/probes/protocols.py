"""The heads of probes: how those of each come about, and which options it uses."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Literal

from crossemo.errors import CrossEmoError
from crossemo.probes.base import ProbeProtocol
from crossemo.probes.linear import SolvedProtocol
from crossemo.probes.superb import TrainedProtocol

ProbeHead = Literal["linear", "superb"]
PROTOCOLS: dict[ProbeHead, type[ProbeProtocol]] = {
    "linear": SolvedProtocol,
    "superb": TrainedProtocol,
}


def options_of(head: ProbeHead) -> dict[str, Any]:
    """Return the options that a head alone uses, with their defaults."""
    return {field.name: field.default for field in fields(PROTOCOLS[head])}


def settings_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of `LayerwiseProbes` that count for its head, sorted."""
    others = [head for head in PROTOCOLS if head != options["head"]]
    unused = {name for head in others for name in options_of(head)}
    return {name: options[name] for name in sorted({*options} - unused)}


def compared_settings(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that make runs on two encoders comparable, sorted."""
    names = {"head", "pooling", "speaker_norm", *options_of(options["head"])}
    return {name: options[name] for name in sorted(names)}


def protocol_of(head: ProbeHead, options: Mapping[str, Any]) -> ProbeProtocol:
    """Return the protocol of a head.

    Args:
        head: Name of the head.
        options: All options of `LayerwiseProbes`, by name.

    Raises:
        CrossEmoError: An option is another head's, or wrong.
    """
    for other in PROTOCOLS:
        for name, default in options_of(other).items():
            if other != head and _plain(options[name]) != default:
                raise CrossEmoError(
                    f"model.{name} is an option of the {other} head, and {head} has no "
                    f"use for it: leave it out, or give --model.head {other}."
                )
    return PROTOCOLS[head](**{name: _plain(options[name]) for name in options_of(head)})


def _plain(value: Any) -> Any:  # noqa: ANN401
    """Return a list of a YAML as the tuple that it stands for."""
    return tuple(value) if isinstance(value, list) else value
