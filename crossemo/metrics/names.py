"""Names of scores, apart from their computation, so that a table needs no torch."""

from typing import Literal

ScoreName = Literal["UA", "WA", "macro_F1"]
HEADLINE: ScoreName = "UA"  # by which models are chosen and layers compared
AGREEMENT = "CCC"  # the same of values: the mean over the outputs
LEVEL = 0.95  # of the intervals of all scores
# In words, and as Hugging Face's metrics are called, where there is such a one.
IN_WORDS = {
    "UA": ("unweighted average recall", "recall"),
    "WA": ("accuracy", "accuracy"),
    "macro_F1": ("macro F1", "f1"),
}
