from dataclasses import replace

import pytest
import torch

from crossemo.layerwise import with_choices
from crossemo.layerwise.grid import choice_shares, end_warnings
from crossemo.probes.judgements import Judgements
from tests.layerwise.made_up import made_up_judgements

RATES = (1e-3, 1e-2, 1e-1)
JUDGEMENTS = made_up_judgements(roles=("speech", "song"))
# Of speech, two in three layers chose the lowest rate.
RATED = replace(JUDGEMENTS, choice=torch.full_like(JUDGEMENTS.choice, 1e-2))
RATED.choice[0, :2] = 1e-3
RATED.choice[:, 3:] = 1e-1  # references
RATED.choice[..., 2] = 1e-1  # shuffled labels


@pytest.mark.parametrize(
    "judgements", [RATED, with_choices(RATED)], ids=["plain", "best"]
)
def test_shares_are_of_layers_and_true_labels(
    judgements: Judgements,
) -> None:
    assert choice_shares(judgements, RATES) == {
        "speech": pytest.approx({"0.001": 2 / 3, "0.01": 1 / 3, "0.1": 0}),
        "song": pytest.approx({"0.001": 0, "0.01": 1, "0.1": 0}),
    }


def test_an_end_of_the_rates_that_most_chose_is_worth_a_word() -> None:
    lower = "67 % of the probes on speech chose 0.001, the end of model.rates: give"
    assert list(end_warnings(RATED, RATES, "rates")) == [f"{lower} lower ones too."]
    (higher,) = end_warnings(RATED, (1e-4, *RATES[:2]), "rates")
    assert higher.startswith("100 % of the probes on song chose 0.01, the end")
    assert higher.endswith("give higher ones too.")
    assert not list(end_warnings(RATED, (1e-4, *RATES), "rates"))
    assert not list(end_warnings(RATED, (1e-3,), "rates"))  # nothing to choose
