import torch

from crossemo.metrics.binomial import binomial_reach
from crossemo.metrics.recognition import unweighted_recall


def test_it_is_how_far_the_score_wanders_by_the_luck_of_clips() -> None:
    # Three folds of unequal classes; the second has no clip of the last class.
    recalls = torch.tensor([0.3, 0.5, 0.8])
    clips = torch.tensor([[20, 10, 40], [30, 12, 0], [24, 16, 8]]).double()
    generator = torch.Generator().manual_seed(0)
    drawn = torch.binomial(
        clips.expand(20_000, -1, -1),
        recalls.double().expand(20_000, 3, -1),
        generator,
    )
    counts = torch.diag_embed(drawn)
    counts[..., 0, 1] += (clips - drawn)[..., 0]
    counts[..., 1, 0] += (clips - drawn)[..., 1]
    counts[..., 2, 0] += (clips - drawn)[..., 2]
    spread = float(unweighted_recall(counts).mean(-1).std())
    reach = float(binomial_reach(counts).mean())
    assert abs(reach / (1.96 * spread) - 1) < 0.03


def test_without_clips_there_is_none() -> None:
    assert binomial_reach(torch.zeros(2, 3, 3)).isnan()


def test_a_fold_without_clips_counts_for_nothing() -> None:
    one = torch.tensor([[[3.0, 1.0], [2.0, 2.0]]])
    both = torch.cat((one, torch.zeros_like(one)))
    assert torch.equal(binomial_reach(one), binomial_reach(both))
