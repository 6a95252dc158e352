"""Measure how far two folders of audio lie apart: crossemo fad SPEECH MUSIC."""

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Literal

import torch

from crossemo.commands.devices import device_of
from crossemo.commands.folder_embeddings import embed_folder, frame_rows, sides_of
from crossemo.commands.folder_results import (
    EmbeddedFolder,
    describe_folders,
    write_distances,
)
from crossemo.commands.parser import Parser, Threads, add_strict
from crossemo.corpora.folders import Folders
from crossemo.data.provenance import Clips
from crossemo.data.windows import MUSIC_WINDOW, Windowing
from crossemo.encoders import SSLEncoder, load_encoder
from crossemo.encoders.attention import Attention
from crossemo.encoders.exposure import Marks, exposures_of
from crossemo.encoders.training_records import refuse_records
from crossemo.errors import CrossEmoError, listed
from crossemo.files import expanded, from_here, printable
from crossemo.progress import bar
from crossemo.report.tables import show, similarity_table, title_of
from crossemo.runs.code_record import code_facts, write_code
from crossemo.runs.effort import Effort
from crossemo.runs.folder import claim_version, folder_of_runs
from crossemo.similarity import (
    DEFAULTS,
    Domain,
    Row,
    Settings,
    corrected,
    warnings_of,
)
from crossemo.similarity.compared import ComparedStates
from crossemo.stages.record import plain

logger = logging.getLogger(__name__)


def main(typed: list[str]) -> None:
    """Run `compare_folders`."""
    parser = Parser(prog="crossemo fad")
    parser.add_argument("--config", action="config", help="Settings in YAML.")
    parser.add_function_arguments(compare_folders, as_positional=True, skip={"strict"})
    add_strict(parser)
    parser.add_argument("--threads", type=Threads | None, help="CPU threads.")
    options = parser.instantiate_classes(parser.parse_args(typed)).as_dict()
    options.pop("config")
    if threads := options.pop("threads"):
        torch.set_num_threads(threads)
    compare_folders(**options)


