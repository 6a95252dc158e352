import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow
import pytest
import soundfile
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

import crossemo.corpora
from crossemo.audio import decode
from crossemo.corpora.base import (
    Clip,
    Corpus,
    CorpusError,
    CorpusNotFoundError,
    Domain,
    Part,
    Scale,
)
from crossemo.corpora.manifest import Manifest
from crossemo.corpora.manifest_writing import write_manifest
from crossemo.corpora.pmemo import PMEmo
from crossemo.corpora.table_corpus import GivenScale
from crossemo.files import printable, write_csv
from tests.corpora.recordings import real_recordings
from tests.corpora.trees import pmemo
from tests.corpora.trees.base import write_sound, write_table

WORDS = {
    "anger": "angry",
    "fear": "fearful",
    "happiness": "happy",
    "sadness": "sad",
}


def listed(
    folder: Path, *lines: str, name: str = "labels.csv", **options: Any
) -> list[Clip]:
    """Return the clips of a table of which every file is there."""
    for number in range(4):
        (folder / f"{number}.wav").touch()
    write_table(folder / name, *lines)
    options = {"name": "x"} | options
    return Manifest(folder / name, **options).clips()


def refusal(folder: Path, *lines: str, **options: Any) -> str:
    with pytest.raises(CorpusError) as error:
        listed(folder, *lines, **options)
    return str(error.value)


@pytest.mark.parametrize(
    ("suffix", "mark"),
    [("csv", ","), ("csv", ";"), ("csv", "|"), ("csv", "\t"), ("tsv", "\t")],
)
def test_tables_of_any_delimiter_say_the_same(
    tmp_path: Path, suffix: str, mark: str
) -> None:
    texts = (
        '"File name", emotion ,Speaker-ID,valence',
        '0.wav, Sad,"        MK0","2.5"',
        "",
        '1.wav,"angry",WR0,',
    )
    lines = tuple(line.replace(",", mark) for line in texts)
    name = f"labels.{suffix}"
    first, second = listed(tmp_path, *lines, name=name, scale=[1, 5, 3])
    assert first == Clip(
        "x/0.wav", tmp_path / "0.wav", ("x/speaker/MK0",), "Sad", valence=2.5
    )
    assert second == Clip("x/1.wav", tmp_path / "1.wav", ("x/speaker/WR0",), "angry")


def test_csv_json_lines_and_parquet_say_the_same(tmp_path: Path) -> None:
    columns = {
        "path": ["0.wav", "1.wav"],
        "label": ["sad", None],
        "track_id": [7, 8],
        "artist": ["A", "A"],
        "dominance": [3, 2.5],
    }
    rows = [
        dict(zip(columns, cells, strict=True))
        for cells in zip(*columns.values(), strict=True)
    ]
    write_csv(tmp_path / "labels.csv", rows)
    lines = [json.dumps(row) for row in rows]
    write_table(tmp_path / "labels.jsonl", lines[0], "", *lines[1:])
    parquet.write_table(pyarrow.table(columns), tmp_path / "labels.parquet")
    for number in range(2):
        (tmp_path / f"{number}.wav").touch()
    expected = [
        Clip(
            id=f"x/{n}.wav",
            path=tmp_path / f"{n}.wav",
            groups=(f"x/track/{7 + n}", "x/artist/A"),
            label=("sad", None)[n],
            dominance=(3.0, 2.5)[n],
        )
        for n in range(2)
    ]
    for suffix in ("csv", "jsonl", "parquet"):
        path = tmp_path / f"labels.{suffix}"
        clips = Manifest(path, "music", name="x", scale=[1, 5, 3]).clips()
        assert clips == expected, suffix


