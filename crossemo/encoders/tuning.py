"""What of an encoder is trained: nothing, low-rank adapters, or everything."""

from typing import TYPE_CHECKING, Literal

import torch

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Tuning = Literal["frozen", "lora", "full"]
TUNINGS: tuple[Tuning, ...] = ("frozen", "lora", "full")


def freeze(model: torch.nn.Module) -> None:
    """Train nothing."""
    model.requires_grad_(False)


def add_lora(
    model: "PreTrainedModel",
    *,
    rank: int,
    alpha: float,
    dropout: float,
    seed: int,
) -> None:
    """Train low-rank adapters on the query and value projections (Hu et al., 2022).

    Args:
        model: The encoder, changed in place.
        rank: Rank of an adapter.
        alpha: Scale of an adapter, divided by its rank.
        dropout: Probability of dropping an adapter's input.
        seed: Seed of the adapters' first weights.
    """
    from peft import LoraConfig, inject_adapter_in_model  # takes seconds to import

    config = LoraConfig(
        r=rank,
        lora_alpha=alpha,
        lora_dropout=dropout,
        target_modules=["q_proj", "v_proj"],
    )
    freeze(model)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        inject_adapter_in_model(config, model)


def train_all(model: "PreTrainedModel", *, feature_extractor: bool) -> None:
    """Train every parameter that the hidden states depend on.

    A parameter that the loss can't reach would stop distributed training, which waits
    for its gradient.

    Args:
        model: The encoder, changed in place.
        feature_extractor: Whether the convolutions on the waveform are trained too.
    """
    model.requires_grad_(True)
    if not feature_extractor:
        model.feature_extractor.requires_grad_(False)
    if getattr(model.config, "do_stable_layer_norm", False):
        model.encoder.layer_norm.requires_grad_(False)  # follows the last hidden state
    if getattr(model, "adapter", None) is not None:
        model.adapter.requires_grad_(False)  # likewise
