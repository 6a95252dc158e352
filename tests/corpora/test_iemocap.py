from collections import Counter
from collections.abc import Iterator
from itertools import chain, cycle, repeat
from pathlib import Path

import pytest

from crossemo.corpora.base import CorpusError, CorpusNotFoundError
from crossemo.corpora.iemocap import IEMOCAP
from crossemo.tasks.classes import Classes
from tests.corpora.splitting import groups_of
from tests.corpora.trees.base import write_table
from tests.corpora.trees.iemocap import TURNS, evaluation, write

# As counted on the published tables: ang, hap, exc, neu, sad and all of each session.
SESSIONS = (
    (229, 135, 143, 384, 194, 1819),
    (137, 117, 210, 362, 197, 1811),
    (240, 135, 151, 320, 305, 2136),
    (327, 65, 238, 258, 143, 2103),
    (170, 143, 299, 384, 245, 2170),
)
OTHERS = {"xxx": 2507, "fru": 1849, "sur": 107, "fea": 40, "oth": 3, "dis": 2}
IMPROVISED = {"ang": 289, "hap": 284, "exc": 663, "neu": 1099, "sad": 608}
FOUR = tuple(IMPROVISED)
# Utterances of the four emotions by women and men, and those of the women in all.
WOMEN, MEN, FEMALE = (528, 481, 522, 528, 590), (557, 542, 629, 503, 651), 4800
ALL_IMPROVISED = 4784
STYLES = ("impro", "script")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path)
    return tmp_path


def dialogs_of(session: int, style: str) -> list[str]:
    """Return the names of a session's dialogs, 151 in all."""
    if style == "script":
        parts = ("01_1", "01_2", "01_3", "02_1", "02_2", "03_1", "03_2")
        names = [f"Ses0{session}{actor}_script{p}" for actor in "FM" for p in parts]
        return names + ["Ses05M_script01_1b"] * (session == 5)
    scenes = [f"{n:02d}" for n in range(1, 8 if session == 1 else 9)]
    names = [f"Ses0{session}{actor}_impro{s}" for actor in "FM" for s in scenes]
    if session == 3:
        split = {f"Ses03M_impro{scene}" for scene in ("05", "08")}
        odd = [f"{name}{letter}" for name in sorted(split) for letter in "ab"]
        names = [name for name in names if name not in split] + odd
    return names


