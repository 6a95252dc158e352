from dataclasses import replace

import pytest
import torch

from crossemo.layerwise import with_choices
from crossemo.layerwise.warnings import rate_shares, warnings_of
from crossemo.probes.judgements import Judgements
from tests.layerwise.made_up import made_up_judgements

RATES = (1e-3, 1e-2, 1e-1)
JUDGEMENTS = made_up_judgements(roles=("speech", "song"))
# Of speech, two in three layers chose the lowest rate.
RATED = replace(JUDGEMENTS, rate=torch.full_like(JUDGEMENTS.rate, 1e-2))
RATED.rate[0, :2] = 1e-3
RATED.rate[:, 3:] = 1e-1  # references
RATED.rate[..., 2] = 1e-1  # shuffled labels


@pytest.mark.parametrize(
    "judgements", [RATED, with_choices(RATED)], ids=["plain", "best"]
)
def test_shares_of_rates_are_of_layers_and_true_labels(judgements: Judgements) -> None:
    assert rate_shares(judgements, RATES) == {
        "speech": pytest.approx({"0.001": 2 / 3, "0.01": 1 / 3, "0.1": 0}),
        "song": pytest.approx({"0.001": 0, "0.01": 1, "0.1": 0}),
    }


def test_an_end_of_the_rates_that_most_chose_is_worth_a_word() -> None:
    lower = "67 % of the probes on speech chose 0.001, the end of model.rates: give"
    assert list(warnings_of(RATED, RATES, 0.0)) == [f"{lower} lower ones too."]
    (higher,) = warnings_of(RATED, (1e-4, *RATES[:2]), 0.0)
    assert higher.startswith("100 % of the probes on song chose 0.01, the end")
    assert higher.endswith("give higher ones too.")
    assert not list(warnings_of(RATED, (1e-4, *RATES), 0.0))
    assert not list(warnings_of(RATED, (1e-3,), 0.0))  # nothing to choose


@pytest.mark.parametrize(("running", "share"), [(0.25, 25), (0.01, 1), (1.0, 100)])
def test_probes_that_had_not_stopped_are_warned_of(running: float, share: int) -> None:
    (sentence,) = warnings_of(RATED, (1e-4, *RATES), running)
    end = "of the probes had not stopped by the last epoch: give --trainer.max_epochs"
    assert sentence.startswith(f"{share} % {end}")


def test_a_few_probes_that_had_not_stopped_are_worth_no_word() -> None:
    assert not list(warnings_of(RATED, (1e-4, *RATES), 0.009))
