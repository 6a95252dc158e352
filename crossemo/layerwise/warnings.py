"""What a reader of the scores must know."""

from collections.abc import Iterator, Sequence

import torch

from crossemo.probes.judgements import Judgements

FEW = 0.01  # share of running probes that is worth a word
MOST = 0.5  # share of the probes at an end of the rates that is worth a word


def rate_shares(
    judgements: Judgements, rates: Sequence[float]
) -> dict[str, dict[str, float]]:
    """Return the share of the layers' probes that chose each learning rate.

    Those that learnt shuffled labels don't count.

    Args:
        judgements: The judgements.
        rates: What they chose from.

    Returns:
        Shares by rate, by role that was learnt from.
    """
    true = torch.tensor([shuffle is None for _, shuffle in judgements.variants])
    layers = [
        number
        for number, view in enumerate(judgements.views)
        if view.kind == "encoder" and view.layer is not None
    ]
    shares = {}
    for role, chosen in zip(judgements.names, judgements.rate, strict=True):
        told = chosen[layers][..., true]
        shares[role] = {
            f"{rate:g}": float((told == torch.tensor(rate)).double().mean())
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
    if running >= FEW:
        yield (
            f"{100 * running:.0f} % of the probes had not stopped by the last epoch: "
            "give --trainer.max_epochs more."
        )
    ends = {f"{min(rates):g}": "lower", f"{max(rates):g}": "higher"}
    for role, shares in rate_shares(judgements, rates).items():
        for rate, what in ends.items():
            if shares[rate] > MOST and len(shares) > 1:
                yield (
                    f"{100 * shares[rate]:.0f} % of the probes on {role} chose {rate}, "
                    f"the end of model.rates: give {what} ones too."
                )
