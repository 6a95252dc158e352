"""Acoustic features that hidden states are compared with."""

from crossemo.features.acoustics.egemaps import AcousticsError
from crossemo.features.acoustics.references import ACOUSTICS, Acoustics, Feature

__all__ = ["ACOUSTICS", "Acoustics", "AcousticsError", "Feature"]
