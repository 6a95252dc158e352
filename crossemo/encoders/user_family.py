"""What the general encoder asks of a family, answered by a user's class.

The class has the four names of X-ARES (https://github.com/jimbozhang/xares):
`sampling_rate`, `output_dim`, `hop_size_in_ms` and `forward(audio)`.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import isfinite
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from crossemo.encoders.catalogue import RATES, EncoderError, EncoderFacts
from crossemo.encoders.families.base import EncoderFiles, Family, Model, Run
from crossemo.encoders.reachable import reachable
from crossemo.encoders.user_code import UserCode, blamed_on, run_code

_NAMES = ("sampling_rate", "output_dim", "hop_size_in_ms", "forward")


class UserModel(nn.Module):
    """A user's encoder, whose answers are checked.

    Args:
        code: The class.
        seed: Seed of weights that it draws.

    Attributes:
        encoder: An object of the class.
        rate: Sampling rate in Hz.
        width: Features per frame.
        hop: Samples from one frame to the next.
        num_states: How many hidden states it gives.

    Raises:
        EncoderError: It lacks one of the names, or fails.
    """

    def __init__(self, code: UserCode, seed: int = 0) -> None:
        super().__init__()
        self.code = code
        self.encoder = run_code(code, seed)
        for name in _NAMES:
            with blamed_on(code):
                named = hasattr(self.encoder, name)
            if not named:
                raise EncoderError(
                    f"{code} has no {name}: an encoder has {', '.join(_NAMES)}."
                )
        self.rate = int(self._number("sampling_rate"))
        if self.rate not in RATES:
            raise EncoderError(
                f"sampling_rate of {code} is {self.rate} Hz: a rate is {RATES.start} "
                f"to {RATES.stop - 1} Hz."
            )
        self.width = int(self._number("output_dim"))
        self.hop = self._number("hop_size_in_ms") * self.rate / 1000
        # It stands for the device, also of an encoder that has no weights.
        self.place = nn.Parameter(torch.empty(0), requires_grad=False)
        self.parts = nn.ModuleDict()  # what it holds out of torch's sight
        known = set(self.modules())
        for path, part in self.encoder_parts():
            if isinstance(part, nn.Module) and part not in known:
                self.parts[path.replace(".", "/")] = part
                known |= set(part.modules())
        self._frames: dict[int, int] = {}
        self.num_states = 1
        self.eval()
        self.min_samples = self._min_samples()

    def states(self, waveforms: Tensor, lengths: Sequence[int]) -> list[Tensor]:
        """Return the hidden states of a batch; one if the class has `forward` alone.

        Clips of which only `forward` knows are handed over without padding, those of
        one length together.

        Args:
            waveforms: `(batch, samples)`, zero on padding.
            lengths: Valid samples of each clip.

        Returns:
            `(batch, frames, width)` each.

        Raises:
            EncoderError: The class fails or gives something else.
        """
        if hasattr(self.encoder, "hidden_states"):
            together = torch.tensor(lengths, device=waveforms.device)
            with blamed_on(self.code), layer_by_layer():
                given = self.encoder.hidden_states(waveforms, together)
            return self._checked(given, "hidden_states", waveforms)
        clips: list[Tensor] = [waveforms] * len(lengths)
        for length in dict.fromkeys(lengths):
            rows = [row for row, one in enumerate(lengths) if one == length]
            audio = waveforms[rows, :length]
            with blamed_on(self.code), layer_by_layer():
                given = self._forward(audio)
            (frames,) = self._checked([given], "forward", audio)
            self._frames[length] = frames.shape[1]
            for row, clip in zip(rows, frames, strict=True):
                clips[row] = clip
        return [pad_sequence(clips, batch_first=True)]

    def count_frames(self, lengths: Sequence[int]) -> list[int]:
        """Return how many frames clips have, which may need a trial for a new length.

        Args:
            lengths: Samples of each clip.
        """
        if hasattr(self.encoder, "count_frames"):
            with blamed_on(self.code):
                counts = [int(count) for count in self.encoder.count_frames(lengths)]
            if len(counts) != len(lengths):
                raise EncoderError(
                    f"count_frames of {self.code} gives {len(counts)} numbers for "
                    f"{len(lengths)} clips: give one for each."
                )
            return counts
        for length in set(lengths) - self._frames.keys():
            silence = torch.zeros(1, length, device=self.place.device)
            with torch.no_grad(), evaluating(self):
                frames = self.states(silence, [length])[0].shape[1]
            self._frames[length] = frames
        return [self._frames[length] for length in lengths]

    def _forward(self, audio: Tensor) -> Any:  # noqa: ANN401
        module = isinstance(self.encoder, nn.Module)  # whose hooks are called too
        return self.encoder(audio) if module else self.encoder.forward(audio)

    def encoder_parts(self) -> Iterator[tuple[str, object]]:
        """Return the user's object and what it reaches, each with its path."""
        with blamed_on(self.code):
            return iter(list(reachable(self.encoder)))

    def _checked(self, given: Any, method: str, audio: Tensor) -> list[Tensor]:  # noqa: ANN401
        several = isinstance(given, Tensor) and given.dim() == 4
        several = several or isinstance(given, list | tuple)
        states = list(given) if several else [given]
        shapes = [
            tuple(one.shape) if isinstance(one, Tensor) else type(one).__name__
            for one in states
        ]
        frames = shapes[0][1] if shapes and len(shapes[0]) == 3 else 0
        fits = frames and set(shapes) == {(len(audio), frames, self.width)}
        if not fits:
            strange = next((one for one in shapes if one != shapes[0]), None)
            raise EncoderError(
                f"{method} of {self.code} gives {strange or [*shapes, 'nothing'][0]} "
                f"of audio {tuple(audio.shape)}: it returns (batch, frames, "
                f"{self.width}), as output_dim says."
            )
        if not all(one.is_floating_point() for one in states):
            raise EncoderError(
                f"{method} of {self.code} gives {states[0].dtype}: hidden states are "
                "floating-point numbers."
            )
        return states

    def _number(self, name: str) -> float:
        with blamed_on(self.code):
            value = getattr(self.encoder, name)
        try:
            number = float(value)
            if not (isfinite(number) and number > 0):
                raise ValueError
        except (OverflowError, TypeError, ValueError) as error:
            raise EncoderError(
                f"{name} of {self.code} is {value!r}: give a positive number."
            ) from error
        return number

    def _min_samples(self) -> int:
        """Return the shortest clip that gives a frame, as far as doubling finds it."""
        declared = hasattr(self.encoder, "min_samples")
        least = self._number("min_samples") if declared else self.hop
        if least > self.rate:
            raise EncoderError(
                f"{self.code} needs {least:.0f} samples, more than a second: give "
                "hop_size_in_ms and min_samples of a shorter clip."
            )
        samples = max(int(least), 1)
        while True:
            noise = torch.randn(1, samples, generator=torch.Generator().manual_seed(0))
            try:
                with torch.no_grad():
                    self.num_states = len(self.states(0.1 * noise, [samples]))
                return samples
            except EncoderError:
                if samples >= self.rate or declared:
                    raise
                samples = min(2 * samples, self.rate)


