from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from crossemo.corpora.base import CorpusError
from crossemo.corpora.copies import without_copies
from crossemo.corpora.cremad import CREMAD
from crossemo.corpora.facts import file_facts
from crossemo.tasks.classes import Classes
from tests.corpora.splitting import groups_of
from tests.corpora.trees.base import write_table
from tests.corpora.trees.cremad import CLIPS, HEADER, WRONG, write

EMOTIONS = ("ANG", "DIS", "FEA", "HAP", "SAD")
SENTENCES = (
    "DFA",
    "IOM",
    "ITH",
    "ITS",
    "IWL",
    "IWW",
    "MTI",
    "TAI",
    "TIE",
    "TSI",
    "WSI",
)
VOICE = {"N": 3897, "A": 986, "F": 645, "D": 547, "S": 370, "H": 353, "A:D": 644}
BOTH = {"N": 1972, "H": 1219, "D": 1139, "F": 1084, "A": 1019, "S": 589, "F:S": 420}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path)
    return tmp_path


def stems() -> Iterator[str]:
    """Yield 7442 names as published: what the actors speak, less 20 that some lack."""
    for actor in range(1001, 1092):
        yield from (
            f"{actor}_IEO_{e}_{i}" for e in EMOTIONS for i in ("LO", "MD", "HI")
        )
        yield f"{actor}_IEO_NEU_XX"
        for sentence in SENTENCES:
            if actor in (1008, 1009, 1019) and sentence == "TSI":
                continue
            if actor not in (1002, 1076) or sentence != "TAI":
                yield f"{actor}_{sentence}_NEU_XX"
            yield from (f"{actor}_{sentence}_{emotion}_XX" for emotion in EMOTIONS)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree of full size, whose files are of zeros."""
    root = tmp_path_factory.mktemp("crema-d")
    (root / "AudioWAV").mkdir()
    names = list(stems())
    for stem in names:
        (root / "AudioWAV" / f"{stem}.wav").write_bytes(bytes(1100))
    votes = zip(names, Counter(VOICE).elements(), Counter(BOTH).elements(), strict=True)
    rows = (f'"{n}","{s}","{v}",5,"A",6,"{b}",7' for n, (s, v, b) in enumerate(votes))
    write_table(root / "processedResults" / "summaryTable.csv", HEADER, *rows)
    return root


def labels(corpus: CREMAD) -> Counter[str | None]:
    assert corpus.problems() == []
    return Counter(clip.label for clip in corpus.clips())


def test_a_full_copy_has_the_published_numbers(whole: Path) -> None:
    published = dict.fromkeys(EMOTIONS, 1271) | {"NEU": 1087}
    corpus = CREMAD(whole, defective="keep")
    assert labels(corpus) == published
    speakers = Counter(clip.groups[0] for clip in corpus.clips())
    assert Counter(speakers.values()) == {82: 86, 81: 2, 76: 3}
    intensities = Counter(dict(clip.about)["intensity"] for clip in corpus.clips())
    assert intensities == {"XX": 6077, "LO": 455, "MD": 455, "HI": 455}
    task = Classes("four")
    targets = [task.target(clip, corpus) for clip in corpus.clips()]
    assert sum(target is not None for target in targets) == 4900
    # Each pair has two labels, and the silent file is sad.
    fewer = {"HAP": 1, "NEU": 1, "DIS": 1, "SAD": 2, "ANG": 1, "FEA": 1}
    assert labels(CREMAD(whole)) == Counter(published) - Counter(fewer)
    assert labels(CREMAD(whole)).total() == 7435


def test_a_full_copy_has_the_published_votes(whole: Path) -> None:
    assert labels(CREMAD(whole, "voice", "keep")) == VOICE
    assert labels(CREMAD(whole, "audiovisual", "keep")) == BOTH
    assert labels(CREMAD(whole, "voice")).total() == 7435


@pytest.mark.parametrize(
    ("labels", "column"), [("acted", None), ("voice", 1), ("audiovisual", 2)]
)
def test_labels_are_those_that_were_acted_or_heard(
    labels: str, column: int | None, root: Path
) -> None:
    corpus = CREMAD(root, labels=labels, defective="keep")  # type: ignore[arg-type]
    assert {clip.id: clip.label for clip in corpus.clips()} == {
        f"crema-d/{row[0]}": row[0][9:12] if column is None else row[column]
        for row in CLIPS
    }


def test_letters_and_codes_are_the_same_words_and_ties_are_none(root: Path) -> None:
    corpus, task = CREMAD(root, "voice"), Classes("shared6")
    targets = {clip.label: task.target(clip, corpus) for clip in corpus.clips()}
    assert targets.pop("A:D") is None
    assert targets == {word: "NxHSAF".index(word) for word in "NHSAF"}
    assert [corpus.words[code] for code in ("ANG", "DIS", "FEA", "HAP")] == [
        *("angry", "disgust", "fearful", "happy")
    ]


def test_contradictory_copies_and_the_silent_file_are_dropped(root: Path) -> None:
    names = {f"crema-d/{stem}" for stem in WRONG}
    assert not names & {clip.id for clip in CREMAD(root).clips()}
    assert CREMAD(root).problems() == []
    corpus = CREMAD(root, defective="keep")
    assert names <= {clip.id for clip in corpus.clips()}
    # The pair that is kept is still found by its content.
    clips = corpus.clips()
    facts = file_facts([clip.path for clip in clips], root)
    _, (problem,) = without_copies(clips, facts)
    assert problem.kind == "same bytes, other label"
    assert set(problem.where) == names - {"crema-d/1076_MTI_SAD_XX"}


def test_actors_are_groups_and_their_table_is_told(root: Path) -> None:
    clips = {clip.id: clip for clip in CREMAD(root).clips()}
    clip = clips["crema-d/1001_IEO_HAP_HI"]
    assert clip.groups == ("crema-d/1001",)
    assert dict(clip.about) == {
        **{"sex": "male", "age": "51", "race": "Caucasian"},
        **{"ethnicity": "Not Hispanic", "sentence": "IEO", "intensity": "HI"},
    }
    (root / "CREMA-D" / "VideoDemographics.csv").unlink()
    clips = {clip.id: clip for clip in CREMAD(root).clips()}
    about = dict(clips["crema-d/1001_IEO_HAP_HI"].about)
    assert about == {"sentence": "IEO", "intensity": "HI"}


def test_folds_are_blocks_of_actors_in_order(whole: Path) -> None:
    corpus = CREMAD(whole)
    blocks = np.array_split(np.arange(1001, 1092), 5)  # as sklearn's KFold without seed
    for fold, block in enumerate(blocks):
        tested = {f"crema-d/{actor}" for actor in block}
        assert corpus.folds[fold] == tested
        assert groups_of(corpus, "test", fold) == tested
        assert groups_of(corpus, "val", fold) == corpus.folds[(fold + 1) % 5]


def test_mp3_copies_are_not_read(root: Path) -> None:
    assert {clip.path.parent.name for clip in CREMAD(root).clips()} == {"AudioWAV"}
    folder = root / "CREMA-D" / "AudioWAV"
    for path in folder.iterdir():
        path.unlink()
    with pytest.raises(CorpusError, match="with AudioWAV"):
        CREMAD(root).clips()


def test_names_in_the_table_that_are_none_are_refused(root: Path) -> None:
    path = root / "CREMA-D" / "processedResults" / "summaryTable.csv"
    path.write_text(path.read_text().replace("1001_DFA_ANG_XX", "1001-DFA"))
    answer = r'summaryTable.csv, row 2, column FileName: "1001-DFA" is no name'
    with pytest.raises(CorpusError, match=answer):
        CREMAD(root, "voice").clips()
    assert CREMAD(root).clips()


@pytest.mark.parametrize(
    ("switch", "answer"),
    [
        ({"labels": "face"}, "no labels 'face': choose acted, voice or audiovisual"),
        ({"defective": "no"}, "'no': choose drop or keep"),
    ],
)
def test_other_switches_are_refused(switch: dict[str, str], answer: str) -> None:
    with pytest.raises(CorpusError, match=answer):
        CREMAD("nowhere", **switch)  # type: ignore[arg-type]
