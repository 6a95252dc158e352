"""Every kind of damage, to every corpus: named, counted, and never a traceback."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from crossemo.corpora.base import Clip, Corpus, CorpusError, CorpusNotFoundError
from tests.corpora.trees import official_trees
from tests.corpora.trees.base import OfficialTree

TREES = official_trees()
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 70000\n"


@pytest.fixture(params=TREES.values(), ids=list(TREES))
def tree(request: pytest.FixtureRequest) -> OfficialTree:
    one: OfficialTree = request.param
    return one


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder below an empty one."""
    folder = tmp_path / "corpora"
    folder.mkdir()
    return folder


@pytest.fixture
def audio(tree: OfficialTree, root: Path) -> dict[str, Path]:
    """The audio by stem of a tree in that folder."""
    return tree.write(root)


def names(clips: list[Clip]) -> list[str]:
    return [clip.id.rpartition("/")[2] for clip in clips]


def kinds(corpus: Corpus) -> dict[str, int]:
    return {one.kind: len(one.where) for one in corpus.problems()}


def table(tree: OfficialTree, root: Path) -> Path:
    if tree.table is None:
        pytest.skip("the names of its files say everything")
    return root / tree.table


def edit(path: Path, change: Callable[[bytes], bytes]) -> None:
    before = path.read_bytes()
    path.write_bytes(change(before))
    assert path.read_bytes() != before


def test_a_whole_tree_is_listed_in_order(
    tree: OfficialTree, audio: dict[str, Path], root: Path
) -> None:
    clips = tree.corpus(root).clips()
    assert names(clips) == list(audio)
    assert [clip.path for clip in clips] == list(audio.values())
    assert clips == tree.corpus(root).clips()
    assert all("/" in clip.id and clip.groups for clip in clips)


def test_hidden_files_are_none(
    tree: OfficialTree, audio: dict[str, Path], root: Path
) -> None:
    before = tree.corpus(root)
    expected = before.clips(), before.problems()
    for path in list(root.rglob("*")):
        if path.is_file():
            path.with_name(f"._{path.name}").write_bytes(b"\0\5\x16\7Mac OS X")
    after = tree.corpus(root)
    assert (after.clips(), after.problems()) == expected


def test_an_annotation_without_audio_is_named(
    tree: OfficialTree, audio: dict[str, Path], root: Path
) -> None:
    stem, path = list(audio.items())[1]
    before = kinds(tree.corpus(root))
    path.unlink()
    corpus = tree.corpus(root)
    assert stem not in names(corpus.clips())
    if tree.table is not None:
        kind = "annotated, no audio"
        assert kinds(corpus)[kind] == before.get(kind, 0) + 1
        assert any(stem in one.what for one in corpus.problems())


def test_audio_without_an_annotation_is_named(
    tree: OfficialTree, audio: dict[str, Path], root: Path
) -> None:
    before = kinds(tree.corpus(root))
    path = next(iter(audio.values()))
    shutil.copy(path, path.with_name(f"stray{path.suffix}"))
    corpus = tree.corpus(root)
    assert names(corpus.clips()) == list(audio)
    kind = "audio, not annotated"
    assert kinds(corpus)[kind] == before.get(kind, 0) + 1
    assert any("stray" in one.what for one in corpus.problems())


def test_pointers_of_git_lfs_are_no_audio(
    tree: OfficialTree, audio: dict[str, Path], root: Path
) -> None:
    stem = list(audio)[1]
    audio[stem].write_text(POINTER.format("0" * 64))
    corpus = tree.corpus(root)
    assert stem not in names(corpus.clips())
    assert kinds(corpus)["pointer of git-lfs"] == 1
    assert any("git lfs pull" in one.what for one in corpus.problems())
    for path in audio.values():
        path.write_text(POINTER.format("0" * 64))
    with pytest.raises(CorpusNotFoundError, match="git lfs pull"):
        tree.corpus(root).clips()


def test_no_audio_at_all_is_refused(
    tree: OfficialTree, audio: dict[str, Path], root: Path
) -> None:
    for path in root.rglob("*"):
        if path.suffix in (".wav", ".mp3"):
            path.unlink()
    with pytest.raises(CorpusNotFoundError):
        tree.corpus(root).clips()


