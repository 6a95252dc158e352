"""Acoustic features that hidden states are compared with."""

from crossemo.acoustics.catalogue import ACOUSTICS, Feature
from crossemo.acoustics.egemaps import AcousticsError
from crossemo.acoustics.extractor import Acoustics

__all__ = ["ACOUSTICS", "Acoustics", "AcousticsError", "Feature"]
