from dataclasses import replace
from typing import Any

import pytest
import torch
from sklearn.metrics import balanced_accuracy_score
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from crossemo.audits.audit_options import AuditOptions
from crossemo.audits.auditing import AuditedClips
from crossemo.audits.epochwise import best_epochs
from crossemo.errors import CrossEmoError
from crossemo.metrics.regression import concordance
from crossemo.probes.clips import TEST, TRAIN, VAL
from crossemo.tasks.values import Values
from tests.audits.made_up_clips import clips_of, spoken

OPTIONS = AuditOptions(epochs=6, batch_size=7, lr=0.02)


def trained(clips: AuditedClips, options: AuditOptions = OPTIONS) -> dict[int, Tensor]:
    generator = torch.Generator().manual_seed(5)
    inputs = clips.values, clips.targets, clips.parts, clips.task
    return best_epochs(*inputs, options, generator)


def one_by_one(clips: AuditedClips, shares: Tensor, loss: nn.Module) -> list[Tensor]:
    """Return the outputs of plain linear layers, `(epochs, clips, outputs)` a split."""
    generator = torch.Generator().manual_seed(5)
    longest = int((clips.parts == TRAIN).sum(1).max())
    steps = -(-longest // OPTIONS.batch_size)
    draws = [
        shares.multinomial(steps * OPTIONS.batch_size, True, generator=generator)
        for _ in range(OPTIONS.epochs)
    ]
    outputs = []
    for split, parts in enumerate(clips.parts):
        scaler = StandardScaler().fit(clips.values[parts == TRAIN])
        values = torch.tensor(scaler.transform(clips.values)).float()
        linear = nn.Linear(values.shape[1], len(clips.task.outputs))
        nn.init.zeros_(linear.weight), nn.init.zeros_(linear.bias)
        adam = torch.optim.Adam(linear.parameters(), OPTIONS.lr)
        epochs = []
        for drawn in draws:
            for rows in drawn[split].view(steps, -1):
                adam.zero_grad()
                loss(linear(values[rows]), clips.targets[rows]).backward()
                adam.step()
            epochs.append(linear(values).detach())
        outputs.append(torch.stack(epochs))
    return outputs


@pytest.fixture(scope="module")
def clips() -> AuditedClips:
    """Speech in folds of which one has fewer clips, and fewer of one class."""
    clips = spoken(speakers=7, takes=2, emotion=0.4, habit=0.3, seed=3)
    clips.parts[2, :5] = -1
    return clips


def test_every_split_is_trained_as_if_alone_and_its_best_epoch_is_the_first_best(
    clips: AuditedClips,
) -> None:
    learnt = (clips.parts == TRAIN).double()
    counts = torch.stack(
        [learnt[:, clips.targets == kind].sum(1) for kind in range(4)], 1
    )
    shares = learnt / counts[:, clips.targets]  # each class as often
    alone = one_by_one(clips, shares, nn.CrossEntropyLoss())
    decisions = trained(clips)
    chosen = []
    for split, outputs in enumerate(alone):
        said = outputs.argmax(-1)
        for part in (VAL, TEST):
            inside = clips.parts[split] == part
            scores = [
                balanced_accuracy_score(clips.targets[inside], one[inside])
                for one in said
            ]
            first = scores.index(max(scores))
            chosen.append(first)
            assert decisions[part][split].tolist() == said[first].tolist()
    assert len(set(chosen)) > 2  # or it would show little


def test_values_are_learnt_by_squares_and_chosen_by_their_agreement(
    clips: AuditedClips,
) -> None:
    weights = torch.randn(20, 2, generator=torch.Generator().manual_seed(1))
    targets = (0.2 * clips.values @ weights).tanh()
    valued = replace(clips, targets=targets, task=Values(("valence", "arousal")))
    learnt = (clips.parts == TRAIN).double()
    alone = one_by_one(valued, learnt, nn.MSELoss())
    decisions = trained(valued)
    for split, outputs in enumerate(alone):
        for part in (VAL, TEST):
            inside = clips.parts[split] == part
            true = targets[inside].T.double()
            scores = [
                float(concordance(one[inside].T.double(), true).mean())
                for one in outputs
            ]
            best = outputs[scores.index(max(scores))]
            torch.testing.assert_close(decisions[part][split], best, atol=1e-5, rtol=0)


def test_the_tested_clips_choose_no_worse_than_validation(clips: AuditedClips) -> None:
    decisions = trained(clips)
    for split, parts in enumerate(clips.parts):
        tested = parts == TEST
        by_test, by_validation = (
            balanced_accuracy_score(clips.targets[tested], decisions[p][split][tested])
            for p in (TEST, VAL)
        )
        assert by_test >= by_validation


def test_more_epochs_than_one_choose_among_more(clips: AuditedClips) -> None:
    one = trained(clips, replace(OPTIONS, epochs=1))
    assert torch.equal(one[VAL], one[TEST])  # there is nothing to choose


def test_a_feature_that_is_constant_in_training_says_nothing() -> None:
    speaker = torch.arange(6).repeat_interleave(4)
    targets = torch.tensor([0, 0, 1, 1]).repeat(6)
    own = nn.functional.one_hot(speaker).float()
    clips = clips_of(own, targets, speaker, folds=6)
    decisions = trained(clips)[VAL]
    for split, parts in enumerate(clips.parts):
        assert len(set(decisions[split][parts == TEST].tolist())) == 1


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("repeats", 1, "audit.repeats is 1: choose 2 or more."),
        ("epochs", 0, "audit.epochs is 0: choose 1 or more."),
        ("batch_size", 0, "audit.batch_size is 0: choose 1 or more."),
        ("lr", float("nan"), "audit.lr is nan: choose a learning rate"),
        ("seed", -1, "audit.seed is -1: choose 0 or more."),
    ],
)
def test_options_out_of_range_are_refused(option: str, value: Any, says: str) -> None:
    with pytest.raises(CrossEmoError, match=f"^{says}"):
        replace(OPTIONS, **{option: value})
