"""Check that an encoder is what it says: crossemo check ENCODER."""

from dataclasses import asdict
from pathlib import Path

import torch

from crossemo.checks import Line, check_encoder
from crossemo.commands.devices import device_of
from crossemo.commands.parser import Parser, Threads
from crossemo.errors import CrossEmoError, listed
from crossemo.files import expanded, from_here, write_csv
from crossemo.report.checks import checks_table
from crossemo.report.tables import show


def main(typed: list[str]) -> None:
    """Run `check`."""
    parser = Parser(prog="crossemo check")
    parser.add_function_arguments(check, as_positional=True, skip={"strict"})
    notes = "End with an error where there is a note, too."
    parser.add_argument("--strict", action="store_true", help=notes)
    parser.add_argument("--threads", type=Threads | None, help="CPU threads.")
    options = parser.instantiate_classes(parser.parse_args(typed)).as_dict()
    if threads := options.pop("threads"):
        torch.set_num_threads(threads)
    check(**options)


def check(
    encoder: str,
    rate: int | None = None,
    device: str | None = None,
    save: Path | None = None,
    strict: bool = False,
) -> list[Line]:
    """Check what of an encoder can silently be wrong.

    It is loaded twice and hears clips of noise; nothing is downloaded but itself.

    Args:
        encoder: A name from the catalogue, a hub id, a local folder, or a class in a
            file of yours, `my_encoder.py:MyEncoder`, which is run.
        rate: Sampling rate in Hz that its weights were trained on, if that isn't its
            family's.
        device: Where it runs; `cuda` where there is a GPU, and else `cpu`.
        save: Write the table as CSV.
        strict: End with an error where there is a note, too.

    Returns:
        The lines of the table.

    Raises:
        CrossEmoError: There is a fault, or no such encoder.
    """
    lines = check_encoder(encoder, device_of(device), rate)
    rows = [asdict(line) for line in lines]
    show(checks_table(rows))
    for line in lines:
        if line.advice:
            print(f"{line.check}: {line.verdict}. {line.advice}")
    if save is not None:
        write_csv(expanded(save), rows)
        print(f"Saved: {from_here(expanded(save))}")
    if any(line.measured == "refused" for line in lines):
        raise CrossEmoError(f"{encoder} can't be loaded, so nothing of it was checked.")
    bad = ("fault", "note") if strict else ("fault",)
    wrong = [line.check for line in lines if line.verdict in bad]
    if wrong:
        raise CrossEmoError(
            f"{encoder} is not sound ({listed(wrong, 4)}): see what the table advises."
        )
    print(f"{encoder} is sound.")
    return lines