def utterances() -> Iterator[tuple[int, str, str, str]]:
    """Yield session, sex, label and style of 10 039 utterances as published."""
    left = Counter(IMPROVISED)
    others = chain.from_iterable(repeat(label, n) for label, n in OTHERS.items())
    female = FEMALE - sum(WOMEN)
    improvised = ALL_IMPROVISED - left.total()
    for session, (*counts, every) in enumerate(SESSIONS, 1):
        labels = chain.from_iterable(map(repeat, FOUR, counts))
        for place, label in enumerate(labels):
            left[label] -= 1
            style = "impro" if left[label] >= 0 else "script"
            yield session, "F" if place < WOMEN[session - 1] else "M", label, style
        for _ in range(every - sum(counts)):
            female, improvised = female - 1, improvised - 1
            style = "impro" if improvised >= 0 else "script"
            yield session, "F" if female >= 0 else "M", next(others), style


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree of full size, whose files are of zeros."""
    root = tmp_path_factory.mktemp("iemocap")
    styles = {(s, style): dialogs_of(s, style) for s in range(1, 6) for style in STYLES}
    turns: dict[str, list[tuple[str, str, tuple[float, ...]]]] = {
        dialog: [] for names in styles.values() for dialog in names
    }
    assert len(turns) == 151
    places = {key: cycle(names) for key, names in styles.items()}
    for session, sex, label, style in utterances():
        dialog = next(places[session, style])
        turns[dialog].append((f"{sex}{len(turns[dialog]):03d}", label, (3, 1, 5)))
    for dialog, spoken in turns.items():
        session_root = root / f"Session{dialog[4]}"
        rated = session_root / "dialog" / "EmoEvaluation" / f"{dialog}.txt"
        write_table(rated, *evaluation(dialog, sorted(spoken)))
        folder = session_root / "sentences" / "wav" / dialog
        folder.mkdir(parents=True)
        for turn, *_ in spoken:
            (folder / f"{dialog}_{turn}.wav").write_bytes(bytes(1100))
    return root


def test_a_full_copy_has_the_published_numbers(whole: Path) -> None:
    corpus = IEMOCAP(whole)
    clips = corpus.clips()
    assert len(clips) == 10_039
    assert corpus.problems() == []
    assert Counter(clip.label for clip in clips) == {
        **{"ang": 1103, "hap": 595, "exc": 1041, "neu": 1708, "sad": 1084},
        **OTHERS,
    }
    assert Counter(dict(clip.about)["sex"] for clip in clips) == {
        "female": 4800,
        "male": 5239,
    }
    task = Classes("four")
    four = [(c, task.target(c, corpus)) for c in clips]
    by_session: Counter[tuple[str, object]] = Counter()
    by_speaker: Counter[str] = Counter()
    for clip, target in four:
        if target is not None:
            by_session[clip.groups[1], target] += 1
            by_speaker[clip.groups[0]] += 1
    assert by_speaker.total() == 5531
    assert task.outputs == ("angry", "happy", "sad", "neutral/calm")
    for number, (ang, hap, exc, neu, sad, _) in enumerate(SESSIONS, 1):
        session = f"iemocap/Ses0{number}"
        counts = [by_session[session, target] for target in range(4)]
        assert counts == [ang, hap + exc, sad, neu]
        assert by_speaker[f"{session}F"] == WOMEN[number - 1]
        assert by_speaker[f"{session}M"] == MEN[number - 1]


def test_a_full_copy_in_parts_has_the_published_numbers(whole: Path) -> None:
    improvised, scripted = IEMOCAP(whole, "improvised"), IEMOCAP(whole, "scripted")
    assert (len(improvised.clips()), len(scripted.clips())) == (4784, 5255)
    assert improvised.problems() == scripted.problems() == []
    labels = Counter(clip.label for clip in improvised.clips())
    assert {label: labels[label] for label in IMPROVISED} == IMPROVISED


def test_a_full_copy_that_lacks_some_is_told(whole: Path) -> None:
    corpus = IEMOCAP(whole)
    corpus.expected = {**corpus.expected, "ang": 1104}
    assert [one.kind for one in corpus.problems()] == ["other numbers than published"]


def test_the_letter_before_the_number_says_who_speaks(root: Path) -> None:
    groups = {clip.id: clip.groups for clip in IEMOCAP(root).clips()}
    for dialog, turns in TURNS.items():
        for turn, *_ in turns:
            session = f"iemocap/{dialog[:5]}"
            speaker = f"{session}{turn[0]}"
            assert groups[f"iemocap/{dialog}_{turn}"] == (speaker, session)
    # Fixed places in the name would give these three to the woman, or to nobody.
    assert groups["iemocap/Ses05M_script01_1b_M001"][0] == "iemocap/Ses05M"
    assert groups["iemocap/Ses01F_impro01_M000"][0] == "iemocap/Ses01M"
    assert groups["iemocap/Ses03M_impro08b_F000"][0] == "iemocap/Ses03F"


def test_labels_values_and_facts_are_as_published(root: Path) -> None:
    corpus = IEMOCAP(root)
    clips = {clip.id.removeprefix("iemocap/"): clip for clip in corpus.clips()}
    clip = clips["Ses01F_impro01_M000"]
    assert (clip.label, clip.part) == ("fru", None)
    assert (clip.valence, clip.arousal, clip.dominance) == (2.0, 3.5, 3.3333)
    assert dict(clip.about) == {
        **{"sex": "male", "session": "1", "dialog": "Ses01F_impro01"},
        **{"improvised": "yes", "start in dialog": "14.2901"},
        "end in dialog": "16.2357",
    }
    assert (clip.start, clip.end) == (0, None)  # of the file, which is cut already


def test_known_values_that_no_rater_can_give_are_not_used(root: Path) -> None:
    corpus = IEMOCAP(root)
    clip = {one.id: one for one in corpus.clips()}["iemocap/Ses03M_impro07_M003"]
    assert (clip.label, clip.valence, clip.arousal) == ("exc", None, 4.0)
    assert corpus.problems() == []


@pytest.mark.parametrize(
    ("merge", "classes"),
    [
        (True, {"angry": 5, "happy": 7, "sad": 5, "neutral/calm": 5}),
        (False, {"angry": 5, "happy": 4, "sad": 5, "neutral/calm": 5}),
    ],
)
def test_excited_counts_as_happy_or_not(
    merge: bool, classes: dict[str, int], root: Path
) -> None:
    corpus, task = IEMOCAP(root, merge_excited=merge), Classes("four")
    targets = [task.target(clip, corpus) for clip in corpus.clips()]
    assert task.counts([one for one in targets if one is not None]) == classes


def test_dialogs_are_chosen_and_the_others_are_no_problem(root: Path) -> None:
    impro, script = IEMOCAP(root, "improvised"), IEMOCAP(root, "scripted")
    names = [clip.id for clip in impro.clips() + script.clips()]
    assert sorted(names) == sorted(clip.id for clip in IEMOCAP(root).clips())
    assert all("_script" in clip.id for clip in script.clips())
    assert script.problems() == []
    assert impro.problems() == []
    assert "same sentences" in script.note
    assert impro.note == ""


def test_each_fold_tests_a_session_and_the_next_one_chooses(root: Path) -> None:
    corpus = IEMOCAP(root)
    for fold in range(5):
        for part, number in (("test", fold), ("val", (fold + 1) % 5)):
            session = f"iemocap/Ses0{number + 1}"
            groups = groups_of(corpus, part, fold)  # type: ignore[arg-type]
            assert groups - {f"{session}F", f"{session}M"} == {session}


def test_a_single_speaker_is_tested_and_the_partner_chooses(root: Path) -> None:
    corpus = IEMOCAP(root, test_speaker="Ses05M")
    groups = {clip.groups[0]: clip.part for clip in corpus.clips()}
    assert groups.pop("iemocap/Ses05M") == "test"
    assert groups.pop("iemocap/Ses05F") == "val"
    assert set(groups.values()) == {"train"}
    parts = {p: groups_of(corpus, p) for p in ("train", "val", "test")}
    assert parts["test"] == {"iemocap/Ses05M"}
    assert parts["val"] == {"iemocap/Ses05F"}
    assert not parts["train"] & (parts["test"] | parts["val"])


def test_units_of_own_splits_are_whole_sessions(root: Path) -> None:
    corpus = IEMOCAP(root)
    for name in ("kfold", "leave_one_out"):
        train = groups_of(corpus, "train", name=name, folds=5)
        test = groups_of(corpus, "test", name=name, folds=5)
        assert not train & test
        assert len([one for one in test if one[-1].isdigit()]) == 1


@pytest.mark.parametrize(
    ("switch", "answer"),
    [
        ({"dialogs": "both"}, "no dialogs 'both': choose all, improvised or scripted"),
        (
            {"test_speaker": "Ses01"},
            "no speaker 'Ses01': choose Ses01F, Ses01M, Ses02F",
        ),
    ],
)
def test_other_switches_are_refused(switch: dict[str, str], answer: str) -> None:
    with pytest.raises(CorpusError, match=answer):
        IEMOCAP("nowhere", **switch)  # type: ignore[arg-type]


def test_raters_files_and_whole_dialogs_are_not_read(root: Path) -> None:
    corpus = IEMOCAP(root)
    paths = {clip.path.relative_to(root).parts[2] for clip in corpus.clips()}
    assert paths == {"sentences"}
    assert "audio, not annotated" not in {one.kind for one in corpus.problems()}


def test_lines_end_in_any_way_and_raters_write_as_they_like(root: Path) -> None:
    expected = IEMOCAP(root).clips()
    for path in root.rglob("EmoEvaluation/Ses*.txt"):
        text = path.read_bytes().replace(b"(curious)", b"(curious, isn\x92t she)")
        path.write_bytes(text.replace(b"\n", b"\r\n"))
    assert IEMOCAP(root).clips() == expected


def test_a_dialog_without_its_table_is_named(root: Path) -> None:
    name = "Session5/dialog/EmoEvaluation/Ses05M_script01_1b.txt"
    (root / "IEMOCAP_full_release" / name).unlink()
    with pytest.raises(CorpusNotFoundError, match=r"Ses05M_script01_1b\.txt"):
        IEMOCAP(root).clips()
    assert IEMOCAP(root, "improvised").clips()


def test_a_folder_without_any_dialog_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Session1").mkdir()
    with pytest.raises(CorpusNotFoundError, match="IEMOCAP_full_release"):
        IEMOCAP(tmp_path).clips()
