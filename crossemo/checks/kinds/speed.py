"""How much audio goes through in a second, and what memory a second of it takes."""

from collections.abc import Iterator
from time import perf_counter

import torch
from torch import Tensor

from crossemo.checks.line import Line
from crossemo.checks.subject import Subject
from crossemo.encoders.encoder import SSLEncoder


def check(subject: Subject) -> Iterator[Line]:
    """Measure a second of audio, in inference and in training."""
    rate, device = subject.encoder.sampling_rate, subject.device
    clip = subject.noise(rate / subject.hop)[None].to(device)
    clips, lengths = clip.repeat(4, 1), torch.tensor([clip.shape[1]] * 4)
    seconds = clips.numel() / rate
    times = []
    for _ in range(4):
        begin = perf_counter()
        subject.encoder(clips, lengths)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(perf_counter() - begin)
    fastest = seconds / min(times[1:])
    where = f"{device.type}, {torch.get_num_threads()} threads, float32"
    yield Line("throughput", f"{fastest:.3g} s of audio a second", where, "sound")
    if subject.reach is None:
        why = "It keeps no graph."
        yield Line("memory in training", "none", "-", "not checked", why)
        return
    saved = _saved(subject.load_tuned(), clips, lengths) / seconds
    yield Line("memory in training", f"{saved / 1e6:.3g} MB", "of a second", "sound")


def _saved(encoder: SSLEncoder, clips: Tensor, lengths: Tensor) -> float:
    """Return the bytes that a forward pass keeps for the backward pass."""
    sizes: dict[int, int] = {}
    weights = {p.untyped_storage().data_ptr() for p in encoder.parameters()}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        states, _ = encoder(clips, lengths)
    del states
    return float(sum(sizes.values()))
