"""No split of any corpus has a speaker, song or artist in two parts."""

from pathlib import Path

import pytest

from crossemo.corpora.base import PARTS, Corpus
from crossemo.data.splits import SplitError
from tests.corpora.splitting import groups_of
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