def compare_folders(
    first: Path,
    second: Path,
    encoder: str = "wav2vec2-base",
    layers: Literal["all"] | int | list[int] = "all",
    groups: str | None = None,
    name: str = "fad",
    logs: Path = Path("logs"),
    batch_size: int = 16,
    window: float = MUSIC_WINDOW,
    hop: float | None = None,
    device: str | None = None,
    cache_dir: Path | None = None,
    strict: bool = False,
    estimate: Settings = DEFAULTS,
    attention: Attention = "sdpa",
    compile: bool = False,
    unit: Literal["clips", "frames", "both"] = "clips",
) -> Path:
    r"""Measure how far two folders of audio lie apart, emotion by emotion.

    Either folder has a sub-folder for every emotion. Emotions that only one of them has
    are left out.

    Args:
        first: Folder with a sub-folder for every emotion, such as speech.
        second: Folder with the same sub-folders, such as music.
        encoder: A name from the catalogue, a hub id, or a local folder.
        layers: `all` hidden states, or one or several by their indices.
        groups: Regular expression that finds the speaker, song or artist in the path of
            a file below its folder, such as `Actor_\d+`; what it matches (or its first
            group) names the group. By default a file belongs to the folder below that
            of its emotion, where there is one, and else is a group of its own. Groups
            of one name in both folders are taken for the same person.
        name: Folder of the results below `logs`.
        logs: Folder of logs.
        batch_size: Clips, or windows of them, that are embedded at once.
        window: Seconds that are embedded at once of a longer file, whose embedding is
            the mean of all of its windows; 0 embeds every file whole.
        hop: Seconds from the start of one window to that of the next; by default those
            of a window.
        device: Where to embed; `cuda` where there is a GPU, and else `cpu`.
        cache_dir: The cache folder; `$CROSSEMO_CACHE` or the user's if None.
        strict: Refuse an encoder that was trained on a corpus whose name a folder
            bears, as far as that is published; otherwise it is marked.
        estimate: How distances are estimated.
        attention: How the encoder's blocks attend, see `load_encoder`.
        compile: Compile the encoder's blocks with `torch.compile`.
        unit: What is compared: `clips`, by the means over their frames; all `frames`,
            as the literature has it, with neither intervals nor tests; or `both`.

    Returns:
        The folder of the results.

    Raises:
        CrossEmoError: A folder holds no emotion of the other, or an option is wrong.
    """
    settings = plain(locals())
    effort = Effort()
    home = folder_of_runs(logs, name)
    domains = _domains(first, second, groups)
    labels = [{str(c.label) for c in one.clips()} for one in domains.values()]
    emotions = _shared(labels)
    model = load_encoder(
        encoder, for_distances=True, attention=attention, compile=compile
    ).to(device_of(device))
    states = model.states_of(layers, "--layers")
    rate, shortest = model.sampling_rate, model.min_samples
    windowing = Windowing.of_seconds(window, hop, rate, shortest)
    side = None if unit == "clips" else sides_of(domains, emotions, estimate.seed)
    how = model, states, batch_size, windowing, cache_dir, side
    folders = {
        domain: embed_folder(corpus, emotions, *how)
        for domain, corpus in domains.items()
    }
    marks = _marks(model, folders, (first, second), strict)
    rows: list[Row] = []
    measures: list[Row] = []
    compared = ComparedStates()
    for place, state in enumerate(bar(states, "Distances")):
        tags = {"stage": "test", "part": "all", "unit": "frame", "layer": str(state)}
        if unit != "clips":
            rows += [tags | row for row in frame_rows(folders, place, emotions)]
        if unit == "frames":
            continue
        pair = [
            Domain(domain, one.embedded.cells(place, len(emotions)))
            for domain, one in folders.items()
        ]
        distances, values = compared.compare(pair, emotions, estimate, model, cache_dir)
        tags["unit"] = "clip"
        rows += [tags | row for row in distances]
        measures += [tags | row for row in values]
    for sentence in warnings_of(rows):
        logger.warning(sentence)
    folder = home / f"version_{claim_version(home)}"
    write_distances(folder, corrected(rows), measures, emotions, encoder, marks)
    device_used = next(model.parameters()).device
    facts = effort.describe("fad", device_used) | marks.whole.columns
    facts |= code_facts(model.family.code)
    write_code(model.family.code, folder)
    describe_folders(folder, settings, facts, folders, emotions)
    if measures:
        table = similarity_table(measures)
        table.title = title_of([str(marks.whole)])
        show(table)
    print(f"Results: {from_here(folder)}")
    return folder


def _marks(
    model: SSLEncoder,
    folders: Mapping[str, EmbeddedFolder],
    roots: Iterable[Path],
    strict: bool,
) -> Marks:
    """Return what is said of distances by an encoder that knows the clips."""
    exposures = {}
    for (domain, one), root in zip(folders.items(), roots, strict=True):
        # Two folders of one name are called otherwise, and so are their clips.
        name = os.path.basename(os.path.realpath(expanded(root)))
        judged: Clips = {"test": one.examples}
        known = exposures_of(model.provenance, judged, allowed=True, corpora=[name])
        exposures[domain] = list(known.values())
    if strict:
        heard = (one for known in exposures.values() for one in known)
        refuse_records(model.name, chain(*(one.records for one in heard)))
    return Marks(exposures)


def _domains(first: Path, second: Path, groups: str | None) -> dict[str, Folders]:
    """Return both folders by name, or as first and second."""
    roots = [Path(os.path.realpath(expanded(root))) for root in (first, second)]
    if roots[0] == roots[1]:
        raise CrossEmoError(f"{first} is given twice: give two folders to compare.")
    names = [printable(root.name) for root in roots]
    if names[0] == names[1]:
        names = ["first", "second"]
    return {
        name: Folders(root, name=name, groups=groups)
        for name, root in zip(names, (first, second), strict=True)
    }


def _shared(labels: Sequence[set[str]]) -> list[str]:
    """Return the emotions of both folders.

    Raises:
        CrossEmoError: There is none.
    """
    shared = sorted(set.intersection(*labels))
    if not shared:
        raise CrossEmoError(
            f"The folders share no emotion: one has {listed(sorted(labels[0]))}, "
            f"the other {listed(sorted(labels[1]))}. Name the sub-folders alike."
        )
    if alone := sorted(set.union(*labels) - set(shared)):
        logger.warning("Only one of the folders has %s: left out.", listed(alone))
    return shared
