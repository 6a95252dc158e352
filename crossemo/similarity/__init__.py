"""How far two domains lie apart in a hidden state, emotion by emotion."""

from crossemo.similarity.cautions import warnings_of
from crossemo.similarity.compare import compare_clips, compare_frames
from crossemo.similarity.domains import Domain, FrameDomain
from crossemo.similarity.settings import DEFAULTS, Settings
from crossemo.similarity.tables import Row, corrected, domains_of

__all__ = [
    "DEFAULTS",
    "Domain",
    "FrameDomain",
    "Row",
    "Settings",
    "compare_clips",
    "compare_frames",
    "corrected",
    "domains_of",
    "warnings_of",
]
