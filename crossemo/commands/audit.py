"""Measure how many points leaky protocols are worth: crossemo audit --config DATA."""

from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from rich.text import Text

from crossemo.audits.audit_options import AuditOptions
from crossemo.audits.audited_features import AuditedFeatures
from crossemo.audits.auditing import AuditedClips, tallies
from crossemo.audits.protocol_scores import Row, protocol_rows
from crossemo.commands.data_section import DataParser
from crossemo.commands.parser import Threads
from crossemo.corpora import corpus_classes
from crossemo.data.clip_tables import SPLIT, split_rows
from crossemo.data.datamodules import EmotionDataModule
from crossemo.data.provenance import marked
from crossemo.encoders import encoder_facts
from crossemo.errors import CrossEmoError, listed
from crossemo.files import from_here, write_csv, write_text
from crossemo.metrics.names import LEVEL
from crossemo.probes.clips import TEST, ProbedClips, probed_clips
from crossemo.report.audits import (
    audit_figures,
    audit_paragraph,
    audit_table,
    printed_table,
)
from crossemo.report.report_files import markdown_of
from crossemo.report.saving import save_figure
from crossemo.report.style import mark_figure
from crossemo.report.tables import show
from crossemo.runs.effort import Effort
from crossemo.runs.folder import claim_version, folder_of_runs
from crossemo.runs.results import write_results
from crossemo.tasks import task_classes

DEFAULTS, FEATURES = AuditOptions(), AuditedFeatures()
_WITHOUT_ENCODER = {"sampling_rate": 16_000, "min_samples": 400}


def main(typed: list[str]) -> None:
    """Run `audit_protocols`."""
    corpus_classes(), task_classes()  # whose names a config may say
    parser = DataParser(prog="crossemo audit")
    parser.add_argument("--config", action="config", help="Settings in YAML.")
    parser.add_function_arguments(audit_protocols)
    parser.add_argument("--threads", type=Threads | None, help="CPU threads.")
    for fact in _WITHOUT_ENCODER:
        target = f"data.init_args.{fact}"
        parser.link_arguments("model.encoder", target, compute_fn=_fact(fact))
    settings = parser.parse_args(typed)
    options = parser.instantiate_classes(settings).as_dict()
    options.pop("config")
    if threads := options.pop("threads"):
        torch.set_num_threads(threads)
    folder = audit_protocols(**options)
    settings.pop("config")
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
    audit: AuditOptions = DEFAULTS,
    name: str = "audit",
    logs: Path = Path("logs"),
    figures: bool = True,
) -> Path:
    """Measure how many points leaky protocols are worth, on the same features.

    Args:
        data: The corpora and their split.
        role: The one role to look at; all of them by default.
        model: What of the clips the classifier gets.
        audit: How it is trained.
        name: Folder of the results below `logs`.
        logs: Folder of logs.
        figures: Whether to draw; the tables hold what figures show.

    Returns:
        The folder of the results.

    Raises:
        CrossEmoError: There is no such role, or the clips can't be split.
    """
    effort = Effort()
    home = folder_of_runs(logs, name)
    roles = [role] if role else list(data.roles)
    if not set(roles) <= set(data.roles):
        raise CrossEmoError(
            f"There is no role {role!r}: choose {listed(data.roles, last=' or ')}."
        )
    data.prepare_data()
    data.setup()
    clips = probed_clips(data)
    leak = model.leak(data, clips)
    values = model.read(data, clips)
    rows = [row for one in roles for row in _rows_of(one, data, clips, values, audit)]
    folder = home / f"version_{claim_version(home)}"
    text = _paragraphs(rows, str(model), leak)
    write_csv(folder / "audit.csv", marked(rows, leak))
    write_text(folder / "audit.md", f"{markdown_of(audit_table(rows))}\n{text}\n")
    write_csv(folder / SPLIT, split_rows(data, data.fold_numbers() or None))
    if figures:
        for tag, figure in audit_figures(rows, str(model)):
            mark_figure(figure, leak)
            save_figure(figure, folder, tag)
    facts = effort.describe("audit", torch.device("cpu"))
    described = {"seed": audit.seed, "interval_level": LEVEL, **data.describe()}
    content = {"folds": clips.describe(), "features": str(model), "leak": leak or None}
    about = {**content, "protocols": rows, "text": text}
    write_results(folder, {**facts, **described, **about})
    table = printed_table(rows)
    table.title = Text(leak, "bold red") if leak else None
    show(table)
    print(text)
    print(f"Results: {from_here(folder)}")
    return folder


def _rows_of(
    role: str,
    data: EmotionDataModule,
    clips: ProbedClips,
    values: torch.Tensor,
    options: AuditOptions,
) -> Iterator[Row]:
    inside = clips.roles == clips.names.index(role)
    units = [unit for unit, here in zip(clips.groups, inside, strict=True) if here]
    parts = clips.parts[:, inside]
    of_role = AuditedClips(
        values[inside], clips.targets[inside], tuple(units), parts, clips.task
    )
    corpus = data.roles[role].name
    sums = tallies(of_role, options, corpus)
    tested = int((parts == TEST).any(0).sum())
    for row in protocol_rows(sums, clips.task):
        yield {"role": role, "corpus": corpus, **row, "clips": tested}


def _paragraphs(rows: list[Row], features: str, leak: str) -> str:
    roles = dict.fromkeys(row["role"] for row in rows)
    paragraphs = [
        audit_paragraph([row for row in rows if row["role"] == role], features)
        for role in roles
    ]
    return "\n\n".join([*filter(None, [leak]), *paragraphs])