def test_stretches_are_seconds_or_timedeltas(tmp_path: Path) -> None:
    lines = ("file,start,end,emotion", "0.wav,0 days 00:00:01.500000,NaT,sad")
    rows = ("0.wav,0.5,1.25,sad", "0.wav,0 days 01:00:00,1 days 00:00:00,sad")
    clips = listed(tmp_path, *lines, *rows)
    assert [(c.start, c.end) for c in clips] == [
        (1.5, None),
        (0.5, 1.25),
        (3600, 86400),
    ]
    assert [c.id for c in clips] == ["x/0.wav@1.5", "x/0.wav@0.5", "x/0.wav@3600"]
    clips = listed(tmp_path, "wav,offset,duration,label", "0.wav,2,0.5,sad")
    assert [(c.start, c.end, c.about) for c in clips] == [(2.0, 2.5, ())]
    (clip,) = listed(tmp_path, "wav,duration,label", "0.wav,0.7,sad")
    assert (clip.end, clip.about) == (None, (("duration", "0.7"),))
    start = [timedelta(seconds=0.25)]
    stamps = pyarrow.table({"file": ["0.wav"], "start": start, "emotion": ["sad"]})
    parquet.write_table(stamps, tmp_path / "labels.parquet")
    (clip,) = Manifest(tmp_path / "labels.parquet").clips()
    assert clip.start == 0.25


def test_parts_are_those_of_others_too(tmp_path: Path) -> None:
    words = (
        "train",
        "Training",
        "dev",
        "valid",
        "validation",
        "val",
        "test",
        "eval",
        "",
    )
    rows = [f"0.wav,{n},sad,{word}" for n, word in enumerate(words)]
    clips = listed(tmp_path, "file,id,emotion,split", *rows)
    parts = ["train"] * 2 + ["val"] * 4 + ["test"] * 2
    assert [clip.part for clip in clips] == [*parts, None]
    assert [clip.id for clip in clips[:2]] == ["x/0", "x/1"]
    assert refusal(tmp_path, "file,emotion,split", "0.wav,sad,3") == (
        f'{tmp_path}/labels.csv, row 2, column split: "3" is none of train, val (also '
        "valid, validation, dev) and test: correct the table."
    )
    nothing = {"split": None}
    (clip,) = listed(tmp_path, "file,emotion,split", "0.wav,sad,3", columns=nothing)
    assert (clip.part, clip.about) == (None, (("split", "3"),))


def test_all_groups_count_and_two_cases_of_one_name_are_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = (
        "file,speaker,song,emotion",
        "0.wav,S4,a,sad",
        "1.wav,s4,,sad",
        "2.wav,,,sad",
    )
    clips = listed(tmp_path, *lines)
    assert [clip.groups for clip in clips] == [
        ("x/song/a", "x/speaker/S4"),
        ("x/speaker/S4",),
        ("x/file/2.wav",),
    ]
    assert "In x, 1 of 3 rows name no speaker, song or other group" in caplog.text
    row = r"0.wav,mediaeval/3;a\;b,sad"
    assert listed(tmp_path, "file,groups,emotion", row)[0].groups == (
        "mediaeval/3",
        "a;b",
    )


def test_columns_and_paths_of_ones_own(tmp_path: Path) -> None:
    write_table(tmp_path / "t.csv", "n,who,mood,note,arousal", "0,ann,joy,loud,x")
    (tmp_path / "audio" / "ann").mkdir(parents=True)
    (tmp_path / "audio" / "ann" / "0.wav").touch()
    corpus = Manifest(
        tmp_path / "t.csv",
        root=tmp_path / "audio",
        columns={
            "path": "{who}/{N}.wav",
            "emotion": "Mood",
            "speaker": "who",
            "arousal": None,
        },
        words={"joy": "happy"},
    )
    (clip,) = corpus.clips()
    assert clip == Clip(
        id=f"{tmp_path.name}/ann/0.wav",
        path=tmp_path / "audio" / "ann" / "0.wav",
        groups=(f"{tmp_path.name}/speaker/ann",),
        label="joy",
        about=(("note", "loud"), ("arousal", "x")),
    )
    assert corpus.word("Joy") == "happy"
    assert corpus.word("SAD") == "sad"
    assert corpus.word("q2") == "Q2"
    assert corpus.word("odd") == "odd"
    wrong = refusal(tmp_path, "file,mood", "0.wav,sad", columns={"emotion": "moods"})
    assert wrong.endswith(
        "no column moods: its columns are file, mood. Did you mean mood?"
    )
    wrong = refusal(tmp_path, "file,mood", "0.wav,sad", columns={"emotio": "mood"})
    assert "emotio is nothing that a table holds" in wrong
    assert wrong.endswith("Did you mean emotion?")


