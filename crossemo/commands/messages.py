"""What a user reads: a sentence for a mistake, no warning of what can't be mended."""

import errno
import logging
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from crossemo.errors import own_sentence

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_IGNORED = (
    "Found .* in eval mode",  # as frozen encoders are
    ".*not supported by the model summary",
    "Sparse invariant checks",  # of peft's SHiRA
    # The scores come from the state of all processes and are the same in each.
    "It is recommended to use `self.log",
    "You called `self.log.*but have no logger",
    "The dirpath has changed",  # as each test's does
    # A run that goes on at the end of its last epoch has nothing left of it.
    "Total length of .* across ranks is zero",
)


@contextmanager
def one_sentence() -> Iterator[None]:
    """Exit with one sentence where a user's mistake or a full disk ends a command."""
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        sys.exit(
            "crossemo: There is no space left to write to. What was saved before is "
            "whole: make room and go on with --ckpt_path last."
        )
    except ValueError as error:
        # jsonargparse keeps only the text of what a class among several refuses.
        refusal = re.search(r"- (.+ may be in one part only\.)", str(error))
        if sentence := own_sentence(error) or (refusal and refusal[1]):
            sys.exit(f"crossemo: {sentence}")
        raise


def quieten() -> None:
    """Let crossemo speak, and silence what a user can't mend."""
    logger = logging.getLogger("crossemo")
    logger.setLevel(logging.INFO)
    if not logger.handlers:
        logger.addHandler(logging.StreamHandler())
    warnings.filterwarnings("ignore", ".*LeafSpec.*is deprecated", FutureWarning)
    for message in _IGNORED:
        warnings.filterwarnings("ignore", message)
    for name in ("lightning.pytorch.utilities.rank_zero", "lightning.pytorch"):
        logging.getLogger(name).addFilter(_no_advertisement)


def _no_advertisement(record: logging.LogRecord) -> bool:
    return "Tip:" not in record.msg
