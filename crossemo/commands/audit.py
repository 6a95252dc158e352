"""Measure how many points leaky protocols are worth: crossemo audit --config DATA."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from crossemo.audits.audit_options import AuditOptions
from crossemo.audits.audited_features import AuditedFeatures
from crossemo.audits.auditing import AuditedClips, tallies
from crossemo.audits.protocol_scores import Row, protocol_rows
from crossemo.commands.all_folds import without_all
from crossemo.commands.data_section import DataParser
from crossemo.commands.devices import device_of
from crossemo.commands.launch import shipped_config
from crossemo.commands.parser import Threads, add_strict
from crossemo.corpora import corpus_classes
from crossemo.data.clip_tables import SPLIT, split_rows
from crossemo.data.datamodules import EmotionDataModule
from crossemo.encoders import encoder_facts
from crossemo.encoders.exposure import Marks
from crossemo.errors import CrossEmoError, listed
from crossemo.files import from_here, write_csv, write_text
from crossemo.metrics.names import LEVEL
from crossemo.probes.clips import TEST, ProbedClips, probed_clips
from crossemo.report.audits import (
    audit_figures,
    audit_table,
    audit_text,
    printed_table,
)
from crossemo.report.report_files import markdown_of
from crossemo.report.saving import save_figure
from crossemo.report.tables import show, title_of
from crossemo.runs.code_record import code_facts, code_of, write_code
from crossemo.runs.effort import Effort
from crossemo.runs.folder import claim_version, folder_of_runs
from crossemo.runs.results import write_results
from crossemo.tasks import task_classes

OPTIONS, FEATURES = AuditOptions(), AuditedFeatures()
_WITHOUT_ENCODER = {"sampling_rate": 16_000, "min_samples": 400}


def main(typed: list[str]) -> None:
    """Run `audit_protocols`."""
    corpus_classes(), task_classes()  # whose names a config may say
    parser = DataParser(prog="crossemo audit")
    parser.add_argument("--config", action="config", help="Settings in YAML.")
    parser.add_function_arguments(audit_protocols, skip={"strict"})
    add_strict(parser)
    parser.add_argument("--threads", type=Threads | None, help="CPU threads.")
    for fact in _WITHOUT_ENCODER:
        target = f"data.init_args.{fact}"
        parser.link_arguments("model.encoder", target, compute_fn=_fact(fact))
    settings = parser.parse_args(without_all([shipped_config(w) for w in typed]))
    settings.pop("config")
    options = parser.instantiate_classes(settings).as_dict()
    if threads := options.pop("threads"):
        torch.set_num_threads(threads)
    folder = audit_protocols(**options)
    write_text(folder / "config.yaml", parser.dump(settings, skip_none=False))


def _fact(name: str) -> Callable[[str | None], int]:
    def compute(encoder: str | None) -> int:
        if encoder is None:
            return _WITHOUT_ENCODER[name]
        value: int = getattr(encoder_facts(encoder), name)
        return value

    return compute


def audit_protocols(
    data: EmotionDataModule,
    role: str | None = None,
    model: AuditedFeatures = FEATURES,
    audit: AuditOptions = OPTIONS,
    name: str = "audit",
    logs: Path = Path("logs"),
    figures: bool = True,
    device: str | None = None,
    strict: bool = False,
) -> Path:
    """Measure how many points leaky protocols are worth, on the same features.

    Args:
        data: The corpora and their split, all of whose folds are tested.
        role: The one role to look at; all of them by default.
        model: What of the clips is learnt from.
        audit: How it is learnt.
        name: Folder of the results below `logs`.
        logs: Folder of logs.
        figures: Whether to draw; the tables hold what figures show.
        device: Where an encoder runs; `cuda` where there is a GPU, and else `cpu`.
        strict: Refuse an encoder that was trained on a corpus that is audited, as far
            as that is published; otherwise it is marked.

    Returns:
        The folder of the results.

    Raises:
        CrossEmoError: There is no such role or device, the clips can't be split, or the
            encoder knows them.
    """
    effort = Effort()
    home, where = folder_of_runs(logs, name), device_of(device)
    if role not in (None, *data.roles):
        raise CrossEmoError(
            f"There is no role {role!r}: choose {listed(data.roles, last=' or ')}."
        )
    data.prepare_data()
    data.setup()
    clips = probed_clips(data)
    roles = list(data.roles) if role is None else [role]
    marks = model.marks(data, clips, roles, strict=strict)
    code = code_of(model.encoder)
    values = model.read(data, clips, where)
    unmarked = chain(*(_rows_of(one, data, clips, values, audit) for one in roles))
    rows = marks.rows(unmarked, lambda row: [row["role"]])
    folder = home / f"version_{claim_version(home)}"
    text = audit_text(rows, str(model))
    facts = effort.describe("audit", where)
    facts |= code_facts(code)
    write_code(code, folder)
    facts |= {"seed": audit.seed, "interval_level": LEVEL, **data.describe()}
    facts |= {"folds": clips.describe(), "features": str(model), "leak": None}
    facts |= marks.whole.columns
    write_results(folder, {**facts, "protocols": rows, "text": text})
    write_csv(folder / SPLIT, split_rows(data, data.fold_numbers() or None))
    _write(folder, rows, text, str(model) if figures else None, marks)
    _show(rows, text, marks)
    for note in dict.fromkeys(corpus.note for corpus in data.roles.values()):
        print(*filter(None, [note]))
    print(f"Results: {from_here(folder)}")
    return folder


def _rows_of(
    role: str,
    data: EmotionDataModule,
    clips: ProbedClips,
    values: Tensor,
    options: AuditOptions,
) -> Iterator[Row]:
    inside = clips.roles == clips.names.index(role)
    places = inside.nonzero().flatten().tolist()
    of_role = AuditedClips(
        values=values[inside],
        targets=clips.targets[inside],
        units=tuple(clips.groups[place] for place in places),
        parts=clips.parts[:, inside],
        task=clips.task,
    )
    corpus = data.roles[role].name
    tested = int((of_role.parts == TEST).any(0).sum())
    for row in protocol_rows(tallies(of_role, options, corpus), clips.task):
        yield {"role": role, "corpus": corpus, **row, "clips": tested}


def _write(
    folder: Path,
    rows: Sequence[dict[str, Any]],
    text: str,
    drawn: str | None,
    marks: Marks,
) -> None:
    """Write the tables, and the figures of features of that name."""
    write_csv(folder / "audit.csv", rows)
    write_text(folder / "audit.md", f"{markdown_of(audit_table(rows))}\n{text}\n")
    for tag, figure in audit_figures(rows, drawn, marks) if drawn else ():
        save_figure(figure, folder, tag)


def _show(rows: Sequence[Row], text: str, marks: Marks) -> None:
    table = printed_table(rows)
    table.title = title_of([str(marks.whole)])
    show(table)
    print(text)
