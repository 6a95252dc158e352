from pathlib import Path
from typing import Any

import datasets
import pyarrow
import pytest
from datasets import Audio, ClassLabel, Dataset, DatasetDict, Features, Value

import crossemo.corpora
from crossemo.audio import decode
from crossemo.cache import cache_dir
from crossemo.corpora.base import Clip, CorpusError, CorpusNotFoundError
from crossemo.corpora.huggingface import HuggingFace
from crossemo.corpora.manifest import Manifest
from tests.corpora.recordings import real_recordings
from tests.corpora.trees.base import write_sound, write_table


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROSSEMO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hub")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)


def dataset(
    folder: Path, labels: list[int], *, embedded: bool, first: int = 0
) -> Dataset:
    """Return sounds 0.wav, 1.wav … as the hub has them, as content or as paths."""
    paths = [
        write_sound(folder / f"{first + number}.wav") for number in range(len(labels))
    ]
    sounds = [
        {"bytes": path.read_bytes(), "path": path.name}
        if embedded
        else {"bytes": None, "path": str(path)}
        for path in paths
    ]
    audio = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    features = Features(
        {
            "audio": Audio(sampling_rate=16_000),
            "label": ClassLabel(names=["sad", "angry"]),
            "speaker_id": Value("int64"),
            "arousal": Value("float32"),
        }
    )
    columns = [
        pyarrow.array(sounds, audio),
        pyarrow.array(labels, pyarrow.int64()),
        pyarrow.array([7] * len(labels), pyarrow.int64()),
        pyarrow.array([2.5] * len(labels), pyarrow.float32()),
    ]
    return Dataset(pyarrow.Table.from_arrays(columns, schema=features.arrow_schema))


def facts(clips: list[Clip]) -> list[tuple[Any, ...]]:
    return [(c.id, c.groups, c.label, c.arousal, c.part) for c in clips]


@pytest.mark.parametrize("form", ["saved", "parquet"])
def test_audio_inside_the_data_is_copied_once_and_decoded_by_crossemo(
    tmp_path: Path, form: str
) -> None:
    train = dataset(tmp_path / "wavs", [0, 1, -1], embedded=True)
    dev = dataset(tmp_path / "wavs", [1], embedded=True, first=3)
    place = tmp_path / "mine"
    if form == "saved":
        DatasetDict({"train": train, "validation": dev}).save_to_disk(place)
    else:
        (place / "data").mkdir(parents=True)
        train.to_parquet(place / "data" / "train-0000.parquet")
        dev.to_parquet(place / "data" / "validation-0000.parquet")

    def corpus() -> HuggingFace:
        return HuggingFace(str(place), scale=[1, 5, 3])

    with pytest.raises(CorpusNotFoundError, match=r"call prepare\(\) first"):
        corpus().clips()
    one = corpus()
    one.prepare()
    clips = one.clips()
    groups = ("mine/speaker/7",)
    assert facts(clips) == [
        ("mine/train/0.wav", groups, "sad", 2.5, "train"),
        ("mine/train/1.wav", groups, "angry", 2.5, "train"),
        ("mine/train/2.wav", groups, None, 2.5, "train"),
        ("mine/validation/3.wav", groups, "angry", 2.5, "val"),
    ]
    assert not one.problems()
    for number, clip in enumerate(clips):
        sound = tmp_path / "wavs" / f"{number}.wav"
        assert clip.path.read_bytes() == sound.read_bytes()
        assert decode(clip.path, 16_000).tolist() == decode(sound, 16_000).tolist()
    times = {
        path: path.stat().st_mtime_ns for path in (cache_dir() / "audio").rglob("*")
    }
    again = corpus()
    again.prepare()
    assert again.clips() == clips
    assert {p: p.stat().st_mtime_ns for p in times} == times
    clips[0].path.write_bytes(b"")  # which is noticed, and made good
    mended = corpus()
    mended.prepare()
    assert mended.clips() == clips
    assert clips[0].path.stat().st_size > 0


