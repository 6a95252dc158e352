"""Runs of the command line in forks, which have all imports behind them."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from lightning.fabric.utilities.rank_zero import rank_zero_only

from crossemo.cli import main


def begin(folder: Path, typed: list[str], env: Mapping[str, str] | None = None) -> int:
    """Return the number of a process that runs; what it prints goes to `output`."""
    child = os.fork()
    if child:
        return child
    os.chdir(folder)
    os.environ.update(env or {})
    # Lightning has read it when it was imported.
    vars(rank_zero_only)["rank"] = int((env or {}).get("RANK", 0))
    with Path("output").open("a") as output:
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
        code = 0
        try:
            sys.argv[1:] = typed
            main()
        except SystemExit as exit:
            code = exit.code if isinstance(exit.code, int) else int(bool(exit.code))
            print(exit.code, file=sys.stderr)
        except BaseException as error:
            code = 1
            print(repr(error), file=sys.stderr)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # a fork must never come back


def begin_together(folder: Path, typed: list[str], processes: int) -> list[int]:
    """Return the numbers of the processes of one run, as torchrun starts them."""
    shared = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(20_000 + os.getpid() % 20_000),
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        "TORCHELASTIC_RUN_ID": "test",
        "GROUP_RANK": "0",
    }
    typed = [*typed, f"--trainer.devices={processes}", "--trainer.strategy=ddp"]
    ranks = [{"RANK": str(r), "LOCAL_RANK": str(r)} for r in range(processes)]
    return [begin(folder, typed, shared | rank) for rank in ranks]


def end(child: int) -> int:
    """Wait for a process and return how it ended."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def run(folder: Path, typed: list[str], processes: int = 1) -> None:
    """Run in one process or in several, as torchrun starts them."""
    if processes == 1:
        codes = [end(begin(folder, typed))]
    else:
        codes = [end(child) for child in begin_together(folder, typed, processes)]
    assert codes == [0] * processes, (folder / "output").read_text()[-3000:]
