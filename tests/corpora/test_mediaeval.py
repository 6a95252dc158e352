"""DEAM and emoMusic, which share songs and artists, split as one."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from crossemo.corpora.base import Corpus, Part
from crossemo.corpora.deam import DEAM
from crossemo.corpora.emomusic import EmoMusic
from crossemo.data.examples import Example
from crossemo.data.partition import Partition, partition, with_units
from crossemo.data.splits import Scheme
from tests.corpora.trees import deam, emomusic

SCHEMES: list[dict[str, Any]] = [
    {"name": "official"},
    {"name": "official", "strict_groups": True},
    *({"name": "kfold", "fold": k, "seed": s} for k, s in product(range(3), range(3))),
    *({"name": "leave_one_out", "fold": fold} for fold in range(4)),
]


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Corpus]:
    root = tmp_path_factory.mktemp("mediaeval")
    deam.write(root)
    emomusic.write(root)
    return {"source": DEAM(root), "target": EmoMusic(root)}


def split(corpora: dict[str, Corpus], scheme: Scheme) -> Partition:
    members = {
        role: [Example(clip, clip.id, 0, clip.groups[0]) for clip in corpus.clips()]
        for role, corpus in corpora.items()
    }
    folds = {role: corpus.folds for role, corpus in corpora.items()}
    return partition(with_units(members, scheme), folds, scheme)


def parts_of_groups(
    corpora: dict[str, Corpus], made: Partition
) -> Iterator[tuple[str, set[Part]]]:
    """Yield every song and artist with the parts that it has clips in."""
    parts: dict[str, set[Part]] = defaultdict(set)
    for corpus in corpora.values():
        for clip in corpus.clips():
            if clip.id in made.parts:
                for group in clip.groups:
                    parts[group].add(made.parts[clip.id])
    yield from parts.items()


@pytest.mark.parametrize("options", SCHEMES, ids=str)
def test_no_song_and_no_artist_is_in_two_parts(
    corpora: dict[str, Corpus], options: dict[str, Any]
) -> None:
    scheme = Scheme(**options)
    made = split(corpora, scheme)
    cut = {group for group, parts in parts_of_groups(corpora, made) if len(parts) > 1}
    published = scheme.name == "official" and not scheme.strict_groups
    # As published, emoMusic tests artists that it trains on, but never a song.
    artists = {"jamie evans", "silver process"} if published else set()
    assert {f"mediaeval/artist/{name}" for name in artists} <= cut
    assert {group for group in cut if "/artist/" not in group} == set()
    if not published:
        assert cut == set()


def test_songs_that_are_tested_in_one_are_not_trained_on_in_the_other(
    corpora: dict[str, Corpus],
) -> None:
    made = split(corpora, Scheme())
    assert made.parts["emomusic/10"] == "test"
    assert made.parts.get("deam/10", "test") == "test"
