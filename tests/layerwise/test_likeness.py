from dataclasses import replace
from math import isnan
from typing import Any

import pytest
import torch

from crossemo.layerwise import similarity_rows
from crossemo.layerwise.geometry import cka, emotion_products, exchange_p
from tests.layerwise.made_up import jackknife
from tests.probes.made_up import features, made_up

THREE = made_up(roles=("speech", "song", "piano"))
CLIPS = made_up(roles=("speech", "song"))
VALUES = torch.stack([features(CLIPS, seed) for seed in (0, 1)], 1).double()
GROUPS = sorted(set(CLIPS.groups))


def tables(layer: int, role: int, without: str = "") -> torch.Tensor:
    """Products of the emotions of one layer and role, from lists of clips."""
    groups = [group for group in GROUPS if group != without]
    means = torch.zeros(1, len(groups), 3, VALUES.shape[-1], dtype=torch.float64)
    cells = list(
        zip(CLIPS.groups, CLIPS.roles.tolist(), CLIPS.targets.tolist(), strict=True)
    )
    for n, group in enumerate(groups):
        for label in range(3):
            inside = torch.tensor([cell == (group, role, label) for cell in cells])
            means[0, n, label] = VALUES[inside, layer].mean(0)
    return emotion_products(means, torch.ones(len(groups), 3, dtype=torch.bool))


def test_likeness_of_every_two_layers_is_that_by_hand() -> None:
    rows = similarity_rows(CLIPS, VALUES, [4, 9])
    layers = [(row["speech_layer"], row["song_layer"]) for row in rows]
    assert layers == [(4, 4), (4, 9), (9, 4), (9, 9)]
    for row, (one, other) in zip(rows, layers, strict=True):
        places = (int(one == 9), 0), (int(other == 9), 1)
        first, second = (tables(*place) for place in places)
        value = float(cka(first, second))
        replicates = [
            float(cka(*(tables(*place, without) for place in places)))
            for without in GROUPS
        ]
        low, high, _ = jackknife(value, replicates)
        assert row["cka"] == pytest.approx(value)
        assert row["p"] == pytest.approx(float(exchange_p(first, second)))
        assert row["low"] == pytest.approx(max(low, -1))
        assert row["high"] == pytest.approx(min(high, 1))
        assert row["groups"] == len(GROUPS)


def test_one_role_is_like_nothing() -> None:
    clips = made_up()
    assert similarity_rows(clips, features(clips)[:, None], [0]) == []


def test_few_groups_have_no_interval() -> None:
    clips = replace(CLIPS, groups=tuple(f"{n % 2}" for n in range(len(CLIPS.ids))))
    row: dict[str, Any] = similarity_rows(clips, VALUES, [0, 1])[0]
    assert row["groups"] == 2
    assert isnan(row["low"])
    assert isnan(row["high"])


def test_every_two_roles_are_compared_as_if_there_were_no_others() -> None:
    values = torch.stack([features(THREE, seed) for seed in (0, 1)], 1).double()
    rows = similarity_rows(THREE, values, (3, 5))
    pairs = [("speech", "song"), ("speech", "piano"), ("song", "piano")]
    assert len(rows) == 4 * len(pairs)
    for one, other in pairs:
        columns = {f"{one}_layer", f"{other}_layer"}
        of_pair = [row for row in rows if row.keys() >= columns]
        roles = torch.tensor([THREE.names.index(one), THREE.names.index(other)])
        inside = torch.isin(THREE.roles, roles)
        places = inside.nonzero().flatten().tolist()
        alone = replace(
            THREE,
            ids=tuple(THREE.ids[n] for n in places),
            groups=tuple(THREE.groups[n] for n in places),
            keys=tuple(THREE.keys[n] for n in places),
            roles=torch.searchsorted(roles, THREE.roles[inside]),
            targets=THREE.targets[inside],
            parts=THREE.parts[:, inside],
            names=(one, other),
        )
        assert of_pair == similarity_rows(alone, values[inside], (3, 5))
