"""One sequence of frames from all hidden states of an encoder."""

from typing import Literal

import torch
from torch import Tensor, nn

from crossemo.errors import CrossEmoError

LayerMode = Literal["weighted", "last"] | int


class LayerMix(nn.Module):
    """Mix of the hidden states: a learnt weighted sum, the last state or one of them.

    The weighted sum is SUPERB's (Yang et al., 2021): the weights are the softmax of
    one number per state, zeros at first, so that training begins at the plain mean.
    State 0 is what enters the first transformer block, state `l` what block `l` gives.

    Args:
        num_states: Number of hidden states, layers + 1.
        width: Features per frame.
        mode: `weighted`, `last`, or the index of one state from 0. Negative indices
            are refused.
        layer_norm: Normalise each frame of each state over its features, without
            trainable scale or shift, before the sum. States differ in scale, so that
            without it a weight is not the layer's share of the sum.

    Raises:
        CrossEmoError: `mode` is neither a known word nor the index of a state.

    >>> LayerMix(num_states=3, width=8, mode=1).weights()
    tensor([0., 1., 0.])
    """

    one_hot: Tensor

    def __init__(
        self,
        num_states: int,
        width: int,
        mode: LayerMode = "weighted",
        layer_norm: bool = False,
    ) -> None:
        super().__init__()
        self.num_states = num_states
        self.width = width
        self.layer_norm = layer_norm
        self.index = _state_index(mode, num_states)
        if self.index is None:
            self.raw_weights = nn.Parameter(torch.zeros(num_states))
        else:
            one_hot = torch.zeros(num_states)
            one_hot[self.index] = 1.0
            self.register_buffer("one_hot", one_hot, persistent=False)

    def reset_parameters(self) -> None:
        """Weigh all states alike again."""
        if self.index is None:
            nn.init.zeros_(self.raw_weights)

    def weights(self) -> Tensor:
        """Return the share of each state, `(layers + 1,)`; the shares sum to one."""
        return self.one_hot if self.index is not None else self.raw_weights.softmax(0)

    def shares(self) -> list[float]:
        """Return the weights as plain numbers."""
        shares: list[float] = self.weights().detach().float().cpu().tolist()
        return shares

    def forward(self, states: Tensor) -> Tensor:
        """Mix the hidden states.

        Args:
            states: `(layers + 1, batch, frames, width)`.

        Returns:
            `(batch, frames, width)`.

        Raises:
            ValueError: The number of states or their width is not what was declared;
                an encoder with layer drop gives fewer states while it trains.
        """
        if states.ndim != 4 or (len(states), states.shape[-1]) != (
            self.num_states,
            self.width,
        ):
            raise ValueError(
                f"The layer mix takes hidden states of shape ({self.num_states}, batch,"
                f" frames, {self.width}) and got {tuple(states.shape)}: does it belong "
                "to this encoder, and is the encoder's layer drop off?"
            )
        if self.index is not None:
            return self._normed(states[self.index])
        weights = self.weights().to(states.dtype)
        mixed: Tensor = torch.tensordot(weights, self._normed(states), dims=1)
        return mixed

    def _normed(self, states: Tensor) -> Tensor:
        if not self.layer_norm:
            return states
        return nn.functional.layer_norm(states, (self.width,))


def _state_index(mode: LayerMode, num_states: int) -> int | None:
    if mode == "weighted":
        return None
    if mode == "last":
        return num_states - 1
    is_index = isinstance(mode, int) and not isinstance(mode, bool)
    if is_index and 0 <= mode < num_states:
        return mode
    raise CrossEmoError(
        f"No hidden state {mode!r}: choose weighted, last or an index from 0 to "
        f"{num_states - 1}."
    )
