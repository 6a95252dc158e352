import logging
from hashlib import blake2b
from pathlib import Path

import pytest

from crossemo.corpora.base import Clip, CorpusError, content_digest, unique


def clip(id: str, digest: str, emotion: str = "sad", group: str = "x/1") -> Clip:
    return Clip(id, Path(id), emotion, group, digest)


def test_digest_of_nothing_is_the_published_one(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert content_digest(tmp_path / "empty") == "cae66941d9efbd404e4d88758ea67670"


def test_digest_covers_a_file_larger_than_one_block(tmp_path: Path) -> None:
    content = bytes(range(256)) * 5000 + b"end"
    (tmp_path / "large").write_bytes(content)
    expected = blake2b(content, digest_size=16).hexdigest()
    assert content_digest(tmp_path / "large") == expected


def test_unique_keeps_all_that_differ(caplog: pytest.LogCaptureFixture) -> None:
    clips = [clip("a", "1"), clip("b", "2"), clip("c", "3", "happy", "x/2")]
    assert unique(clips) == clips
    assert not caplog.records


def test_unique_keeps_the_first_copy_and_says_how_many_went(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clips = [clip("a", "1"), clip("b", "2"), clip("c", "1"), clip("a", "1")]
    with caplog.at_level(logging.WARNING):
        assert unique(clips) == clips[:2]
    assert "2 of 4 files are left out" in caplog.text
    assert "c of a" in caplog.text


@pytest.mark.parametrize(
    "other", [clip("b", "1", emotion="happy"), clip("b", "1", group="x/2")]
)
def test_one_recording_with_two_labels_is_refused_naming_both(other: Clip) -> None:
    with pytest.raises(CorpusError, match=r"a \(sad, x/1\) and b \(.*same bytes"):
        unique([clip("a", "1"), other])


def test_one_name_with_two_recordings_is_refused_naming_both() -> None:
    copy = Clip("a", Path("resampled/a"), "sad", "x/1", "2")
    with pytest.raises(CorpusError, match="a and resampled/a have one name and differ"):
        unique([clip("a", "1"), copy])