class UserFamily(Family):
    """A user's class.

    Args:
        code: The class.
    """

    code: UserCode

    def __init__(self, code: UserCode) -> None:
        self.code = code

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return "user's own"

    @property
    def model_types(self) -> tuple[str, ...]:
        """None: no config.json names a user's file."""
        return ()

    def facts(self) -> EncoderFacts:
        """Return what the data must be like, for which the class is tried out."""
        known = _FACTS.get(self.code)
        if known is None:
            model = UserModel(self.code)
            known = _FACTS[self.code] = EncoderFacts(model.rate, model.min_samples)
        return known

    def min_samples(self, files: EncoderFiles) -> int:
        """Return the shortest clip that gives a frame."""
        return self.facts().min_samples

    def architecture(
        self, files: EncoderFiles, *, dropout: bool
    ) -> tuple[Callable[[Any], Model], Any]:
        """Return what makes the model, of a seed."""
        return lambda seed: UserModel(self.code, seed), 0

    def traits(self, model: Model, files: EncoderFiles) -> list[Any]:
        """Return a digest of the file, wherever it lies."""
        return [self.code.class_name, self.code.digest]

    def tensors(self, model: Model) -> Iterator[tuple[str, Tensor]]:
        """Return all tensors and arrays that the class reaches, as plain tensors."""
        for name, one in reachable(model):
            if isinstance(one, np.ndarray):
                content = torch.from_numpy(
                    np.frombuffer(one.tobytes(), np.uint8).copy()
                )
                yield f"{name} {one.dtype} {one.shape}", content
            elif isinstance(one, Tensor) and not one.is_meta:
                dense = one.detach() if one.layout == torch.strided else one.to_dense()
                yield name, dense.resolve_conj().resolve_neg().cpu()

    def count_frames(self, model: Model, lengths: Sequence[int]) -> list[int]:
        """Return what the class says, or what it gives of clips of these lengths."""
        counts: list[int] = model.count_frames(lengths)
        return counts

    def embed(
        self, model: Model, waveforms: Tensor, lengths: Sequence[int], run: Run
    ) -> Tensor:
        """Return the first hidden state."""
        return self.hidden_states(model, waveforms, lengths, run)[0]

    def hidden_states(
        self, model: Model, waveforms: Tensor, lengths: Sequence[int], run: Run
    ) -> list[Tensor]:
        """Return what the class gives."""
        states: list[Tensor] = model.states(waveforms, lengths)
        return states

    def blocks(self, model: Model) -> Sequence[nn.Module]:
        """Return nothing, as only the class knows its blocks."""
        return []

    def count_states(self, model: Model) -> int:
        """Return how many hidden states the class gives."""
        return int(model.num_states)

    def width(self, model: Model) -> int:
        """Return what the class calls `output_dim`."""
        return int(model.width)

    def unreached(self, model: Model) -> tuple[str, ...]:
        """Return what is no weight."""
        return ("place",)


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Have a module evaluate for a while, whatever its parts did before."""
    before = {one: one.training for one in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for one, training in before.items():
            one.training = training


@contextmanager
def layer_by_layer() -> Iterator[None]:
    """Have torch's own transformer layers call the layers that they consist of.

    In evaluation they read the weights instead, past any adapter on them.
    """
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


_FACTS: dict[UserCode, EncoderFacts] = {}  # of this process
