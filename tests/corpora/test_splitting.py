"""No split of any corpus has a speaker, song or artist in two parts."""

from itertools import product
from pathlib import Path

import pytest

from crossemo.corpora.base import PARTS, Corpus, Part
from crossemo.data.splits import Scheme, SplitError
from tests.corpora.splitting import groups_of, parts_of_both
from tests.corpora.trees import official_trees

TREES = official_trees()


def splits(corpus: Corpus) -> list[dict[str, object]]:
    """Return ways of splitting, all folds of each."""
    folds = max(len(corpus.folds), 3)
    ways: list[dict[str, object]] = [
        {"fold": fold, "name": "kfold", "folds": 3, "seed": seed}
        for fold in range(3)
        for seed in range(4)
    ]
    ways += [{"fold": fold, "name": "leave_one_out"} for fold in range(3)]
    return ways + [{"fold": fold, "strict_groups": True} for fold in range(folds)]


@pytest.mark.parametrize("name", TREES)
def test_no_group_is_in_two_parts(name: str, tmp_path: Path) -> None:
    TREES[name].write(tmp_path)
    corpus = TREES[name].corpus(tmp_path)
    tested = 0
    for way in splits(corpus):
        try:
            parts = [groups_of(corpus, part, **way) for part in PARTS]  # type: ignore[arg-type]
        except SplitError:  # the tree has too few clips for this fold
            continue
        assert not parts[0] & parts[1], way
        assert not parts[0] & parts[2], way
        assert not parts[1] & parts[2], way
        tested += 1
    assert tested >= 15  # all of kfold and leave_one_out


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("deam", "emomusic"),
        ("fourq", "merge"),
        ("soundtracks", "soundtracks_2"),
        ("iemocap", "emopia"),
        ("cremad", "jamendo"),
        ("merge", "emomusic"),
    ],
)
def test_two_corpora_together_share_no_group_but_as_one_publishes(
    first: str, second: str, tmp_path: Path
) -> None:
    corpora = []
    for name in (first, second):
        TREES[name].write(tmp_path / name)
        corpora.append(TREES[name].corpus(tmp_path / name))
    schemes = [
        *(Scheme("kfold", fold, 3, seed) for fold, seed in product(range(3), range(4))),
        *(Scheme("leave_one_out", fold) for fold in range(3)),
        *(
            Scheme(fold=f, folds=4, strict_groups=s)
            for f in range(4)
            for s in (False, True)
        ),
    ]
    for scheme in schemes:
        parts = parts_of_both(corpora[0], corpora[1], scheme)
        assert parts
        places: dict[str, set[tuple[int, Part]]] = {}
        for number, corpus in enumerate(corpora):
            for clip in corpus.clips():
                for group in clip.groups:
                    if clip.id in parts:
                        place = number, parts[clip.id]
                        places.setdefault(group, set()).add(place)
        for group, pairs in places.items():
            cut = len({part for _, part in pairs}) > 1
            of_one = len({number for number, _ in pairs}) == 1
            as_published = scheme.name == "official" and not scheme.strict_groups
            assert not cut or (of_one and as_published), (group, scheme)
