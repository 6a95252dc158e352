import re
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from itertools import islice, product
from pathlib import Path

import pytest

from crossemo.corpora.base import PARTS, CorpusError, CorpusNotFoundError
from crossemo.corpora.emodb import CLASSIC, EMODB, Release
from crossemo.tasks.classes import Classes
from tests.corpora.splitting import groups_of
from tests.corpora.trees import emodb, emodb_2
from tests.corpora.trees.base import write_table

# As counted on the published files, of the classic release and of 2.0.
SPEAKERS = {
    **{"03": 49, "08": 58, "09": 43, "10": 38, "11": 55},
    **{"12": 35, "13": 61, "14": 69, "15": 56, "16": 71},
}
EMOTIONS = {"W": 127, "L": 81, "E": 46, "A": 69, "F": 71, "T": 62, "N": 79}
EMOTIONS_2 = {"W": 137, "L": 112, "E": 105, "A": 122, "F": 115, "T": 121, "N": 104}
SENTENCES = ("a01", "a02", "a04", "a05", "a07", "b01", "b02", "b03", "b09", "b10")


@pytest.fixture
def classic(tmp_path: Path) -> Path:
    emodb.write(tmp_path)
    return tmp_path


@pytest.fixture
def second(tmp_path: Path) -> Path:
    emodb_2.write(tmp_path)
    return tmp_path


def added() -> Iterator[str]:
    """Yield as many other names as 2.0 has added of each emotion."""
    for emotion, number in EMOTIONS_2.items():
        takes = product(SPEAKERS, SENTENCES, "abcdef")
        names = (f"{who}{what}{emotion}{take}" for who, what, take in takes)
        others = (name for name in names if name not in CLASSIC)
        yield from islice(others, number - EMOTIONS[emotion])


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree of 2.0 in full size, whose files are of zeros."""
    root = tmp_path_factory.mktemp("emodb")
    names = sorted([*CLASSIC, *added()])
    for folder in ("laryngo", "wav"):
        (root / folder).mkdir()
        for stem in names:
            (root / folder / f"{stem}.wav").write_bytes(bytes(1100))
    rows = (f"wav/{stem}.wav,anger,1.0,1.0" for stem in names)
    header = "file,emotion,emotion.confidence,emotion.naturalness"
    write_table(root / "db.emotion.csv", header, *rows)
    return root


def test_the_classic_clips_are_known_by_name_in_either_release(whole: Path) -> None:
    corpus = EMODB(whole)
    clips = corpus.clips()
    assert corpus.problems() == []
    assert len(clips) == 535
    assert Counter(clip.label for clip in clips) == EMOTIONS
    assert Counter(clip.groups[0][-2:] for clip in clips) == SPEAKERS
    assert {dict(clip.about)["sentence"] for clip in clips} == set(SENTENCES)
    task = Classes({name: [name] for name in ("angry", "happy", "sad", "neutral")})
    targets = [task.target(clip, corpus) for clip in clips]
    assert sum(target is not None for target in targets) == 339
    # audEERING's copy tests speakers 12, 14, 15 and 16.
    tested = ("12", "14", "15", "16")
    assert sum(clip.groups[0].endswith(tested) for clip in clips) == 231


def test_the_names_are_those_in_the_released_archive() -> None:
    names = "\n".join(sorted(CLASSIC))  # compared with two listings of its folder
    assert sha256(names.encode()).hexdigest()[:16] == "4d6eb689055567ff"


def test_release_2_has_the_clips_of_its_table(whole: Path) -> None:
    corpus = EMODB(whole, "2.0")
    assert Counter(clip.label for clip in corpus.clips()) == EMOTIONS_2
    assert len(corpus.clips()) == 816
    assert corpus.problems() == []


def test_audio_of_2_without_its_tables_is_told(whole: Path) -> None:
    corpus = EMODB(whole / "wav")
    assert len(corpus.clips()) == 535
    (problem,) = corpus.problems()
    assert (problem.kind, len(problem.where)) == ("audio, not annotated", 281)
    with pytest.raises(CorpusNotFoundError, match=r"db\.emotion\.csv"):
        EMODB(whole / "wav", "2.0").clips()


def test_words_speakers_and_facts_of_a_name(classic: Path) -> None:
    corpus = EMODB(classic)
    clips = {clip.id: clip for clip in corpus.clips()}
    words = {clip.id: corpus.words.get(clip.label or "") for clip in clips.values()}
    assert {name[-2:-1]: word for name, word in words.items()} == {
        **{"W": "angry", "L": None, "E": "disgust", "A": "fearful", "F": "happy"},
        **{"T": "sad", "N": "neutral"},
    }
    clip = clips["emo-db/03a01Fa"]
    assert clip.groups == ("emo-db/03",)
    facts = {"sex": "male", "sentence": "a01", "recognised": "90.00"}
    assert dict(clip.about) == facts | {"natural": "100.00"}
    women = {c.groups[0] for c in clips.values() if dict(c.about)["sex"] == "female"}
    assert women == {"emo-db/08", "emo-db/16"}


def test_the_table_of_listeners_need_not_be_there(classic: Path) -> None:
    expected = [clip.id for clip in EMODB(classic).clips()]
    (classic / "download" / "erkennung.txt").unlink()
    clips = EMODB(classic).clips()
    assert [clip.id for clip in clips] == expected
    assert "recognised" not in dict(clips[0].about)


def test_classic_does_without_a_table_that_is_odd(
    classic: Path, second: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = classic / "download" / "erkennung.txt"
    expected = [clip.id for clip in EMODB(classic / "download").clips()]
    path.write_bytes(re.sub(rb"[\t\xa0]+", b" ", path.read_bytes()))
    clips = EMODB(classic / "download").clips()
    assert [clip.id for clip in clips] == expected
    assert "recognised" not in dict(clips[0].about)
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("EMO-DB goes without what its listeners said: ")
    assert "erkennung.txt has no column Satz" in line

    path = second / "emodb" / "db.emotion.csv"
    expected = [clip.id for clip in EMODB(second / "emodb").clips()]
    path.write_text(path.read_text().replace("03a01Wa", "04a01Wa"))
    assert [clip.id for clip in EMODB(second / "emodb").clips()] == expected
    assert '"04a01Wa" is no name of a clip' in caplog.records[-1].getMessage()


def test_laryngograms_are_no_clips(second: Path) -> None:
    releases: tuple[Release, ...] = ("classic", "2.0")
    for release in releases:
        clips = EMODB(second, release).clips()
        assert {clip.path.parent.name for clip in clips} == {"wav"}
    facts = [dict(clip.about) for clip in clips]
    assert (facts[0]["recognised"], facts[0]["natural"]) == ("0.45", "0.5")


def test_each_speaker_is_tested_once(whole: Path) -> None:
    corpus, speakers = EMODB(whole), list(SPEAKERS)
    for fold, speaker in enumerate(speakers):
        parts = {part: groups_of(corpus, part, fold) for part in PARTS}
        assert parts["test"] == {f"emo-db/{speaker}"}
        assert parts["val"] == {f"emo-db/{speakers[(fold + 1) % 10]}"}


def test_other_releases_and_names_are_refused(second: Path) -> None:
    with pytest.raises(CorpusError, match=r"no release '1\.0': choose classic or 2\.0"):
        EMODB(second, "1.0")  # type: ignore[arg-type]
    path = second / "emodb" / "db.emotion.csv"
    path.write_text(path.read_text().replace("03a01Wa", "04a01Wa"))
    with pytest.raises(
        CorpusError, match=r'row \d+, column file: "04a01Wa" is no name'
    ):
        EMODB(second, "2.0").clips()
