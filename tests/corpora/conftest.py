from pathlib import Path

import pytest

from crossemo.corpora.demo import Demo
from tests.corpora.ravdess_tree import write_ravdess

# Its corpus is to be known by one name, that of the room where it is tried.
collect_ignore = ["trial"]


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("ravdess")
    write_ravdess(root, seconds=0.02)
    return root


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Demo]:
    root = tmp_path_factory.mktemp("demo")
    corpora = {"speech": Demo("speech", root), "song": Demo("song", root)}
    for corpus in corpora.values():
        corpus.prepare()
    return corpora
