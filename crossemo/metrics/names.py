"""Names of scores, apart from their computation, so that a table needs no torch."""

from typing import Literal

ScoreName = Literal["UA", "WA", "macro_F1"]
HEADLINE: ScoreName = "UA"  # by which models are chosen and layers compared
AGREEMENT = "CCC"  # the same of values: the mean over the outputs
LEVEL = 0.95  # of the intervals of all scores
