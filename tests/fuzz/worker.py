"""A process that tries out inputs and may die: `python -m tests.fuzz.worker`."""

import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.fuzz import kinds
from tests.fuzz.trial import limit_memory, try_out


def main() -> None:
    """Try out the inputs whose numbers come in; answer with what became of each."""
    kind, (seed, memory) = sys.argv[1], map(int, sys.argv[2:])
    answers = os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):  # decoders complain there
        os.dup2(nowhere, stream)
    os.environ["CROSSEMO_TRACEBACK"] = "1"
    with TemporaryDirectory(prefix="fuzz-cache-") as cache:
        os.environ["CROSSEMO_CACHE"] = cache
        kinds.kind(kind)
        limit_memory()
        print("ready", file=answers, flush=True)
        for line in sys.stdin:
            with TemporaryDirectory(prefix="fuzz-", ignore_cleanup_errors=True) as home:
                outcome = try_out(kind, seed, int(line), Path(home), memory)
            print(json.dumps(outcome), file=answers, flush=True)


if __name__ == "__main__":
    main()
