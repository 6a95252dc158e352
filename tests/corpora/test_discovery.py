from pathlib import Path

import pytest

from crossemo.corpora.base import CorpusError
from crossemo.corpora.discovery import corpora_below
from tests.corpora.ravdess_tree import write_ravdess
from tests.corpora.trees import official_trees
from tests.corpora.trees.base import OfficialTree, write_sound

TREES = {name: one for name, one in official_trees().items() if one.searched}


@pytest.mark.parametrize("tree", TREES.values(), ids=list(TREES))
def test_a_corpus_is_known_by_its_tree_and_by_no_other(
    tree: OfficialTree, tmp_path: Path
) -> None:
    if not tree.searched:
        pytest.skip("its place is given exactly")
    tree.write(tmp_path)
    corpus = tree.corpus(tmp_path)
    corpora = corpora_below(tmp_path)
    assert {type(one) for one in corpora} == {type(corpus)}
    assert corpus.name in {one.name for one in corpora}


def test_several_corpora_may_lie_side_by_side(tmp_path: Path) -> None:
    write_ravdess(tmp_path / "ravdess", actors=(1,), seconds=0.02)
    TREES["pmemo"].write(tmp_path)
    names = [one.name for one in corpora_below(tmp_path)]
    assert names == ["pmemo", "ravdess-speech", "ravdess-song"]


def test_anything_else_has_a_folder_for_every_emotion(tmp_path: Path) -> None:
    write_sound(tmp_path / "moods" / "sad" / "one.wav")
    (corpus,) = corpora_below(tmp_path / "moods")
    assert corpus.name == "moods"
    write_sound(tmp_path / "other" / "files" / "one.wav")
    with pytest.raises(CorpusError, match=r"No corpus lies below .*other"):
        corpora_below(tmp_path / "other")
    with pytest.raises(CorpusError, match="does not exist"):
        corpora_below(tmp_path / "nowhere")


def test_a_table_and_a_folder_with_metadata_are_corpora(tmp_path: Path) -> None:
    write_sound(tmp_path / "voices" / "one.wav")
    table = tmp_path / "voices" / "metadata.csv"
    table.write_text("file_name,emotion,speaker\none.wav,sad,a\n")
    for place in (tmp_path / "voices", table):
        (corpus,) = corpora_below(place)
        (clip,) = corpus.clips()
        assert (clip.label, clip.path) == ("sad", tmp_path / "voices" / "one.wav")
