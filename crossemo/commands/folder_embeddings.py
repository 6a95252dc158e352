"""Folders of audio, embedded: a mean for every clip, and moments of the frames."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random

import torch
from torch import Tensor

from crossemo.commands.folder_results import EmbeddedFolder
from crossemo.corpora.folders import Folders
from crossemo.data.batch import Batch
from crossemo.data.dataset import ClipDataset
from crossemo.data.examples import take_examples
from crossemo.data.samplers import eval_batches
from crossemo.data.waveforms import WaveformStore, skipped_sentence
from crossemo.data.windows import Windowing
from crossemo.distances.cells import deal
from crossemo.encoders import SSLEncoder
from crossemo.errors import CrossEmoError, listed
from crossemo.progress import bar
from crossemo.similarity import FrameDomain, Row, compare_frames
from crossemo.similarity.embeddings import EmbeddedClips, FrameMoments, pool_clips

logger = logging.getLogger(__name__)


def embed_folder(
    corpus: Folders,
    emotions: Sequence[str],
    model: SSLEncoder,
    states: Sequence[int],
    batch_size: int,
    windowing: Windowing,
    cache_dir: Path | None,
    side: Mapping[str, int] | None = None,
) -> EmbeddedFolder:
    """Embed the clips of a folder.

    Args:
        corpus: The folder.
        emotions: Names of the emotions; other clips are left out.
        model: The encoder.
        states: Which of its hidden states.
        batch_size: Clips, or windows of them, at once.
        windowing: How long clips are cut.
        cache_dir: The cache folder.
        side: What `sides_of` returns, to keep moments of the frames too.
    """
    left_out: dict[str, str] = {}
    place = {emotion: number for number, emotion in enumerate(emotions)}
    examples = take_examples(
        corpus,
        lambda clip, _: place.get(str(clip.label)),
        cache_dir,
        progress=True,
        left_out=left_out,
        windowing=windowing,
    )
    if not examples:
        reasons = listed(sorted(set(left_out.values())), most=1)
        raise CrossEmoError(
            f"{corpus.name} has no clip of an emotion of both folders that can be used "
            f"({reasons}): compare other folders."
        )
    rate = model.sampling_rate
    store = WaveformStore.prepare(examples, rate, cache_dir, progress=True)
    usable, skipped = store.select(examples, model.min_samples)
    if skipped:
        sentence = skipped_sentence(skipped, len(examples))
        logger.warning("In %s, %s", corpus.name, sentence)
    if shared := model.provenance.shared("test", usable):
        logger.warning(
            "The encoder has seen %s of %s in training, which may have moved its "
            "emotions apart.",
            shared,
            corpus.name,
        )
    dataset = ClipDataset(usable, store)
    device = next(model.parameters()).device
    moments = side and FrameMoments(len(states), model.width, side)

    def encode(batch: Batch) -> tuple[list[Tensor], Tensor]:
        hidden, mask = model(batch.inputs.to(device), batch.lengths)
        chosen = [hidden[state] for state in states]
        if moments:
            moments.update(chosen, mask, batch, dataset.units)
        return chosen, mask

    with torch.inference_mode():
        batches = _batches(dataset, batch_size, f"Embedding {corpus.name}")
        _, values = pool_clips(encode, batches)
    labels = torch.tensor(dataset.targets)
    embedded = EmbeddedClips(values, labels, tuple(dataset.units))
    return EmbeddedFolder(embedded, usable, left_out | skipped, moments or None)


def sides_of(
    domains: Mapping[str, Folders], emotions: Sequence[str], seed: int
) -> dict[str, int]:
    """Return the half, 0 or 1, that each group's frames belong to."""
    return deal(
        [
            {clip.groups[0] for clip in corpus.clips() if clip.label == emotion}
            for corpus in domains.values()
            for emotion in emotions
        ],
        2,
        Random(seed),
    )


def frame_rows(
    folders: Mapping[str, EmbeddedFolder], place: int, emotions: Sequence[str]
) -> list[Row]:
    """Compare the frames of two folders in one hidden state.

    Args:
        folders: The folders, embedded with their moments.
        place: Place of the hidden state among those that were embedded.
        emotions: Names of the emotions.
    """
    x, y = (
        FrameDomain(
            domain,
            [one.moments.factors(place, label) for label in range(len(emotions))],
            one.embedded.count_groups(len(emotions)),
        )
        for domain, one in folders.items()
        if one.moments is not None
    )
    return compare_frames(x, y, emotions)


def _batches(dataset: ClipDataset, batch_size: int, what: str) -> Iterator[Batch]:
    windows = dataset.windows()
    batches = eval_batches([one.length for one in windows], batch_size)
    for batch in bar(batches, what):
        yield dataset[[windows[number] for number in batch]]
