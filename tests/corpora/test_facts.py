import json
import os
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest
import soundfile

from crossemo.corpora.base import Clip, CorpusError
from crossemo.corpora.copies import without_copies
from crossemo.corpora.facts import (
    UNREADABLE,
    FileFacts,
    clip_key,
    content_digest,
    file_facts,
)


def test_digest_of_nothing_is_the_published_one(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert content_digest(tmp_path / "empty") == "cae66941d9efbd404e4d88758ea67670"


def test_digest_covers_a_file_larger_than_one_block(tmp_path: Path) -> None:
    content = bytes(range(256)) * 5000 + b"end"
    (tmp_path / "large").write_bytes(content)
    expected = blake2b(content, digest_size=16).hexdigest()
    assert content_digest(tmp_path / "large") == expected


def test_facts_are_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "one.wav"
    soundfile.write(path, np.zeros((700, 2)), 22_050)
    (tmp_path / "no.wav").write_bytes(b"no audio")
    found = file_facts([path, tmp_path / "no.wav"], tmp_path, tmp_path / "cache")
    size = path.stat().st_size
    assert found[path] == FileFacts(content_digest(path), size, 700, 22_050, 2)
    digest = blake2b(b"no audio", digest_size=16).hexdigest()
    assert found[tmp_path / "no.wav"] == FileFacts(digest, 8)


def test_only_new_and_changed_files_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [tmp_path / "corpus" / f"{n}.wav" for n in range(3)]
    paths[0].parent.mkdir()
    for path in paths:
        path.write_bytes(path.name.encode())
    read: list[Path] = []
    digest = content_digest

    def counting(path: Path) -> str:
        read.append(path)
        return digest(path)

    monkeypatch.setattr("crossemo.corpora.facts.content_digest", counting)

    def ask(paths: list[Path]) -> dict[Path, FileFacts]:
        read.clear()
        return file_facts(paths, tmp_path / "corpus", tmp_path / "cache")

    ask(paths[:2])
    assert sorted(read) == paths[:2]
    ask(paths)
    assert read == paths[2:]
    paths[1].write_bytes(b"other")
    state = paths[0].stat()
    paths[0].write_bytes(b"x.wav")
    os.utime(paths[0], ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    changed = ask(paths)
    assert sorted(read) == paths[:2]
    assert changed[paths[1]].digest == blake2b(b"other", digest_size=16).hexdigest()
    # Of a corpus that was moved as a whole they are read anew, of a link they aren't.
    (tmp_path / "link").symlink_to(tmp_path / "corpus")
    read.clear()
    inside = [tmp_path / "link" / path.name for path in paths]
    file_facts(inside, tmp_path / "link", tmp_path / "cache")
    assert not read


def test_a_change_that_leaves_size_and_time_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "one.wav"
    path.write_bytes(b"one")
    before = file_facts([path], tmp_path, tmp_path / "cache")
    state = path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    after = file_facts([path], tmp_path, tmp_path / "cache")
    assert after[path].digest != before[path].digest


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{",
        '{"format": 2, "files": {"one.wav": [[3, 0, 0], "0", 3, null, null, null]}}',
    ],
)
def test_a_damaged_store_is_made_anew(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "one.wav"
    path.write_bytes(b"one")
    expected = file_facts([path], tmp_path, tmp_path / "cache")
    (store,) = (tmp_path / "cache" / "files").glob("*/facts.json")
    whole = json.loads(store.read_text())
    store.write_text(content)
    assert file_facts([path], tmp_path, tmp_path / "cache") == expected
    assert caplog.messages == [f"{store} is not as it was written: it is made again."]
    assert json.loads(store.read_text()) == whole


def test_what_cannot_be_read_counts_as_empty_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, refused = tmp_path / "gone.wav", tmp_path / "refused.wav"
    (tmp_path / "pipe.wav").symlink_to("/dev/zero")
    (tmp_path / "circle.wav").symlink_to("circle.wav")
    refused.write_bytes(b"refused")
    paths = [gone, refused, tmp_path / "pipe.wav", tmp_path / "circle.wav"]
    opened = os.open

    def refusing(path: str, *options: int) -> int:
        if Path(path) == refused:
            raise PermissionError(13, "Permission denied", path)
        return opened(path, *options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refusing)
        facts = file_facts(paths, tmp_path, tmp_path / "cache")
    assert set(facts.values()) == {UNREADABLE}
    clips = [Clip(path.name, path, ("x",), path.stem) for path in paths]
    assert [clip_key(clip, facts) for clip in clips] == [clip.id for clip in clips]
    assert without_copies(clips, facts) == (clips, [])
    gone.write_bytes(b"gone")
    facts = file_facts(paths, tmp_path, tmp_path / "cache")
    assert [facts[path].size for path in paths] == [4, 7, 0, 0]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_names_of_any_bytes_are_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\n"))
    path = Path(folder, os.fsdecode(b"\xfc\n.wav"))
    folder.mkdir()
    path.write_bytes(b"one")
    facts = file_facts([path], folder, tmp_path / "cache")
    monkeypatch.setattr("crossemo.corpora.facts.content_digest", None)
    assert file_facts([path], folder, tmp_path / "cache") == facts


def test_a_cache_in_the_way_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "one.wav").write_bytes(b"one")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "files").write_text("in the way")
    with pytest.raises(CorpusError, match=r"can't be written to .*files"):
        file_facts([tmp_path / "one.wav"], tmp_path, tmp_path / "cache")
