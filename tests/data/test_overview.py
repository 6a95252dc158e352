from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from crossemo.corpora.base import Clip, Corpus, Problem, Scale
from crossemo.data.overview import Overview, overview, shared_units

RATE = 8000


class Few(Corpus):
    """A few clips."""

    def __init__(self, root: Path, name: str, clips: Iterable[Clip]) -> None:
        self.root, self.name, self.domain = root, name, "music"
        self.scale = Scale(1, 9, 5)
        self.words = {"joy": "happy"}
        self._clips = list(clips)

    def clips(self) -> list[Clip]:
        return self._clips

    def problems(self) -> list[Problem]:
        return [Problem("lost", "one is lost.", ("few/lost",))]


@pytest.fixture
def seen(tmp_path: Path) -> Overview:
    random = np.random.default_rng(0)
    for name, seconds in (("a", 1.0), ("b", 2.0), ("c", 4.0)):
        sound = 0.1 * random.standard_normal(round(seconds * RATE))
        soundfile.write(tmp_path / f"{name}.wav", sound, RATE)
    (tmp_path / "copy.wav").write_bytes((tmp_path / "a.wav").read_bytes())
    (tmp_path / "text.wav").write_text("no sound")

    def clip(name: str, file: str, *groups: str, **more: object) -> Clip:
        path = tmp_path / f"{file}.wav"
        return Clip(f"few/{name}", path, groups, **more)  # type: ignore[arg-type]

    clips = [
        clip("1", "a", "s/1", label="joy", part="train", valence=6.0, arousal=2.0),
        clip("2", "b", "s/2", "by/x", label="joy", part="test"),
        clip("3", "c", "s/3", "by/x", label="fear", part="test", start=1.0),
        clip("4", "c", "s/3", "by/x", label="fear", part="test", end=1.0),
        clip("5", "copy", "s/5", label="joy", part="train"),
        clip("6", "text", "s/6", label="fear", part="train"),
    ]
    return overview(Few(tmp_path, "few", clips), tmp_path / "cache")


def test_durations_are_of_files_or_of_stretches_of_them(seen: Overview) -> None:
    assert seen.seconds == {"few/1": 1.0, "few/2": 2.0, "few/3": 3.0, "few/4": 1.0}


def test_rows_count_clips_units_and_hours(seen: Overview) -> None:
    rows = {(row["kind"], row["name"]): row for row in seen.rows()}
    everything = rows["all", ""]
    assert (everything["clips"], everything["units"]) == (5, 3)
    assert everything["hours"] == round(7 / 3600, 4)
    assert (everything["shortest"], everything["longest"]) == (1.0, 3.0)
    assert (rows["part", "test"]["clips"], rows["part", "test"]["units"]) == (3, 1)
    assert [rows["label", name]["word"] for name in ("joy", "fear")] == ["happy", ""]
    assert rows["rate", "8000 Hz"]["clips"] == 4
    assert rows["rate", "unknown"]["clips"] == 1
    assert [name for kind, name in rows if kind == "part"] == ["train", "test"]
    assert seen.values() == {"valence": [6.0], "arousal": [2.0]}


def test_problems_are_those_of_listing_of_copies_and_of_files(seen: Overview) -> None:
    kinds = {problem.kind: problem.where for problem in seen.problems}
    assert kinds == {
        "lost": ("few/lost",),
        "copy of another clip": ("few/5",),
        "no audio": ("few/6",),
    }


def test_corpora_share_units_by_group_and_by_content(
    seen: Overview, tmp_path: Path
) -> None:
    clips = [
        Clip("other/1", tmp_path / "a.wav", ("o/1",)),
        Clip("other/2", tmp_path / "b.wav", ("by/x",)),
    ]
    other = overview(Few(tmp_path, "other", clips), tmp_path / "cache")
    assert shared_units([seen, other]) == {("few", "other"): 3}  # a, b, by/x
    assert not shared_units([seen])


def test_pointers_of_git_lfs_are_told_from_what_has_no_header(tmp_path: Path) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    for name, text in (("a", pointer), ("b", "no sound")):
        (tmp_path / f"{name}.wav").write_text(text)
    clips = [Clip(f"few/{n}", tmp_path / f"{n}.wav", (f"s/{n}",)) for n in "ab"]
    problems = overview(Few(tmp_path, "few", clips), tmp_path / "cache").problems
    assert [(one.kind, one.where) for one in problems] == [
        ("lost", ("few/lost",)),
        ("pointer of git-lfs", ("few/a",)),
        ("no audio", ("few/b",)),
    ]
