"""What the pages of the docs have a reader type, and which tests run it."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FIT = "fit --config configs/ravdess_speech_to_song.yaml"
# tests/test_pages_run.py types these pages, of their trainings the ones below.
TYPED = (
    *("first-run", "recognise", "export", "reliability", "judge", "audit"),
    *("own-encoder", "encoders"),
)
LONG = ("check", "download", "fit", "validate")
TRAININGS = (
    FIT,
    f"{FIT} --model.tuning full --name whole",
    f"{FIT} --model.tuning houlsby --model.peft.size 64",
)
# Who runs the like of all others on little data; tests/test_docs.py parses them too.
ELSEWHERE = {
    "--help|--version": "tests/commands/test_table.py",
    "download": "tests/commands/test_download.py",  # of a server on this machine
    "data": "tests/commands/test_data.py",
    "cache": "tests/cache/test_entries.py",
    "check": "tests/commands/test_check.py",
    "fad": "tests/commands/test_fad.py",
    "compare": "tests/test_layerwise_run.py",
    "grid .*--cluster": "tests/cluster/test_slurm.py",  # where SLURM is
    "grid|report": "tests/test_paper_configs.py",
    "validate .*--fad.(part|unit)": "tests/test_two_processes.py",
    "fit .*--print_config": "tests/test_cli.py",
    "fit .*--trainer.(devices|num_nodes)": "tests/test_two_processes.py",  # no GPUs
    "fit .*--ckpt_path last": "tests/test_resume.py",
    "fit .*--data.fold all": "tests/commands/test_grid.py",
    "fit .*layerwise/": "tests/test_layerwise_run.py",
    "fit .*corpora/": "tests/test_corpus_configs.py",
    "fit .*values.yaml": "tests/test_values_run.py",
    "fit .*strategies/": "tests/test_strategies.py",
    "fit .*--data.split kfold": "tests/test_values_run.py",
    "fit .*--data.split leave_one_out": "tests/test_cli.py",
    "fit .*--data.task": "tests/tasks/test_classes.py",
    "fit .*--fad.": "tests/callbacks/test_fad.py",
    "fit .*--model.(tuning|peft)": "tests/encoders/tuning/test_adapters.py",
    "fit .*owner/name": "tests/encoders/test_sources.py",  # no hub here
    "fit .*(--model.encoder|--data SpeechEmotionDataModule)": "tests/test_cli.py",
    "fit .*--seed_everything": "tests/test_cli.py",
    "fit --config configs/(demo|ravdess_song_to_speech).yaml": "tests/test_cli.py",
}


def steps(page: Path) -> Iterator[list[str] | str]:
    """Yield the commands of a page, as words behind the program, and its Python."""
    for language, block in FENCED.findall(page.read_text("utf-8")):
        if language == "python":
            yield block
        elif language == "bash":
            yield from commands(block)


def commands(block: str) -> Iterator[list[str]]:
    """Yield what is typed behind `lightning` or `crossemo`."""
    for line in re.split(r"\n| && ", block.replace("\\\n", " ")):
        words = shlex.split(line, comments=True)
        for name in ("lightning", "crossemo"):
            if name in words:
                yield words[words.index(name) + 1 :]


def typed(page: str) -> Iterator[list[str] | str]:
    """Yield what tests/test_pages_run.py types of a page."""
    for step in steps(ROOT / "docs" / f"{page}.md"):
        if isinstance(step, str):
            if "owner/name" not in step:  # of the hub
                yield step
        elif step[0] not in LONG or " ".join(step) in TRAININGS:
            yield step
