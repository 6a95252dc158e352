"""Probes: small classifiers on every layer of a frozen encoder, trained together."""

from crossemo.probes.module import LayerwiseProbes

__all__ = ["LayerwiseProbes"]
