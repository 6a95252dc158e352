"""What keeping features saves, as ratios.

Run `python -m tests.benchmarks.bench_features [--encoder FOLDER] [--clips N]`; without
a folder the encoder is a base-size wav2vec 2.0 of random weights.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from crossemo.data.batch import Batch
from crossemo.data.dataset import ClipDataset
from crossemo.data.samplers import eval_batches, train_batches
from crossemo.encoders import SSLEncoder, load_encoder
from crossemo.features.hidden import HiddenStore, as_hidden, keep_features
from crossemo.recognizer import EmotionRecognizer
from tests.examples import numbered
from tests.noise import Noise

RATE = 16_000  # Hz
BATCH = 16
CLASSES = tuple("abcdef")


def made_up(count: int) -> ClipDataset:
    """Clips of RAVDESS's lengths: 3 to 6.4 s, about 4.1 s on average."""
    generator = torch.Generator().manual_seed(0)
    seconds = 3 + 3.4 * torch.rand(count, generator=generator).square()
    examples = [
        replace(one, target=n % len(CLASSES)) for n, one in enumerate(numbered(count))
    ]
    lengths = {
        one.key: int(RATE * s)
        for one, s in zip(examples, seconds.tolist(), strict=True)
    }
    return ClipDataset(examples, Noise(lengths))


def seconds_of(work: Callable[[], object]) -> float:
    # CPU time of one thread, since other work may share the machine's cores.
    start = time.process_time()
    work()
    return time.process_time() - start


def bare_loop(
    encoder: SSLEncoder, data: ClipDataset, batches: Sequence[Sequence[int]]
) -> None:
    """transformers' model over batches, its hidden states pooled."""
    with torch.inference_mode():
        for batch in batches:
            waveforms = data[batch].inputs
            states = encoder.model(waveforms, output_hidden_states=True).hidden_states
            torch.stack([state.mean(1) for state in states])


def in_the_loop(model: EmotionRecognizer, data: ClipDataset) -> None:
    """An epoch as s3prl's runner trains it: batches at random, encoder in the loop."""
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(1))
    train(model, data, [part.tolist() for part in torch.split(order, BATCH)])


def train(
    model: EmotionRecognizer, data: ClipDataset, batches: Sequence[Sequence[int]]
) -> None:
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, 1e-3)
    for batch in batches:
        clips = data[batch]
        loss = model.task.loss(outputs_of(model, clips), clips.targets, torch.ones(6))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()


def outputs_of(model: EmotionRecognizer, batch: Batch) -> Tensor:
    states, mask = as_hidden(model.encoder, batch)
    outputs: Tensor = model.head(model.mix(states), mask)
    return outputs


def measure(encoder: SSLEncoder, source: str, count: int, cache: Path) -> None:
    data = made_up(count)
    in_order = [
        list(range(start, min(start + BATCH, count)))
        for start in range(0, count, BATCH)
    ]
    by_length = eval_batches(data.lengths, BATCH)
    bucketed = seconds_of(lambda: bare_loop(encoder, data, by_length))
    files = seconds_of(lambda: bare_loop(encoder, data, in_order))
    kept = seconds_of(lambda: keep_features(encoder, [data], BATCH, cache_dir=cache))
    again = seconds_of(lambda: keep_features(encoder, [data], BATCH, cache_dir=cache))
    audio = sum(data.lengths) / RATE
    print(
        f"{count} clips, {audio:.0f} s of audio: {audio / kept:.2f} s encoded a second"
    )
    print(f"  extraction's throughput / a bare loop's: {bucketed / kept:.2f}")
    print(f"  a bare loop in the order of files / by length: {files / bucketed:.2f}")
    print(f"  extraction / opening what is kept: {kept / again:.0f}")
    model = EmotionRecognizer(source, CLASSES)
    looped = seconds_of(lambda: in_the_loop(model, data))
    features = keep_features(encoder, [data], cache_dir=cache)
    data = ClipDataset(data.examples, HiddenStore(data, features))
    batches = train_batches(data.lengths, BATCH)
    train(model, data, batches)
    epoch = median(seconds_of(lambda: train(model, data, batches)) for _ in range(9))
    print(
        f"  epoch with the encoder in the loop / from kept clips: {looped / epoch:.0f}"
    )
    whole = whole_epochs(model, data)
    print(f"  the same / from kept clips in one batch: {looped / whole:.0f}")


def whole_epochs(model: EmotionRecognizer, data: ClipDataset) -> float:
    clips = data[list(range(len(data)))]
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, 1e-3)

    def epoch() -> Tensor:
        loss = model.task.loss(outputs_of(model, clips), clips.targets, torch.ones(6))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss

    epoch()
    return median(seconds_of(epoch) for _ in range(9))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", help="folder of a pretrained encoder")
    parser.add_argument("--clips", type=int, nargs="+", default=[8, 16, 32, 64])
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    with TemporaryDirectory() as scratch:
        source = chosen.encoder or base(Path(scratch))
        encoder = load_encoder(source)
        for count in chosen.clips:
            measure(encoder, source, count, Path(scratch, f"cache-{count}"))


def base(folder: Path) -> str:
    """Write a base-size wav2vec 2.0 of random weights and return its folder."""
    import transformers  # its models take seconds to import

    place = folder / "base"
    config = transformers.Wav2Vec2Config(layerdrop=0.0)
    transformers.Wav2Vec2Model(config).save_pretrained(place)
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(place)
    return str(place)


if __name__ == "__main__":
    main()
