import logging
from pathlib import Path

import numpy as np
import pytest
import soundfile

from crossemo.corpora.base import Clip, CorpusError, Part
from crossemo.corpora.copies import without_copies
from crossemo.corpora.facts import FileFacts, content_digest


def clip(
    id: str,
    label: str = "sad",
    path: str = "",
    start: float = 0.0,
    group: str = "x/1",
    part: Part | None = None,
) -> Clip:
    return Clip(id, Path(path or id), (group,), label, start=start, part=part)


def facts(**digests: str) -> dict[Path, FileFacts]:
    return {Path(name): FileFacts(digest, 1) for name, digest in digests.items()}


def test_all_that_differ_stay(caplog: pytest.LogCaptureFixture) -> None:
    clips = [clip("a"), clip("b"), clip("c", "happy"), clip("d", path="a", start=1.0)]
    assert without_copies(clips, facts(a="1", b="2", c="3")) == (clips, [])
    assert not caplog.records


def test_the_first_copy_stays_and_how_many_went_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clips = [clip("a"), clip("b"), clip("c"), clip("a", path="again")]
    with caplog.at_level(logging.WARNING):
        stay, problems = without_copies(clips, facts(a="1", b="2", c="1", again="1"))
    assert (stay, problems) == (clips[:2], [])
    assert "2 of 4 files are left out" in caplog.text
    assert "c of a" in caplog.text


def test_copies_with_two_labels_are_all_left_out_and_named() -> None:
    clips = [clip("a"), clip("b", "happy"), clip("c"), clip("d", "calm")]
    stay, (problem,) = without_copies(clips, facts(a="1", b="1", c="1", d="2"))
    assert stay == clips[3:]
    assert problem.kind == "same bytes, other label"
    assert problem.where == ("a", "b", "c")
    assert problem.what.startswith("a (sad) and b (happy) hold the same bytes")


def test_empty_files_are_no_copies_of_each_other() -> None:
    clips = [clip("a"), clip("b", "happy")]
    empty = {Path(name): FileFacts("0", 0) for name in "ab"}
    assert without_copies(clips, empty) == (clips, [])


def test_one_name_with_two_recordings_is_refused_naming_both() -> None:
    clips = [clip("a"), clip("a", path="resampled")]
    with pytest.raises(CorpusError, match="a and resampled have one name and differ"):
        without_copies(clips, facts(a="1", resampled="2"))
    twins = [clip("a", start=1.0), clip("a", start=2.0)]
    with pytest.raises(CorpusError, match="Two stretches of a have one name, a"):
        without_copies(twins, facts(a="1"))


def test_a_copy_has_the_groups_of_all_and_the_part_that_is_judged() -> None:
    clips = [
        clip("a", group="x/1", part="train"),
        clip("b", group="x/2", part="test"),
        clip("c", group="x/3", part="val"),
        clip("d"),
    ]
    stay, problems = without_copies(clips, facts(a="1", b="1", c="1", d="2"))
    assert not problems
    assert [one.id for one in stay] == ["b", "d"]
    assert stay[0].groups == ("x/2", "x/1", "x/3")
    assert stay[0].part == "test"


def test_the_sentence_names_a_clip_of_each_label() -> None:
    clips = [clip("a"), clip("b"), clip("c", "angry")]
    _, (problem,) = without_copies(clips, facts(a="1", b="1", c="1"))
    assert problem.what.startswith("a (sad) and c (angry) hold the same bytes")


def test_copies_of_what_is_no_sound_are_left_out_for_that_reason(
    tmp_path: Path,
) -> None:
    for name, samples in (("page", None), ("silence", 0.0), ("sound", 0.1)):
        for label in ("sad", "happy"):
            path = tmp_path / f"{name}-{label}.wav"
            if samples is None:
                path.write_text("<html>404 Not Found</html>")
            else:
                noise = np.random.default_rng(0).uniform(-1, 1, 999)
                soundfile.write(path, samples * noise, 16_000)
    paths = sorted(tmp_path.iterdir())
    clips = [Clip(one.stem, one, ("x",), one.stem.split("-")[1]) for one in paths]
    facts = {one: FileFacts(content_digest(one), 1) for one in paths}
    stay, problems = without_copies(clips, facts)
    assert not stay
    page, silence, sound = (problem.what for problem in problems)
    assert "page-happy.wav is not audio that libsndfile can read" in page
    assert "silence-happy.wav is silent" in silence
    assert silence.endswith(", and 2 clips hold the same bytes.")
    assert "different labels: remove the one whose name is wrong" in sound


def test_copies_are_compared_by_what_a_task_makes_of_them() -> None:
    clips = [clip("a", "exc"), clip("b", "hap"), clip("c", "neu")]
    classes = {"exc": 0, "hap": 0, "neu": 1}

    def class_of(one: Clip) -> int:
        return classes[str(one.label)]

    stay, problems = without_copies(clips, facts(a="1", b="1", c="2"), class_of)
    assert (stay, problems) == ([clips[0], clips[2]], [])
    stay, (problem,) = without_copies(clips, facts(a="1", b="1", c="1"), class_of)
    assert stay == []
    assert problem.what.startswith("a (exc) and c (neu) hold the same bytes")


def test_raters_of_a_copy_may_differ() -> None:
    clips = [
        Clip(name, Path(name), ("x/1",), valence=value, arousal=0.5)
        for name, value in (("a", 0.25), ("b", 0.75))
    ]
    assert without_copies(clips, facts(a="1", b="1")) == (clips[:1], [])
    stay, (problem,) = without_copies(clips, facts(a="1", b="1"), lambda c: c.valence)
    assert stay == []
    assert problem.what.startswith("a (0.25, 0.5) and b (0.75, 0.5)")
