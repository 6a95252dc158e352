"""The corpora that a config may name."""

from crossemo.corpora.demo import Demo
from crossemo.corpora.ravdess import RAVDESS

__all__ = ["RAVDESS", "Demo"]
