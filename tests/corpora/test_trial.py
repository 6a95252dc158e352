"""CONTRIBUTING's promise: a corpus is one file, and nothing else is touched."""

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile

import crossemo.corpora
from crossemo.corpora import corpus_classes
from tests.shell import results, run

FILE = Path(__file__).parent / "trial" / "whistles.py"
MOODS = ("jolly", "gloomy", "cross", "bored")


@pytest.fixture
def _added(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file among the corpora."""
    path = [*crossemo.corpora.__path__, str(FILE.parent)]
    monkeypatch.setattr(crossemo.corpora, "__path__", path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Twelve tunes by six whistlers, one of them lost."""
    root = tmp_path / "whistles"
    (root / "audio" / "deep").mkdir(parents=True)
    rows = []
    rng = np.random.default_rng(0)
    for number in range(48):
        name = f"w{number:02d}"
        tune, whistler = number // 4, number // 4 % 6
        rows.append([name, MOODS[number % 4], f"{whistler}", f"tune {tune}"])
        if number != 47:
            sound = 0.1 * rng.standard_normal(4000)
            soundfile.write(root / "audio" / "deep" / f"{name}.wav", sound, 16_000)
    with (root / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["file", "mood", "whistler", "tune"], *rows])
    return root


def test_the_file_is_short() -> None:
    assert len(FILE.read_text().splitlines()) <= 80


@pytest.mark.usefixtures("_added")
def test_a_corpus_is_one_file(
    root: Path,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert "Whistles" in corpus_classes()
    run(
        *("fit", "--data=MusicEmotionDataModule", "--data.corpus=Whistles"),
        f"--data.corpus.root={root}",
        "--data.labels={happy: [happy], sad: [sad], angry: [angry]}",
        "--data.folds=3",
        "--model.encoder=tiny",
        "--stages.music.max_epochs=1",
        "--trainer.enable_progress_bar=false",
        "--name=whistles",
        monkeypatch=monkeypatch,
    )
    content = results(here / "logs" / "whistles" / "version_0")
    assert content["classes"] == ["happy", "sad", "angry"]
    clips = content["roles"]["music"]["clips"]
    assert sum(sum(part.values()) for part in clips.values()) == 36
    # Whistlers are the units, as each whistles two tunes.
    groups = [set(part) for part in content["split"]["groups"].values()]
    assert set.union(*groups) == {f"whistles/by {n}" for n in range(6)}
    assert sum(map(len, groups)) == 6
    assert "1 clip (w47): annotated, no audio" in caplog.text
