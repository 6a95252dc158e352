"""The encoder that is checked: loaded twice, and heard on clips of noise."""

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from crossemo.checks.line import unlike
from crossemo.checks.observation import observed, without_memory
from crossemo.encoders.description import Description
from crossemo.encoders.encoder import SSLEncoder
from crossemo.encoders.loading import untried_encoder
from crossemo.encoders.reachable import reachable
from crossemo.encoders.tuning.adaptation import Tuning

LOUDNESS = 0.1  # standard deviation of the noise


class Subject:
    """An encoder under examination.

    Args:
        about: What its files say.
        device: Where it runs.
        rate: The rate in Hz that its weights were trained on, if that is known.

    Attributes:
        encoder: The encoder, frozen.
        loading: What was seen while it was loaded.

    Raises:
        EncoderError: It can't be loaded.
    """

    def __init__(
        self, about: Description, device: torch.device, rate: int | None = None
    ) -> None:
        self.about, self.device, self.rate = about, device, rate
        self.by_user = about.source.code is not None
        with observed() as self.loading:
            self.encoder = untried_encoder(about).to(device).eval()

    @cached_property
    def second_loading(self) -> SSLEncoder:
        """The encoder loaded once more: other random numbers, NaN in unset memory."""
        drawn = not self.about.source.pretrained  # by intention, from a seed
        with without_memory():
            return untried_encoder(self.about, seed=0 if drawn else 1).eval()

    def load_frozen(self) -> SSLEncoder:
        """Return the frozen encoder anew, as it was before it heard anything."""
        return untried_encoder(self.about).to(self.device).eval()

    def load_tuned(
        self, tuning: Tuning = "full", options: Mapping[str, Any] | None = None
    ) -> SSLEncoder:
        """Return the encoder anew, to be trained in some way."""
        return untried_encoder(self.about, tuning, options).to(self.device).eval()

    @cached_property
    def hop(self) -> float:
        """Samples from one frame to the next, as they are counted."""
        rate = self.encoder.sampling_rate
        short, long = self.encoder.count_frames([rate // 4, rate + rate // 4])
        return rate / max(long - short, 1)

    def samples(self, frames: float) -> int:
        """Return the length of a clip of about so many frames."""
        return round(self.encoder.min_samples + self.hop * (frames - 1))

    def noise(self, frames: float, seed: int = 0) -> Tensor:
        """Return a clip of about so many frames, `(samples,)`."""
        generator = torch.Generator().manual_seed(seed)
        return LOUDNESS * torch.randn(self.samples(frames), generator=generator)

    def hidden_states(
        self, clips: Sequence[Tensor], encoder: SSLEncoder | None = None
    ) -> list[Tensor]:
        """Return the hidden states of clips that are padded to a batch.

        The padding is filled with loud noise, which must have no effect.

        Args:
            clips: `(samples,)` each.
            encoder: Another one than the frozen one.

        Returns:
            `(states, frames, width)` of each clip on the CPU, without padding.
        """
        lengths = torch.tensor([len(clip) for clip in clips])
        batch = pad_sequence(list(clips), batch_first=True)
        inside = torch.arange(batch.shape[1]) < lengths[:, None]
        generator = torch.Generator().manual_seed(9)
        loud = 10 * torch.randn(batch.shape, generator=generator)
        batch = torch.where(inside, batch, loud).to(self.device)
        states, mask = (encoder or self.encoder)(batch, lengths)
        rows = zip(states.unbind(1), mask, strict=True)
        return [row[:, inside].float().cpu() for row, inside in rows]

    def acting(self, changes: Mapping[Tensor, Tensor]) -> bool:
        """Return whether hidden states change with tensors of the frozen encoder.

        Args:
            changes: What comes in the place of each, for a while.
        """
        clip = [self.noise(12)]
        before = self.hidden_states(clip)[0]
        saved = {tensor: tensor.detach().clone() for tensor in changes}
        with torch.no_grad():
            try:
                for tensor, other in changes.items():
                    tensor.copy_(other)
                after = self.hidden_states(clip)[0]
            finally:
                for tensor, other in saved.items():
                    tensor.copy_(other)
        return not unlike(after, before) <= 0

    @cached_property
    def reach(self) -> list[set[str]] | None:
        """By state, the names of the parameters that it depends on.

        None where the encoder keeps no graph, as under `torch.no_grad`.
        """
        encoder = self.load_tuned()
        named = [(n, p) for n, p in encoder.model.named_parameters() if p.requires_grad]
        if not named:
            return None
        clip = self.noise(12)[None].to(self.device)
        states, _ = encoder(clip, torch.tensor([clip.shape[1]]))
        if not states.requires_grad:
            return None
        generator = torch.Generator().manual_seed(0)
        weights = torch.randn(states.shape[1:], generator=generator).to(self.device)
        reached = []
        for state in states:
            gradients = torch.autograd.grad(
                (state * weights).sum(),
                [parameter for _, parameter in named],
                retain_graph=True,
                allow_unused=True,
            )
            pairs = zip(named, gradients, strict=True)
            reached.append({n for (n, _), g in pairs if g is not None and g.any()})
        return reached


def tensors_of(module: nn.Module) -> dict[str, Tensor]:
    """Return all tensors of a module by name.

    Parameters, by each of their names if they are shared, buffers that are saved and
    others, and whatever else a user's object in it reaches.
    """
    named: dict[str, object] = dict(module.named_parameters(remove_duplicate=False))
    for name, thing in reachable(module):
        named.setdefault(name, thing)
    return {
        n: one for n, one in named.items() if isinstance(one, Tensor) and one.numel()
    }


@contextmanager
def chance(seed: int) -> Iterator[None]:
    """Seed all that draws random numbers, for a while."""
    before = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed)
        try:
            yield
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])
