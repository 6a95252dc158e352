"""How far two domains lie apart in a hidden state, emotion by emotion."""

from crossemo.similarity.compare import compare_clips, compare_frames
from crossemo.similarity.settings import DEFAULTS, Settings
from crossemo.similarity.tables import Row, corrected, warnings_of

__all__ = [
    "DEFAULTS",
    "Row",
    "Settings",
    "compare_clips",
    "compare_frames",
    "corrected",
    "warnings_of",
]
