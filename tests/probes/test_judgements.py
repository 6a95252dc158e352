import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from sklearn.preprocessing import StandardScaler

from crossemo.errors import CrossEmoError
from crossemo.probes.clips import TEST, TRAIN, VAL
from crossemo.probes.judgements import Condition, Judgements, judge, read_judgements
from crossemo.probes.views import View
from crossemo.tasks.classes import Classes
from tests.probes.made_up import (
    CLASSES,
    features,
    judged,
    judged_superb,
    made_up,
    solve,
    train,
    untrained,
)

ROLES = ("speech", "song")
CLIPS = made_up(roles=ROLES)
VALUES = features(CLIPS)


@pytest.fixture(scope="module")
def told() -> Judgements:
    return judged(CLIPS, VALUES)


def test_probes_are_judged_on_their_role_and_across(told: Judgements) -> None:
    assert told.conditions == [
        Condition("speech", "speech", "trained"),
        Condition("song", "song", "trained"),
        Condition("speech", "song", "trained"),
        Condition("speech", "song", "judged"),
        Condition("song", "speech", "trained"),
        Condition("song", "speech", "judged"),
    ]
    for said, condition in zip(told.said, told.conditions, strict=True):
        theirs = told.roles == ROLES.index(condition.judged)
        assert (said[:, :, theirs] >= 0).all()
        assert (said[:, :, ~theirs] == -1).all()


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize("head", ["linear", "superb"])
def test_judgements_are_those_of_the_probes_by_hand(
    told: Judgements, number: int, head: str
) -> None:
    condition = told.conditions[number]
    role, judged_role = ROLES.index(condition.trained), ROLES.index(condition.judged)
    own = role if condition.scaler == "trained" else judged_role
    if head == "linear":  # fitted on training and validation clips
        judgements, fitted = told, [TRAIN, VAL]
        maps, recall, choice = solve(CLIPS, VALUES, role).chosen()
    else:
        judgements, fitted = judged_superb(CLIPS, VALUES), [TRAIN]
        probes = train(untrained(CLIPS, VALUES, role=role), VALUES)
        maps, recall, choice = probes.chosen()
    maps = [one.double() for one in maps]
    for fold, parts in enumerate(CLIPS.parts):
        inside = np.isin(parts.numpy(), fitted)
        learnt = VALUES.double()[(CLIPS.roles == own) & torch.tensor(inside)]
        tested = (CLIPS.roles == judged_role) & (parts == TEST)
        scaled = StandardScaler().fit(learnt).transform(VALUES[tested].double())
        for weight, bias in zip(maps[::2], maps[1::2], strict=True):
            scaled = scaled @ weight[fold, 0].numpy().T + bias[fold, 0].numpy()
        classes = judgements.said[number, 0, 0, tested].tolist()
        assert classes == scaled.argmax(1).tolist()
        # calm and sad share a melody, happy has its own
        among = np.where(scaled[:, 0] >= scaled[:, 2], 0, 2)
        among[CLIPS.targets[tested] == 1] = -1
        assert judgements.within[number, 0, 0, tested].tolist() == among.tolist()
    for one, other in ((judgements.validation, recall), (judgements.choice, choice)):
        torch.testing.assert_close(one[role, 0], other.float())


def test_scalers_matter_across_roles_only(told: Judgements) -> None:
    assert not torch.equal(told.said[2], told.said[3])
    assert not torch.equal(told.said[4], told.said[5])


def test_a_clip_that_several_folds_test_counts_in_the_first() -> None:
    clips = made_up(folds=2)
    first, second = clips.parts
    second[:] = torch.where(first == TRAIN, -1, first)
    second[(first == TRAIN).nonzero()[::4]] = TRAIN  # what is learnt is another thing
    both, one, other = (
        judged(clips.only(folds), features(clips)) for folds in ([0, 1], [0], [1])
    )
    tested = first == TEST
    assert both.tested_in[tested].eq(0).all()
    assert torch.equal(both.said, one.said)
    assert not torch.equal(both.said, other.said)


def test_a_clip_that_no_fold_tests_is_not_judged() -> None:
    clips = made_up().only([1, 3])
    found = judged(clips, features(clips))
    tested = (clips.parts == TEST).any(0)
    assert torch.equal(found.tested_in >= 0, tested)
    assert torch.equal((found.said >= 0).all(0).all(0).all(0), tested)


def test_a_file_gives_back_what_was_saved(told: Judgements, tmp_path: Path) -> None:
    told.save(tmp_path / "judgements.safetensors")
    again = read_judgements(tmp_path / "judgements.safetensors")
    for name, value in vars(told).items():
        other: Any = getattr(again, name)
        if isinstance(value, torch.Tensor):
            assert other.dtype == value.dtype
            assert torch.equal(other, value)
        elif name != "task":
            assert other == value
    assert again.task.describe() == Classes.of_outputs(CLASSES).describe()
    assert type(again.conditions[0]) is Condition
    assert type(again.views[0]) is View


def test_a_foreign_file_is_refused(told: Judgements, tmp_path: Path) -> None:
    path = tmp_path / "file"
    told.save(path)
    whole = path.read_bytes()
    altered = whole.replace(b"conditions", b"conditionz")
    strange = re.sub(
        rb'"ids":"\[.*?\]"', lambda m: b'"ids":"7"'.ljust(len(m[0])), whole
    )
    assert whole != altered
    assert whole != strange
    contents = (b"", b"text", whole[: len(whole) // 2], None, altered, strange)
    for content in contents:
        if content is None:
            save_file({"said": told.said}, path, {"format": "pt"})
        else:
            path.write_bytes(content)
        with pytest.raises(
            CrossEmoError, match=r"file holds no judgements of probes: "
        ):
            read_judgements(path)
    with pytest.raises(CrossEmoError, match="holds no judgements"):
        read_judgements(tmp_path / "absent")


def test_judgements_of_another_format_are_refused(
    told: Judgements, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("crossemo.probes.judgements.FORMAT", 2)
        told.save(tmp_path / "old")
    sentence = (
        "old is of format 2, and this crossemo reads format 4: make that run anew"
    )
    with pytest.raises(CrossEmoError, match=sentence):
        read_judgements(tmp_path / "old")


def test_every_view_and_variant_has_its_own_place() -> None:
    clips, views = made_up(), [View("0", "encoder", 0), View("level", "acoustic")]
    values = [features(clips), features(clips, seed=1)[:, :2]]
    chosen = [solve(clips, one, shuffles=(None, 3)).chosen() for one in values]
    kept: Any = ((TRAIN, VAL), values, views, clips, [(None, None), (None, 3)], {})
    found = judge([chosen], *kept)
    for place, (one, own) in enumerate(zip(chosen, values, strict=True)):
        alone = judge([[one]], kept[0], [own], views[:1], *kept[3:])
        assert torch.equal(found.said[:, place], alone.said[:, 0])
        assert torch.equal(found.choice[:, place], alone.choice[:, 0])
        assert torch.equal(found.validation[:, place], alone.validation[:, 0])
    assert not torch.equal(found.said[:, 0], found.said[:, 1])
    assert not torch.equal(found.said[:, :, 0], found.said[:, :, 1])