def test_a_file_is_found_whatever_its_case_form_and_slashes(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    names = ("s4-1.wav", "fro\u0308h.wav", "two.wav", "Two.wav", "one.wav")
    for name in names:
        (tmp_path / "a" / name).touch()
    rows = ("a/S4-1.wav", "a/fröh.wav", "a/two.wav", "./a/Two.wav", r"a\one.wav")
    clips = listed(tmp_path, "file,emotion", *(f"{row},sad" for row in rows))
    assert [clip.path.name for clip in clips] == list(names)
    assert [clip.id for clip in clips[3:]] == ["x/a/Two.wav", "x/a/one.wav"]
    doubtful = refusal(tmp_path, "file,emotion", "a/TWO.wav,sad")
    assert f"the first would be {tmp_path}/a/TWO.wav" in doubtful
    whole = listed(tmp_path, "file,emotion", f"{tmp_path}/a/one.wav,sad")
    assert whole[0].id == "x/a/one.wav"


def test_what_is_wrong_with_a_table_is_one_sentence(tmp_path: Path) -> None:
    place = f"{tmp_path}/labels.csv"
    assert refusal(tmp_path, "name,emotion", "0.wav,sad").startswith(
        f"{place} has no column of audio files, such as file or path: its columns are "
        "name, emotion. Name yours, such as columns: {file: NAME}"
    )
    assert "has no column of emotions or values" in refusal(tmp_path, "file", "0.wav")
    assert refusal(tmp_path, "file,valence", "0.wav,3") == (
        f"{place} has values (valence) and nothing says on what scale: give low, high "
        "and middle, such as scale: [1, 9, 5]."
    )
    rows = [f"{n}.wav,n/a" for n in range(7)]
    assert refusal(tmp_path, "file,valence", *rows, scale=[1, 9, 5]) == (
        f"{place}, "
        + "; ".join(f'row {n}, column valence: "n/a" is no number' for n in range(2, 7))
        + "; and 2 more: correct the table."
    )
    assert "has two columns emotion" in refusal(
        tmp_path, "emotion,file,emotion", "a,b,c"
    )
    assert "row 3, column file: the cell is empty" in refusal(
        tmp_path, "file,emotion", "0.wav,sad", ",sad"
    )
    for cells, why in {
        "-1,": "column start: -1 s is before",
        "2,2": "column end: the clip would begin at 2 s and end at 2 s",
        "soon,": 'column start: "soon" is no number',
    }.items():
        row = f"0.wav,sad,{cells}"
        assert why in refusal(tmp_path, "file,emotion,start,end", row)
    assert "row 2, is no JSON object" in refusal(
        tmp_path, '{"a": 1}', "3", name="t.jsonl"
    )
    assert "row 1, is no JSON:" in refusal(tmp_path, "{", name="t.jsonl")
    assert "can't be read as a table: " in refusal(tmp_path, "PAR1", name="t.parquet")
    assert "give one that ends in .csv, .tsv" in refusal(tmp_path, "", name="t.xlsx")
    with pytest.raises(CorpusError, match=r"scale: \[1, 9\] has 2 numbers"):
        Manifest(tmp_path / "labels.csv", scale=[1, 9])
    with pytest.raises(CorpusError, match=r"scale: {'low': 1} is none: give low, high"):
        Manifest(tmp_path / "labels.csv", scale={"low": 1})
    with pytest.raises(CorpusError, match="is none: give low, high and, where"):
        Manifest(tmp_path / "labels.csv", scale={"low": 1, "high": 9, "mid": 5})
    with pytest.raises(
        CorpusError, match=r"would become happpy.* Did you mean happy\?"
    ):
        Manifest(tmp_path / "labels.csv", words={"joy": "happpy"})
    with pytest.raises(CorpusNotFoundError, match=r"none\.csv does not exist"):
        Manifest(tmp_path / "none.csv").clips()


def test_a_scale_may_be_given_by_name(tmp_path: Path) -> None:
    def scale(numbers: GivenScale) -> Scale | None:
        return Manifest(tmp_path / "labels.csv", scale=numbers).scale

    assert scale({"low": 1, "high": 9}) == Scale(1, 9, 5) == scale([1, 9, 5])
    assert scale({"high": 9, "low": 1, "middle": 4}) == Scale(1, 9, 4)


def test_another_encoding_is_named_and_not_guessed(tmp_path: Path) -> None:
    (tmp_path / "0.wav").touch()
    path = tmp_path / "labels.csv"
    path.write_bytes("file,emotion\n0.wav,fröhlich\n".encode("latin-1"))
    with pytest.raises(CorpusError, match=r"not in UTF-8 .* row 2\): save it in UTF-8"):
        Manifest(path).clips()


def test_annotators_that_contradict_and_rows_without_emotion_are_named(
    tmp_path: Path,
) -> None:
    lines = (
        "file, emotion,valence",
        "0.wav,sad,",
        "0.wav,calm,",
        "1.wav,,",
        "2.wav,,4",
    )
    for number in range(3):
        (tmp_path / f"{number}.wav").touch()
    write_table(tmp_path / "labels.csv", *lines)
    corpus = Manifest(tmp_path / "labels.csv", name="x", scale=[1, 9, 5])
    assert [(clip.id, clip.label) for clip in corpus.clips()] == [
        ("x/1.wav", None),
        ("x/2.wav", None),
    ]
    wrong = refusal(tmp_path, "file,emotion", "0.wav,sad", "0.wav,calm")
    assert wrong == (
        "All clips of x, such as 0.wav, are annotated twice, differently: correct the "
        "annotations."
    )
    assert "row 3, 1.wav and 0.wav have one name, a: " in refusal(
        tmp_path, "file,emotion,id", "0.wav,sad,a", "1.wav,sad,a"
    )
    problems = {one.kind: one.where for one in corpus.problems()}
    assert problems["annotated twice, differently"] == ("x/0.wav",)
    assert problems["no emotion"] == ("x/1.wav",)


def test_aiff_under_the_name_of_a_wav_is_read(tmp_path: Path) -> None:
    sound = write_sound(tmp_path / "tone.aiff")
    samples, rate = soundfile.read(sound, dtype="float32")
    sound.rename(tmp_path / "0.wav")
    (clip, *_) = listed(tmp_path, "file,emotion", "0.wav,sad")
    assert decode(clip.path, rate).tolist() == pytest.approx(samples.tolist(), abs=1e-6)


def test_it_is_there_by_its_name() -> None:
    assert crossemo.corpora.Manifest is Manifest


def test_nemo_by_both_of_its_tables_is_the_same_corpus() -> None:
    root = real_recordings("nemo")
    ours = Manifest(root / "metadata.csv", words=WORDS)
    pattern = {"file": "samples/{file_id}"}
    theirs = Manifest(root / "data.tsv", words=WORDS, columns=pattern)

    def facts(corpus: Manifest) -> list[tuple[object, ...]]:
        clips = sorted(corpus.clips(), key=lambda clip: clip.id)
        return [(clip.id, clip.path, clip.groups, clip.label) for clip in clips]

    assert facts(ours) == facts(theirs)
    assert len(facts(ours)) == 158
    assert len({clip.groups for clip in ours.clips()}) == 9
    words = Counter(ours.word(str(clip.label)) for clip in ours.clips())
    assert set(words) == {"neutral", "surprised", *WORDS.values()}
    assert not ours.problems()
    for clip in ours.clips():  # the file's name says the speaker and the emotion
        speaker, emotion, _ = clip.path.stem.split("_")
        assert (clip.groups, clip.label) == ((f"nemo/speaker/{speaker}",), emotion)


def test_emopia_by_its_metadata() -> None:
    corpus = Manifest(
        real_recordings("emopia_rendered") / "metadata.csv", "music", "emopia"
    )
    clips = corpus.clips()
    assert len(clips) == 49
    assert len({clip.groups for clip in clips}) == 21
    assert not corpus.problems()
    for clip in clips:
        quadrant, rest = clip.path.stem.split("_", 1)
        assert (clip.label, clip.groups[0]) == (
            quadrant,
            f"emopia/song/{rest.rpartition('_')[0]}",
        )


class MadeUp(Corpus):
    """A corpus of given clips."""

    def __init__(self, clips: list[Clip], domain: Domain, scale: Scale | None) -> None:
        self.name, self.domain, self.scale = "made-up", domain, scale
        self._clips = clips

    words = {"exc": "happy", "W": "angry", "Q3": "Q3"}  # noqa: RUF012

    def clips(self) -> list[Clip]:
        return self._clips


LETTERS = st.characters(categories=("L", "N", "P", "S"))
TEXT = st.text(LETTERS, min_size=1, max_size=9).filter(lambda x: printable(x) == x)
VALUE = st.none() | st.floats(-2, 3)


@st.composite
def clip_lists(draw: st.DrawFn, folder: Path) -> list[Clip]:
    clips = []
    for number in range(draw(st.integers(1, 6))):
        start = draw(st.floats(0, 1e4))
        end = draw(st.none() | st.floats(1e4 + 1, 2e4))
        names = draw(st.lists(TEXT | st.sampled_from(["artist", "about.x", "file"])))
        part: Part | None = draw(st.sampled_from([None, "train", "val", "test"]))
        clips.append(
            Clip(
                id=f"other/{number}-{draw(TEXT)}",
                path=folder / f"{draw(st.integers(0, 3))}.wav",
                groups=tuple(draw(st.lists(TEXT, min_size=1, max_size=4))),
                label=draw(st.none() | st.sampled_from(["exc", "W", "Q3", "xxx", "ß"])),
                valence=draw(VALUE),
                arousal=draw(VALUE),
                dominance=draw(VALUE),
                start=start,
                end=end,
                part=part,
                about=tuple((name, draw(TEXT)) for name in dict.fromkeys(names)),
            )
        )
    return clips


@given(data=st.data(), domain=st.sampled_from(["speech", "music"]))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_corpus_that_is_written_is_read_again(
    data: st.DataObject, domain: Domain, tmp_path: Path
) -> None:
    for number in range(4):
        (tmp_path / f"{number}.wav").touch()
    clips = data.draw(clip_lists(tmp_path))
    before = MadeUp(clips, domain, Scale(-2, 3, 0.25))
    path = data.draw(st.sampled_from([tmp_path, tmp_path / "below"])) / "made.csv"
    write_manifest(before, path)
    settings = yaml.safe_load(path.with_suffix(".yaml").read_text())
    assert settings["class_path"] == "Manifest"
    after = Manifest(**settings["init_args"])

    def facts(clips: list[Clip]) -> list[object]:
        return [(replace(c, about=()), sorted(c.about)) for c in clips]

    assert facts(after.clips()) == facts(clips)
    assert (after.name, after.domain, after.scale) == ("made-up", domain, before.scale)
    for clip in clips:
        if clip.label is not None:
            assert after.word(clip.label) == before.word(clip.label)


def test_an_official_corpus_is_written_as_a_table(tmp_path: Path) -> None:
    pmemo.write(tmp_path)
    corpus = PMEmo(tmp_path)
    arguments = write_manifest(corpus, tmp_path / "pmemo.csv")
    assert (arguments["domain"], arguments["scale"]) == ("music", [0, 1, 0.5])
    assert Manifest(**arguments).clips() == corpus.clips()
    with pytest.raises(CorpusError, match=r"no table: name it NAME\.csv"):
        write_manifest(corpus, tmp_path / "pmemo.json")
    (tmp_path / "blocked").touch()
    with pytest.raises(CorpusError, match=r"blocked/a\.csv can't be written"):
        write_manifest(corpus, tmp_path / "blocked" / "a.csv")


def test_a_table_without_rows_is_told_so(tmp_path: Path) -> None:
    sentence = refusal(tmp_path, "file,emotion")
    assert sentence.endswith("lists no clip: it has columns and no row.")