def test_a_folder_of_audio_is_read_by_its_metadata_or_its_folders(
    tmp_path: Path,
) -> None:
    for part, label in (("train", "sad"), ("train", "happy"), ("test", "sad")):
        write_sound(tmp_path / "labels" / part / label / f"{part}{label}.wav")
        write_sound(tmp_path / "meta" / part / f"{part}{label}.wav")
    corpus = HuggingFace(str(tmp_path / "labels"))
    assert [(c.id, c.label, c.part) for c in corpus.clips()] == [
        ("labels/train/happy/trainhappy.wav", "happy", "train"),
        ("labels/train/sad/trainsad.wav", "sad", "train"),
        ("labels/test/sad/testsad.wav", "sad", "test"),
    ]
    meta = tmp_path / "meta"
    write_table(
        meta / "train" / "metadata.jsonl",
        '{"file_name": "trainsad.wav", "label": " sad", "artist": "A"}',
        '{"file_name": "trainhappy.wav", "label": "happy", "artist": "B"}',
    )
    row = '{"file_name": "testsad.wav", "label": "sad", "artist": "C"}'
    write_table(meta / "test" / "metadata.jsonl", row)
    clips = HuggingFace(str(meta), "music").clips()
    assert [(c.id, c.groups, c.label, c.part) for c in clips] == [
        ("meta/train/trainsad.wav", ("meta/artist/A",), "sad", "train"),
        ("meta/train/trainhappy.wav", ("meta/artist/B",), "happy", "train"),
        ("meta/test/testsad.wav", ("meta/artist/C",), "sad", "test"),
    ]
    (tmp_path / "links").mkdir()
    link = tmp_path / "links" / "meta"
    link.symlink_to(meta, target_is_directory=True)
    linked = HuggingFace(str(link), "music").clips()
    assert [clip.id for clip in linked] == [clip.id for clip in clips]


def test_what_is_no_data_is_one_sentence(tmp_path: Path) -> None:
    offline = r"owner/none is neither a folder .* that can be reached \(.*\): give"
    with pytest.raises(CorpusNotFoundError, match=offline):
        HuggingFace("owner/none").clips()
    with pytest.raises(CorpusNotFoundError, match="is neither a folder of data nor"):
        HuggingFace(str(tmp_path / "none")).clips()
    Dataset.from_dict({"text": ["a"]}).save_to_disk(tmp_path / "text")
    with pytest.raises(
        CorpusError, match="has no column of audio: its columns are text"
    ):
        HuggingFace(str(tmp_path / "text")).clips()
    (tmp_path / "text" / "state.json").write_text("{")
    with pytest.raises(CorpusError, match="text can't be read by datasets: "):
        HuggingFace(str(tmp_path / "text")).clips()
    dataset(tmp_path / "wavs", [0], embedded=True).save_to_disk(tmp_path / "mine")
    corpus = HuggingFace(str(tmp_path / "mine"))
    corpus.prepare()
    with pytest.raises(CorpusError, match=r"has values \(arousal\) and nothing says"):
        corpus.clips()


@pytest.mark.parametrize("embedded", [True, False])
def test_a_name_on_the_hub_is_asked_for_as_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, embedded: bool
) -> None:
    asked: list[tuple[Any, ...]] = []
    data = {"test": dataset(tmp_path / "wavs", [1, 0], embedded=embedded)}

    class Builder:
        def download_and_prepare(self) -> None:
            asked.append(("download",))

        def as_dataset(self) -> DatasetDict:
            return DatasetDict(data)

    def builder(path: str, name: str | None, revision: str | None) -> Builder:
        asked.append((path, name, revision))
        return Builder()

    monkeypatch.setattr(datasets, "load_dataset_builder", builder)
    options: dict[str, Any] = {"subset": "en", "revision": "v1", "scale": [1, 5, 3]}
    corpus = HuggingFace("owner/name", **options)
    corpus.prepare()
    clips = corpus.clips()
    assert asked == [("owner/name", "en", "v1"), ("download",)]
    assert [clip.id for clip in clips] == ["name/test/0.wav", "name/test/1.wav"]
    assert {clip.part for clip in clips} == {None}  # one split is none
    home = tmp_path / ("cache/audio" if embedded else "wavs")
    assert all(clip.path.is_relative_to(home) for clip in clips)
    assert (tmp_path / "cache" / "audio").exists() == embedded


def test_nemo_as_a_folder_of_audio_is_nemo_by_its_table() -> None:
    root = real_recordings("nemo")
    theirs = HuggingFace(str(root))
    theirs.prepare()
    ours = Manifest(root / "metadata.csv")
    in_order = [sorted(one.clips(), key=lambda clip: clip.id) for one in (theirs, ours)]
    assert in_order[0] == in_order[1]
    assert len(in_order[0]) == 158


def test_it_is_there_by_its_name() -> None:
    assert crossemo.corpora.HuggingFace is HuggingFace
