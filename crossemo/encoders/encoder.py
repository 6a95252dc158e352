"""The encoder: waveforms of different lengths in, hidden states of every block out."""

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from crossemo.data.provenance import NOTHING, Provenance
from crossemo.encoders.attention import running
from crossemo.encoders.catalogue import EncoderError, EncoderFacts
from crossemo.encoders.families import find_family
from crossemo.encoders.families.base import EncoderFiles, Family, Model, Step
from crossemo.encoders.masking import normalise, valid_mask
from crossemo.encoders.saving import record_in_config, save_encoder
from crossemo.encoders.tuning.adaptation import Adaptation, Tuning


class HiddenStates(NamedTuple):
    """What an encoder makes of a batch of clips.

    Args:
        states: `(layers + 1, batch, frames, width)`. State 0 is what the first block
            reads, state k what block k gives. The values on padding mean nothing.
        mask: `(batch, frames)` bool, True on frames of the clip.
    """

    states: Tensor
    mask: Tensor


class SSLEncoder(nn.Module):
    """A self-supervised speech or music encoder with all its hidden states.

    A clip gets the same hidden states alone and beside longer clips, to rounding.

    Models with stable layer norm (the large ones, MERT 330M) normalise once more after
    the last block. The last hidden state here hasn't passed that norm, as in
    transformers' `hidden_states`; transformers' `last_hidden_state` has. Their states
    differ in scale, so a sum over layers should normalise each one.

    `load_encoder` makes one.

    Args:
        model: The model without a head.
        family: What kind of encoder it is.
        files: The small files that describe it, with the name that it was loaded by.
        facts: Sampling rate and shortest clip.
        normalised: Whether each clip is brought to zero mean and unit variance first.
        fingerprint: What `fingerprint` returns.
        adaptation: What of it is tuned, and how.
        pretrained: Whether the weights that aren't trained can be had again from where
            they were loaded.
        provenance: What the weights have seen of corpora, as far as it was recorded.
        gradient_checkpointing: Compute hidden states again in the backward pass rather
            than keep them.
    """

    def __init__(
        self,
        model: Model,
        family: Family,
        *,
        files: EncoderFiles,
        facts: EncoderFacts,
        normalised: bool,
        fingerprint: str,
        adaptation: Adaptation,
        pretrained: bool,
        provenance: Provenance = NOTHING,
        gradient_checkpointing: bool = False,
    ) -> None:
        super().__init__()
        self.model = model
        self.family = family
        self.files, self.name = files, files.name
        self.sampling_rate = facts.sampling_rate
        self.min_samples = facts.min_samples
        self.num_states = family.count_states(model)
        self.width = family.width(model)
        self.normalised = normalised
        self.tuning: Tuning = adaptation.tuning
        self.adaptation = adaptation
        self.gradient_checkpointing = gradient_checkpointing
        self.provenance = provenance
        self.pretrained = pretrained
        self._fingerprint = fingerprint
        self._pretrained = adaptation.base_parameters() if pretrained else set()
        self.train_only(adaptation.tuned())
        self.keep(adaptation.tuned())

    def train_only(self, names: Iterable[str]) -> None:
        """Train the parameters of these names, and no others.

        While there are none the encoder stays in evaluation mode, whatever happens, and
        keeps no graph. It leaves that mode again with the next call of `train`.
        """
        trained = set(names)
        for name, parameter in self.model.named_parameters():
            parameter.requires_grad = name in trained
        self._frozen = not trained
        self.train(self.training)

    def keep(self, names: Iterable[str]) -> None:
        """Have checkpoints hold parameters that are, or will be, trained."""
        self._pretrained -= set(names)

    def train(self, mode: bool = True) -> "SSLEncoder":
        """Set training mode; while nothing is trained it is evaluation mode."""
        super().train(mode and not self._frozen)
        return self

    @property
    def provenance(self) -> Provenance:
        """What the weights have seen of corpora."""
        return self._provenance

    @provenance.setter
    def provenance(self, provenance: Provenance) -> None:
        self._provenance = provenance
        record_in_config(self.model, provenance)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the encoder to a folder that `load_encoder` and transformers read.

        What its weights have seen is written beside them. Of a model that isn't
        transformers' own only `load_encoder` reads it.

        Args:
            folder: The folder; files of an encoder there are replaced.

        Raises:
            EncoderError: It has adapters, or no config.json describes it.
        """
        adapted = self.adaptation.adapters is not None or self.tuning == "houlsby"
        if adapted or not self._has_a_description():
            what = f"adapters ({self.tuning})" if adapted else "no code to save it"
            raise EncoderError(
                f"{self.name} has {what}, so no folder of an encoder can hold it: save "
                "a checkpoint, or merge the adapters that the run wrote with peft."
            )
        config, extractor = self.files.config, self.extractor()
        save_encoder(self.model, config, extractor, self.provenance, Path(folder))

    def extractor(self) -> Any:  # noqa: ANN401
        """Return transformers' feature extractor that says what the encoder takes."""
        return self.family.feature_extractor(
            self.model, self.sampling_rate, self.normalised
        )

    def _has_a_description(self) -> bool:
        config = self.files.config
        described = find_family(config.get("model_type"), config) is self.family
        return described or hasattr(self.model, "save_pretrained")

    def merged(self) -> Model:
        """Return the model without adapters, which its own weights hold instead.

        Returns:
            A copy on the CPU where there are adapters, and else the model itself.

        Raises:
            EncoderError: Its adapters are no change of its weights.
        """
        if self.adaptation.adapters is not None:
            return self.adaptation.adapters.merged()
        if self.tuning == "houlsby":
            raise EncoderError(
                "bottleneck adapters (houlsby) are layers of their own, which the "
                "encoder's weights can't hold"
            )
        return self.model

    def fingerprint(self) -> str:
        """Return a digest of the encoder as it was loaded, before any training.

        For random weights it is a digest of what they were made from, since the same
        seed gives other last bits on other processors.
        """
        return self._fingerprint

    def pretrained_keys(self) -> set[str]:
        """Return the keys of the state dict that needn't be stored in a checkpoint.

        Their values are those of the pretrained files and aren't trained. Empty for an
        encoder that was made with random weights.
        """
        named = self.model.named_parameters()
        names = {n for n, p in named if n in self._pretrained and not p.requires_grad}
        return {f"model.{name}" for name in names}

    def freeze_above(self, state: int) -> None:
        """Stop training the blocks that hidden states 0 to `state` don't depend on.

        Distributed training waits for a gradient of every trained parameter, so call
        it when the loss reads no state above this one.
        """
        self.adaptation.leave_out(self.num_states - 1 - state)
        self.train_only(self.adaptation.tuned())

    def states_of(
        self, layers: Literal["all"] | int | Sequence[int], option: str
    ) -> list[int]:
        """Return the indices of the hidden states that an option names.

        Args:
            layers: `all` hidden states, or one or several by their indices.
            option: Name of the option, for messages.

        Raises:
            EncoderError: None is named, or one that the encoder doesn't have.
        """
        if layers == "all":
            return list(range(self.num_states))
        states = [layers] if isinstance(layers, int) else [int(n) for n in layers]
        if not states:
            raise EncoderError(f"{option} is empty: name a hidden state, or say all.")
        for state in states:
            if state not in range(self.num_states):
                raise EncoderError(
                    f"{option} names state {state}, and {self.name} has the states 0 "
                    f"to {self.num_states - 1}."
                )
        return states

    def count_frames(self, lengths: Sequence[int]) -> list[int]:
        """Return how many frames clips have whose lengths in samples are given."""
        return self.family.count_frames(self.model, lengths)

    def forward(self, waveforms: Tensor, lengths: Tensor) -> HiddenStates:
        """Return all hidden states of a batch of clips.

        Args:
            waveforms: `(batch, samples)` at `sampling_rate`, padded on the right; what
                is in the padding has no effect.
            lengths: `(batch,)` valid samples of each clip.

        Raises:
            EncoderError: A clip is too short for one frame, or longer than its row, or
                the encoder can't attend or be compiled here as it was chosen.
        """
        if torch.compiler.is_exporting():
            return self._encode(waveforms, lengths)
        counts: list[int] = lengths.tolist()
        self._check(counts, waveforms.shape[1])
        with running(self.model, waveforms.device, self.name):
            return self._encode(waveforms, counts)

    def _check(self, lengths: Sequence[int], samples: int) -> None:
        for clip, length in enumerate(lengths):
            if length < self.min_samples:
                raise EncoderError(
                    f"Clip {clip} of the batch has {length} samples, but {self.name} "
                    f"needs {self.min_samples} "
                    f"({1000 * self.min_samples / self.sampling_rate:.1f} ms at "
                    f"{self.sampling_rate} Hz): leave it out or pad it with silence."
                )
            if length > samples:
                raise EncoderError(
                    f"Clip {clip} of the batch has {length} samples by `lengths`, but "
                    f"its row only {samples}: the two don't belong together."
                )

    def _encode(self, waveforms: Tensor, lengths: Any) -> HiddenStates:  # noqa: ANN401
        if not self._frozen:
            return self._states(waveforms, lengths)
        with torch.no_grad():
            return self._states(waveforms, lengths)

    def _states(self, waveforms: Tensor, lengths: Any) -> HiddenStates:  # noqa: ANN401
        inside = valid_mask(lengths, waveforms.shape[1], waveforms.device)
        signal = waveforms.float()
        if self.normalised:
            signal = normalise(signal, inside)
        else:
            signal = signal.masked_fill(~inside, 0)
        states = torch.stack(
            self.family.hidden_states(self.model, signal, lengths, self._run)
        )
        frames = self.count_frames(lengths)
        return HiddenStates(states, valid_mask(frames, states.shape[2], states.device))

    def _run(self, step: Step, hidden: Tensor, **options: Any) -> Tensor:  # noqa: ANN401
        output: Tensor | tuple[Tensor, ...]
        apply = partial(step, **options)
        if self.gradient_checkpointing and self.training:
            # The reentrant kind gives wrong gradients where every state is used.
            output = checkpoint(apply, hidden, use_reentrant=False)
        else:
            output = apply(hidden)
        return output[0] if isinstance(output, tuple) else output
