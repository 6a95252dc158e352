from dataclasses import replace

import pytest
import torch

from crossemo.layerwise.warnings import rate_shares, warnings_of
from tests.layerwise.told import made_up_judgements

RATES = (1e-3, 1e-2, 1e-1)
TOLD = made_up_judgements(roles=("speech", "song"))
# of speech, two in three true labels chose the lowest rate; shuffled ones do not count
CHOSEN = replace(TOLD, rate=torch.full_like(TOLD.rate, 1e-2))
CHOSEN.rate[0, :4, :, :2] = 1e-3
CHOSEN.rate[1, :, :, 2] = 1e-1


def test_shares_of_rates_are_of_true_labels() -> None:
    assert rate_shares(CHOSEN, RATES) == {
        "speech": pytest.approx({"0.001": 2 / 3, "0.01": 1 / 3, "0.1": 0}),
        "song": pytest.approx({"0.001": 0, "0.01": 1, "0.1": 0}),
    }


def test_an_end_of_the_rates_that_most_chose_is_worth_a_word() -> None:
    lower = "67 % of the probes on speech chose 0.001, the end of model.rates: give"
    assert list(warnings_of(CHOSEN, RATES, 0.0)) == [f"{lower} lower ones too."]
    (higher,) = warnings_of(CHOSEN, (1e-4, *RATES[:2]), 0.0)
    assert higher.startswith("100 % of the probes on song chose 0.01, the end")
    assert higher.endswith("give higher ones too.")
    assert not list(warnings_of(CHOSEN, (1e-4, *RATES), 0.0))
    assert not list(warnings_of(CHOSEN, (1e-3,), 0.0))  # nothing to choose


def test_probes_that_still_improved_are_told() -> None:
    (sentence,) = warnings_of(CHOSEN, (1e-4, *RATES), 0.25)
    assert sentence.startswith("25 % of the probes still improved at the last epoch")
