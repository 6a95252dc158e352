"""How far two domains lie apart in a hidden state, emotion by emotion."""

from crossemo.similarity.clips import compare_clips
from crossemo.similarity.frames import compare_frames
from crossemo.similarity.settings import DEFAULTS, Settings
from crossemo.similarity.tables import Row, corrected
from crossemo.similarity.warnings import warnings_of

__all__ = [
    "DEFAULTS",
    "Row",
    "Settings",
    "compare_clips",
    "compare_frames",
    "corrected",
    "warnings_of",
]
