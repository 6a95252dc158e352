"""Whether embeddings tell music from speech where level and length can't.

Run `python -m tests.benchmarks.real_familiarity DATA [--rotations R …]` with a folder
that holds ravdess, nemo and emopia_rendered; a rotation takes three minutes of a core.

Two models learn of RAVDESS speech and nEMO whether it is excited or quiet: a small
encoder, trained as a whole from random weights, and a layer of 32 units on the means
and deviations of a log-mel spectrogram. They are chosen by validation speakers, an
actor and three of nEMO, who also set the limits; beside them stand the features as they
are, which learn nothing, so that the training speakers may set a limit too. Then they
hear speech of four new speakers, RAVDESS song and EMOPIA's piano music. Of all
recordings the middle `SECONDS` are taken, at one level, so that neither length nor
level tells. AUC is the chance that a recording lies farther from the validation clips
than one of the new speech; beyond, the share that lies farther than 95 % of it.
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import mkdtemp

import torch
from lightning import Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor, nn

from crossemo import RAVDESS, EmotionRecognizer, SpeechEmotionDataModule
from crossemo.audio import decode
from crossemo.commands.messages import quieten
from crossemo.corpora.base import Clip, Corpus
from crossemo.corpora.emopia import EMOPIA
from crossemo.corpora.manifest import Manifest
from crossemo.data.splits import Split
from crossemo.features.acoustics.spectrum import log_mel
from crossemo.metrics.recognition import unweighted_recall
from crossemo.sharing.reliability import Familiarity
from tests.test_real_recordings import WORDS

RATE, SECONDS, LOUDNESS = 16_000, 1.2, 0.05  # Hz, seconds, root mean square
ACTORS = ("01", "02", "05", "20")
SPEAKERS = ("EB0", "IC0", "KD0", "KS0", "MK0", "MP0", "SM0", "TP0", "WR0")
TASK = {
    "excited": ["angry", "happy", "fearful", "surprised"],
    "quiet": ["neutral", "calm", "sad"],
}
UNITS = 32
Vectors = Mapping[str, Tensor]


def split_of(rotation: int) -> Split:
    """Return a split with an actor and three speakers in validation and in test."""
    actors = [f"ravdess/{ACTORS[(rotation + n) % 4]}" for n in range(4)]
    speakers = [f"nemo/speaker/{SPEAKERS[(3 * rotation + n) % 9]}" for n in range(9)]
    return Split(
        train=(*actors[2:], *speakers[6:]),
        val=(actors[1], *speakers[3:6]),
        test=(actors[0], *speakers[:3]),
    )


def trained(data: SpeechEmotionDataModule, epochs: int) -> EmotionRecognizer:
    """Return the best epoch of an encoder by its validation."""
    seed_everything(0, verbose=False)
    model = EmotionRecognizer("small", data.classes, "full", encoder_lr=1e-3)
    best = ModelCheckpoint(mkdtemp(), monitor="val/speech/score", mode="max")
    trainer = Trainer(
        max_epochs=epochs,
        callbacks=[best],
        logger=False,
        accelerator="cpu",
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(model, data)
    loaded = EmotionRecognizer.load_from_checkpoint(best.best_model_path).eval()
    scores = trainer.test(loaded, data, verbose=False)[0]
    validated = float(best.best_model_score or 0)
    print(f"encoder: UA {validated:.2f}, of new {scores['test/speech/UA']:.2f}")
    return loaded


def layer(features: Vectors, targets: Vectors) -> Callable[[Tensor], Tensor]:
    """Return the units of the best epoch of a layer on standardised features."""
    torch.manual_seed(0)
    spread, mean = torch.std_mean(features["train"], 0)
    first, last = nn.Linear(len(mean), UNITS), nn.Linear(UNITS, len(TASK))
    optimizer = torch.optim.AdamW([*first.parameters(), *last.parameters()], 1e-3)

    def units(rows: Tensor) -> Tensor:
        hidden: Tensor = first((rows - mean) / spread).tanh()
        return hidden

    def recall(part: str) -> float:
        said = last(units(features[part])).argmax(-1)
        pairs = targets[part] * len(TASK) + said
        counts = pairs.bincount(minlength=len(TASK) ** 2).double()
        return float(unweighted_recall(counts.reshape(len(TASK), -1)))

    best, state = 0.0, first.state_dict()
    for _ in range(300):
        outputs = last(units(features["train"]))
        loss = nn.functional.cross_entropy(outputs, targets["train"])
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        if (score := recall("validation")) > best:
            best, new = score, recall("new speech")
            state = {name: one.clone() for name, one in first.state_dict().items()}
    first.load_state_dict(state)
    print(f"layer: UA {best:.2f}, of new {new:.2f}")
    return units


def excerpts(clips: Sequence[Clip]) -> Tensor:
    """Return the middle of recordings at one level, `(clips, samples)`."""
    rows, samples = [], int(SECONDS * RATE)
    for clip in clips:
        waveform = torch.from_numpy(decode(clip.path, RATE, clip.start, clip.end))
        start = max(0, (len(waveform) - samples) // 2)
        row = waveform[start : start + samples]
        rows.append(LOUDNESS * row / row.square().mean().sqrt())
    return torch.stack(rows)


def embedded(model: EmotionRecognizer, waveforms: Tensor) -> Tensor:
    """Return what the classifier gets of recordings, `(clips, width)`."""
    lengths = torch.full((len(waveforms),), waveforms.shape[1])
    states, mask = model.encoder(waveforms, lengths)
    return model.head.embed(model.mix(states), mask)


def report(name: str, vectors: Vectors, groups: Sequence[str]) -> None:
    """Print how far recordings lie from the validation clips, and who is warned of."""
    known = vectors["validation"]
    for which in ("all", "nemo"):  # speakers that set the limit
        rows = [n for n, one in enumerate(groups) if which in ("all", one[:4])]
        alike = torch.zeros(len(rows))
        chosen = [groups[n] for n in rows]
        familiar = Familiarity.estimate(known[rows], alike, alike + 1, chosen)
        far = {kind: familiar.reference.distances(one) for kind, one in vectors.items()}
        new = far["new speech"]
        print(f"{name}, limit of {which} {familiar.distance:.2f}")
        for kind, distances in far.items():
            above = (distances[:, None] > new).double().mean()
            beyond = (distances > new.quantile(0.95)).double().mean()
            warned = (distances > familiar.distance).double().mean()
            print(
                f"  {kind:14} n {len(distances):3}, median {distances.median():.2f}, "
                f"AUC {above:.2f}, beyond {100 * beyond:3.0f}, "
                f"warned {100 * warned:3.0f} %"
            )


@torch.no_grad()
def rotate(folder: Path, rotation: int, epochs: int) -> None:
    """Train and judge one rotation."""
    began, split = time.process_time(), split_of(rotation)
    speech: list[Corpus] = [
        RAVDESS(folder / "ravdess", "speech"),
        Manifest(folder / "nemo" / "metadata.csv", words=WORDS),
    ]
    data = SpeechEmotionDataModule(
        speech, task=TASK, split=split, batch_size=16, excerpt=SECONDS
    )
    print(f"\nrotation {rotation}")
    with torch.enable_grad():
        model = trained(data, epochs)
    spoken = [
        (clip, target)
        for corpus in speech
        for clip in corpus.clips()
        if (target := data.task.target(clip, corpus)) is not None
    ]
    parts = {"train": split.train, "validation": split.val, "new speech": split.test}
    sets = {
        name: [one for one in spoken if one[0].groups[0] in units]
        for name, units in parts.items()
    }
    targets = {name: torch.tensor([t for _, t in one]) for name, one in sets.items()}
    clips = {name: [clip for clip, _ in one] for name, one in sets.items()}
    clips["song"] = list(RAVDESS(folder / "ravdess", "song").clips())
    clips["piano"] = list(EMOPIA(folder / "emopia_rendered").clips())
    waveforms = {kind: excerpts(some) for kind, some in clips.items()}
    features = {
        kind: torch.stack([log_mel(row, RATE) for row in rows])
        for kind, rows in waveforms.items()
    }
    with torch.enable_grad():
        units = layer(features, targets)
    groups = [clip.groups[0] for clip in clips["validation"]]
    ways: dict[str, Callable[[str], Tensor]] = {
        "encoder": lambda kind: embedded(model, waveforms[kind]),
        "layer": lambda kind: units(features[kind]),
        "log-mel": features.__getitem__,
    }
    for name, way in ways.items():
        kinds = [kind for kind in clips if kind != "train"]
        report(name, {kind: way(kind) for kind in kinds}, groups)
    both = torch.cat([features["train"], features["validation"]])
    more = [clip.groups[0] for clip in clips["train"]] + groups
    report("log-mel of all other speakers", features | {"validation": both}, more)
    print(f"{time.process_time() - began:.0f} s of processor time", flush=True)


def main() -> None:
    """Judge all rotations."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--rotations", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=60)
    options = parser.parse_args()
    quieten()
    torch.set_num_threads(1)
    for rotation in options.rotations:
        rotate(options.data, rotation, options.epochs)


if __name__ == "__main__":
    main()
