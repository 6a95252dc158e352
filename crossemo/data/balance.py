"""How often clips are drawn, so that no corpus or class drowns the others."""

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from crossemo.data.examples import Example
from crossemo.errors import CrossEmoError

Balance = Literal["none", "corpora", "classes", "both"]


def check_balance(balance: str, strength: float) -> None:
    """Refuse what is no way of balancing.

    Raises:
        CrossEmoError: There is no such way, or the strength is not from 0 to 1.
    """
    if balance not in get_args(Balance):
        raise CrossEmoError(
            f"Unknown balance {balance!r}: choose none, corpora, classes or both."
        )
    if not 0 <= strength <= 1:
        raise CrossEmoError(
            f"balance_strength is {strength:g}: choose a number from 0 to 1."
        )


def shares(
    examples: Sequence[Example], balance: Balance, strength: float = 1.0
) -> NDArray[np.float64]:
    """Return the probability by which each clip is drawn, `(clips,)`.

    A clip's probability is proportional to `1 / n^strength`, where n is

    * under `corpora`, the number of clips of its corpus,
    * under `classes`, that of its class, whichever the corpus,
    * under `both`, that of its class in its corpus times the number of classes that
      this corpus has: every corpus is then drawn equally often, and in it every class.

    Args:
        examples: The clips of a training part.
        balance: What is evened out.
        strength: 1 evens it out wholly, 0 not at all.

    Raises:
        CrossEmoError: Classes should be balanced, and the clips have none.

    >>> clips = [Example(None, "", target, "", corpus=c) for target, c in ((0, "a"),
    ...     (0, "a"), (1, "a"), (0, "b"))]
    >>> shares(clips, "both").round(3).tolist()
    [0.125, 0.125, 0.25, 0.5]
    """
    if balance in ("classes", "both") and not isinstance(examples[0].target, int):
        raise CrossEmoError(
            f"data.balance is {balance}, and values have no classes: choose corpora "
            "or none."
        )
    counts = np.ones(len(examples))
    if balance == "corpora":
        counts = _counts([one.corpus for one in examples])
    elif balance == "classes":
        counts = _counts([one.target for one in examples])
    elif balance == "both":
        cells = [(one.corpus, one.target) for one in examples]
        classes = Counter(corpus for corpus, _ in set(cells))
        counts = _counts(cells) * [classes[corpus] for corpus, _ in cells]
    weights: NDArray[np.float64] = counts**-strength
    total: float = weights.sum()
    shares: NDArray[np.float64] = weights / total
    return shares


def _counts(names: Sequence[Hashable]) -> NDArray[np.float64]:
    times = Counter(names)
    return np.array([times[name] for name in names], dtype=np.float64)
