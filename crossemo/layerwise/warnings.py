"""Warnings on probes that could have been trained better."""

from collections.abc import Iterator, Sequence

import torch

from crossemo.layerwise.choices import layer_views
from crossemo.probes.judgements import Judgements

MIN_RUNNING = 0.01  # share of running probes that is worth a warning
MAX_AT_END = 0.5  # share of the probes at an end of the rates that is worth none


def rate_shares(
    judgements: Judgements, rates: Sequence[float]
) -> dict[str, dict[str, float]]:
    """Return the share of the layers' probes whose best learning rate is each of some.

    Those that learnt shuffled labels don't count.

    Args:
        judgements: The judgements.
        rates: Learning rates to choose from.

    Returns:
        By role that the probes were trained on, the shares by rate.
    """
    true = torch.tensor([shuffle is None for _, shuffle in judgements.variants])
    layers = layer_views(judgements.views)
    shares = {}
    for role, best in zip(judgements.names, judgements.rate, strict=True):
        best_rates = best[layers][..., true]
        shares[role] = {
            f"{rate:g}": float((best_rates == torch.tensor(rate)).double().mean())
            for rate in rates
        }
    return shares


def warnings_of(
    judgements: Judgements, rates: Sequence[float], running: float
) -> Iterator[str]:
    """Yield sentences on probes that could have been better.

    Args:
        judgements: The judgements.
        rates: Learning rates to choose from.
        running: Share of the probes that hadn't stopped by the last epoch.
    """
    if running >= MIN_RUNNING:
        yield (
            f"{100 * running:.0f} % of the probes had not stopped by the last epoch: "
            "give --trainer.max_epochs more."
        )
    ends = {f"{min(rates):g}": "lower", f"{max(rates):g}": "higher"}
    for role, shares in rate_shares(judgements, rates).items():
        for rate, others in ends.items():
            if shares[rate] > MAX_AT_END and len(shares) > 1:
                yield (
                    f"{100 * shares[rate]:.0f} % of the probes on {role} chose {rate}, "
                    f"the end of model.rates: give {others} ones too."
                )
