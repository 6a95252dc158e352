"""What a user reads: a sentence for a mistake, no warning of what can't be mended."""

import errno
import logging
import os
import re
import shlex
import signal
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import mkstemp

from crossemo.commands.streams import drop_output
from crossemo.errors import crossemo_sentence, reason_of
from crossemo.version import __version__

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# What torch says of it, on a GPU or on the CPU.
_NO_MEMORY = re.compile("out of memory|can't allocate memory|std::bad_alloc")
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
    """Exit with one sentence where an error ends a command.

    A mistake of the user's, the system's refusal and a lack of memory are said as what
    they are. Whatever else comes is a fault of crossemo's: its traceback goes to a
    file, or with `CROSSEMO_TRACEBACK` in the environment to where it always goes.
    """
    try:
        try:
            yield
        finally:
            sys.stdout.flush()  # at the interpreter's end it would be too late to say
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except BrokenPipeError:
        drop_output()
        sys.exit(128 + signal.SIGPIPE)
    except Exception as error:
        sentence = sentence_of(error)
        if sentence is None and os.environ.get("CROSSEMO_TRACEBACK"):
            raise
        drop_output()
        sys.exit(f"crossemo: {sentence or _fault(error)}")


def sentence_of(error: Exception) -> str | None:
    """Return what a user should read of an error; None if crossemo is at fault."""
    if sentence := crossemo_sentence(error):
        return sentence
    if isinstance(error, OSError) and error.errno in _FULL:
        return (
            "There is no space left to write to. What was saved before is whole: make "
            "room and begin again, a fit that was under way with --ckpt_path last."
        )
    if isinstance(error, OSError) and error.errno is not None:
        place = f"{os.fsdecode(error.filename)}: " if error.filename else ""
        return f"{place}{reason_of(error)}."
    if isinstance(error, UnicodeEncodeError) and error.encoding != "utf-8":
        return (
            f"Names of files can't be other than {error.encoding} in this locale: set "
            "PYTHONUTF8=1, or a locale of UTF-8."
        )
    if isinstance(error, MemoryError) or _NO_MEMORY.search(str(error)):
        return (
            "There is not enough memory: choose a smaller data.batch_size, a smaller "
            "encoder or a machine with more."
        )
    return None


def _fault(error: Exception) -> str:
    """Write the traceback to a file; return a sentence that names it."""
    kind = f"{type(error).__name__}: {error}".partition("\n")[0]
    lines = "".join(traceback.format_exception(error))
    try:
        descriptor, path = mkstemp(prefix="crossemo-", suffix=".txt")
        with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"crossemo {__version__}: {shlex.join(sys.argv)}\n{lines}")
    except OSError:
        print(lines, file=sys.stderr)
        path = "what stands above"
    return (
        f"A fault of crossemo's, not yours ({kind}). Please report it with {path}, "
        "which says where it arose."
    )


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
