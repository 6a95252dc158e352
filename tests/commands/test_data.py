import csv
import shutil
from pathlib import Path

import pytest
import yaml

from crossemo.commands.data import main
from crossemo.corpora.base import Corpus
from crossemo.corpora.manifest import Manifest
from crossemo.errors import CrossEmoError
from tests.corpora.ravdess_tree import write_ravdess
from tests.corpora.trees import official_trees
from tests.corpora.trees.base import write_sound

PMEMO = official_trees()["pmemo"]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.fixture
def corpus(here: Path) -> Corpus:
    PMEMO.write(here / "music")
    return PMEMO.corpus(here / "music")


def test_a_folder_becomes_tables_and_figures(
    corpus: Corpus, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["music"])
    said = capsys.readouterr().out
    assert "on 0 to 1 about 0.5" in said
    folder = here / "logs" / "data" / "version_0"
    first, *others = rows(folder / "overview.csv")
    clips = corpus.clips()
    artists = {dict(clip.about)["artist"].casefold() for clip in clips}
    assert (first["corpus"], first["kind"]) == ("pmemo", "all")
    assert (first["clips"], first["units"]) == (f"{len(clips)}", f"{len(artists)}")
    rates = {row["name"]: row["clips"] for row in others if row["kind"] == "rate"}
    assert rates == {"22050 Hz": "2", "44100 Hz": f"{len(clips) - 2}"}
    assert rows(folder / "problems.csv") == []
    names = sorted(path.stem for path in (folder / "figures").glob("*.pdf"))
    assert names == ["durations_pmemo", "plane_pmemo"]


def test_problems_are_named_and_strict_ends_on_them(
    corpus: Corpus, here: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = corpus.clips()[0].path
    path.unlink()
    write_sound(path.with_name("stray.mp3"))
    main(["music"])
    problems = rows(here / "logs" / "data" / "version_0" / "problems.csv")
    assert [(row["kind"], row["clip"]) for row in problems] == [
        ("annotated, no audio", "pmemo/1"),
        ("audio, not annotated", "pmemo/stray"),
    ]
    assert "In pmemo, 1 clip (1): annotated, no audio" in caplog.text
    sentence = r"problems \(annotated, no audio, audio, not annotated\): see logs"
    with pytest.raises(CrossEmoError, match=sentence):
        main(["music", "--strict"])


def test_a_corpus_is_saved_as_a_table_that_reads_the_same(
    corpus: Corpus, here: Path
) -> None:
    main(["music", "--save=saved.csv"])
    settings = yaml.safe_load((here / "saved.yaml").read_text())
    assert settings["class_path"] == "Manifest"
    saved = Manifest(**settings["init_args"])
    assert [one.id for one in saved.clips()] == [one.id for one in corpus.clips()]
    assert [one.valence for one in saved.clips()] == [
        one.valence for one in corpus.clips()
    ]
    assert saved.scale == corpus.scale
    before = rows(here / "logs" / "data" / "version_0" / "overview.csv")
    main(["saved.yaml"])
    after = rows(here / "logs" / "data" / "version_1" / "overview.csv")
    assert after == before


def test_a_config_is_shown_in_the_parts_that_it_makes(here: Path) -> None:
    write_ravdess(here / "ravdess", actors=(1, 2, 5), repetitions=(1,), seconds=0.02)
    corpus = {"class_path": "RAVDESS", "init_args": {"root": "ravdess"}}
    data = {
        "class_path": "SpeechEmotionDataModule",
        "init_args": {"corpus": corpus, "task": "four", "split": "leave_one_out"},
    }
    (here / "run.yaml").write_text(yaml.safe_dump({"data": data, "model": {}}))
    main(["run.yaml", "--corpus=ravdess-speech"])
    seen = rows(here / "logs" / "data" / "version_0" / "overview.csv")
    counts = {(row["kind"], row["name"]): int(row["clips"]) for row in seen}
    # Of 30 clips an actor has 12 of disgust, fear and surprise, which have no class.
    assert [counts["part", part] for part in ("train", "val", "test", "")] == [
        *[18] * 3,
        36,
    ]
    assert counts["class", "neutral/calm"] == 3 * 6
    assert counts["class", "angry"] == 3 * 4
    assert all(row["role"] == "speech" for row in seen)


def test_what_holds_no_corpus_is_refused(here: Path) -> None:
    (here / "model.yaml").write_text("model: {encoder: tiny}\n")
    with pytest.raises(CrossEmoError, match="no section data"):
        main(["model.yaml"])
    (here / "empty").mkdir()
    with pytest.raises(CrossEmoError, match="No corpus lies below"):
        main(["empty"])
    write_ravdess(here / "ravdess", actors=(1,), repetitions=(1,), seconds=0.02)
    with pytest.raises(CrossEmoError, match="choose one of ravdess-speech, ravdess-"):
        main(["ravdess", "--save=all.csv"])
    with pytest.raises(CrossEmoError, match="no corpus deam here: choose ravdess-sp"):
        main(["ravdess", "--corpus=deam"])
    shutil.rmtree(here / "ravdess")
    with pytest.raises(CrossEmoError, match="does not exist"):
        main(["ravdess"])
