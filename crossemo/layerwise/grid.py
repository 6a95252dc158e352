"""What was chosen for the probes, and a warning where the grid was too short."""

from collections.abc import Iterator, Sequence

import torch

from crossemo.layerwise.choices import layer_views
from crossemo.probes.judgements import Judgements

MAX_AT_END = 0.5  # share of the probes at an end of a grid that is worth no warning


def choice_shares(
    judgements: Judgements, grid: Sequence[float]
) -> dict[str, dict[str, float]]:
    """Return the share of the layers' probes for which each of a grid was chosen.

    Those that learnt shuffled targets don't count.

    Args:
        judgements: The judgements.
        grid: Penalties or learning rates to choose from.

    Returns:
        By role that the probes were trained on, the shares by penalty or rate.
    """
    true = torch.tensor([shuffle is None for _, shuffle in judgements.variants])
    layers = layer_views(judgements.views)
    shares = {}
    for role, best in zip(judgements.names, judgements.choice, strict=True):
        choices = best[layers][:, :, true]
        shares[role] = {
            f"{one:g}": float((choices == torch.tensor(one)).double().mean())
            for one in grid
        }
    return shares


def end_warnings(
    judgements: Judgements, grid: Sequence[float], name: str
) -> Iterator[str]:
    """Yield a sentence for each end of a grid that most of a role's probes chose.

    Args:
        judgements: The judgements.
        grid: What they chose from.
        name: Name of the option that holds it.
    """
    ends = {f"{min(grid):g}": "lower", f"{max(grid):g}": "higher"}
    for role, shares in choice_shares(judgements, grid).items():
        for end, others in ends.items():
            if shares[end] > MAX_AT_END and len(shares) > 1:
                yield (
                    f"{100 * shares[end]:.0f} % of the probes on {role} chose {end}, "
                    f"the end of model.{name}: give {others} ones too."
                )
