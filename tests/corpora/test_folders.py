import os
from pathlib import Path

import pytest

from crossemo.corpora.base import CorpusError
from crossemo.corpora.folders import Folders
from crossemo.data.examples import take_examples
from crossemo.tasks.classes import Classes

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")


def touch(root: Path, *names: bytes) -> None:
    for name in names:
        path = Path(os.fsdecode(os.fsencode(root) + b"/" + name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_two_spellings_of_one_emotion_and_one_speaker_are_one(tmp_path: Path) -> None:
    composed, apart = "fröhlich".encode(), "fro\u0308hlich".encode()
    touch(tmp_path, composed + b"/a/1.wav", apart.title() + b"/a/2.wav")
    touch(tmp_path, b"sad/" + apart + b"/1.wav", b"sad/" + composed + b"/2.wav")
    clips = Folders(tmp_path).clips()
    assert [clip.label for clip in clips] == ["fröhlich", "fröhlich", "sad", "sad"]
    assert {clip.groups for clip in clips} == {("a",), ("fröhlich",)}


def test_files_whose_names_look_alike_have_names_of_their_own(tmp_path: Path) -> None:
    touch(tmp_path, "sad/ö.wav".encode(), "sad/o\u0308.wav".encode(), b"sad/o.wav")
    clips = Folders(tmp_path, name="x").clips()
    ids = ["x/sad/o.wav", r"x/sad/o\u0308.wav", r"x/sad/\xf6.wav"]
    assert sorted(clip.id for clip in clips) == sorted(ids)
    assert len({clip.groups for clip in clips}) == 3


def test_names_can_be_written_and_read_whatever_their_bytes(tmp_path: Path) -> None:
    root = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xfc\n"))
    touch(root, b"W\xfctend/\x1b[1m/gr\xfc\xdfe\t.wav")
    (clip,) = Folders(root).clips()
    assert clip.label == r"w\xfctend"
    assert clip.groups == (r"\x1b[1m",)
    assert clip.id == r"\xfc\n/W\xfctend/\x1b[1m/gr\xfc\xdfe\t.wav"
    assert clip.path.exists()


def test_the_order_is_that_of_the_names_folder_by_folder(tmp_path: Path) -> None:
    touch(tmp_path, b"a b/1.wav", b"a/z.wav", b"a/b/1.wav", b"A/1.wav")
    places = [clip.id for clip in Folders(tmp_path, name="x").clips()]
    assert places == ["x/A/1.wav", "x/a/b/1.wav", "x/a/z.wav", "x/a b/1.wav"]


def test_a_root_that_leads_to_itself_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(CorpusError, match="loop can't be read: Too many levels"):
        Folders(tmp_path / "loop").clips()
    with pytest.raises(CorpusError, match="has no audio in sub-folders"):
        Folders(tmp_path).clips()


def test_names_of_ones_own_are_words_or_left_out(tmp_path: Path) -> None:
    touch(tmp_path, b"Anger/1.wav", b"Q4/2.wav", b"SAD/3.wav", b"other/4.wav")
    corpus = Folders(tmp_path, words={"Anger": "angry", "other": None})
    words = {str(clip.label): corpus.word(str(clip.label)) for clip in corpus.clips()}
    assert words == {"anger": "angry", "q4": "Q4", "sad": "sad", "other": None}
    task = Classes("four")
    targets = [task.target(clip, corpus) for clip in corpus.clips()]
    assert targets == [0, 3, 2, None]
    with pytest.raises(CorpusError, match=r"words: anger would become cross, and"):
        Folders(tmp_path, words={"anger": "cross"})


def test_names_that_nobody_knows_are_listed_with_counts_and_a_guess(
    tmp_path: Path,
) -> None:
    touch(tmp_path, b"fear/1.wav", b"fear/2.wav", b"xx/3.wav", b"sad/4.wav")
    corpus = Folders(tmp_path, name="mine")
    with pytest.raises(CorpusError) as error:
        take_examples(corpus, Classes().target)
    assert str(error.value).startswith(
        "In mine, labels of 3 clips are no words that crossemo knows: fear (2), xx (1)."
        " Say by words what they mean, such as {fear: fearful, xx: null}; null leaves "
        "clips out. It knows neutral, calm, happy,"
    )