def test_a_table_that_is_missing_is_named(
    tree: OfficialTree, audio: dict[str, Path], root: Path
) -> None:
    path = table(tree, root)
    path.unlink()
    with pytest.raises(CorpusNotFoundError) as error:
        tree.corpus(root).clips()
    assert path.name in str(error.value)


def test_a_byte_order_mark_changes_nothing(
    tree: OfficialTree, audio: dict[str, Path], root: Path
) -> None:
    path = table(tree, root)
    expected = tree.corpus(root).clips()
    edit(path, lambda content: b"\xef\xbb\xbf" + content.removeprefix(b"\xef\xbb\xbf"))
    assert tree.corpus(root).clips() == expected


def test_padded_cells_change_nothing(
    tree: OfficialTree, audio: dict[str, Path], root: Path
) -> None:
    path = table(tree, root)
    expected = tree.corpus(root).clips()
    if b"," not in path.read_bytes():
        pytest.skip("its cells are not separated by commas")
    edit(path, lambda content: content.replace(b",", b" , ").replace(b' "', b'"'))
    assert tree.corpus(root).clips() == expected


def test_another_encoding_is_named(
    tree: OfficialTree, audio: dict[str, Path], root: Path
) -> None:
    path = table(tree, root)
    edit(path, lambda content: content.decode("latin-1").encode("utf-16"))
    with pytest.raises(CorpusError) as error:
        tree.corpus(root).clips()
    assert path.name in str(error.value)
    assert "UTF-16" in str(error.value)


def test_a_ragged_row_is_named(
    tree: OfficialTree, audio: dict[str, Path], root: Path
) -> None:
    path = table(tree, root)
    if tree.row is None:
        pytest.skip("its table has no rows")
    cells = tree.row.encode()
    edit(path, lambda content: content.replace(cells, cells[: len(cells) // 2], 1))
    with pytest.raises(CorpusError) as error:
        tree.corpus(root).clips()
    assert f"{path.name}, row " in str(error.value)


def test_rows_that_repeat_count_once_and_those_that_contradict_not(
    tree: OfficialTree, audio: dict[str, Path], root: Path
) -> None:
    path = table(tree, root)
    if tree.row is None:
        pytest.skip("its table has no rows")
    row = tree.row.encode()
    clips = tree.corpus(root).clips()
    edit(path, lambda content: content.replace(row, row + b"\n" + row, 1))
    assert tree.corpus(root).clips() == clips


def test_values_out_of_the_scale_are_named_and_not_used(
    tree: OfficialTree, audio: dict[str, Path], root: Path
) -> None:
    path = table(tree, root)
    if tree.cell is None:
        pytest.skip("it has no scale")
    before = kinds(tree.corpus(root))
    inside, outside = (text.encode() for text in tree.cell)
    assert path.read_bytes().count(inside) == 1
    edit(path, lambda content: content.replace(inside, outside))
    corpus = tree.corpus(root)
    kind = "outside the scale"
    assert kinds(corpus)[kind] == before.get(kind, 0) + 1
    corpus_scale = corpus.scale
    assert corpus_scale is not None
    for clip in corpus.clips():
        for value in (clip.valence, clip.arousal, clip.dominance):
            assert value is None or value in corpus_scale


def test_a_root_that_is_too_high_serves(
    tree: OfficialTree, audio: dict[str, Path], root: Path
) -> None:
    if not tree.searched:
        pytest.skip("its place is given exactly")
    expected = tree.corpus(root).clips()
    assert tree.corpus(root.parent).clips() == expected


def test_a_root_that_is_too_low_or_nothing_is_refused(
    tree: OfficialTree, audio: dict[str, Path], root: Path
) -> None:
    places = [root / "nowhere", next(iter(audio.values()))]
    if tree.too_low is not None:
        places.append(root / tree.too_low)
    for place in places:
        with pytest.raises(CorpusNotFoundError) as error:
            tree.corpus(place).clips()
        assert place.name in str(error.value)
        assert tree.corpus(place).name.split("-")[0] in str(error.value).lower()
