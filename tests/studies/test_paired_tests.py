import torch
from scipy.stats import binomtest

from tests.benchmarks.simulate_studies import simulate


def test_null_studies_raise_few_false_alarms() -> None:
    """Five equal folds whose trainings have luck of their own.

    Tests over units instead of folds fail here, with 12 to 20 % of false alarms.
    """
    studies = 60
    outcomes = simulate((4,) * 5, seeds=1, luck=0.08, middle=0.5, studies=studies)
    for name in ("gain", "kept", "zero-shot", "joint"):
        alarms = int(outcomes[name].sum())
        assert binomtest(alarms, studies, 0.05, "greater").pvalue > 0.001, name
    together = torch.stack([outcomes[name] for name in outcomes if "held" not in name])
    assert 0.02 < float(together.mean()) < 0.09
    for name in ("UA held", "differences held"):
        assert 0.9 < float(outcomes[name].mean()) < 1
