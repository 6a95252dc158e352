"""Real speech to music with real structure, cut into windows, as a user runs it."""

import csv
import json
from collections import Counter
from pathlib import Path

import pytest
import yaml

from tests.corpora.recordings import real_recordings
from tests.shell import run_alone

WORDS = {
    "anger": "angry",
    "fear": "fearful",
    "happiness": "happy",
    "sadness": "sad",
    "surprise": "surprised",
}
MOST = 2.5e9  # bytes


def test_speech_to_music_that_is_longer_than_memory_likes(tmp_path: Path) -> None:
    nemo, emopia = real_recordings("nemo"), real_recordings("emopia_rendered")
    table = {"path": str(nemo / "metadata.csv"), "words": WORDS}
    config = {
        "model": {"encoder": "tiny", "tuning": "full"},
        "data": {
            "class_path": "CrossDomainDataModule",
            "init_args": {
                "source": {"class_path": "Manifest", "init_args": table},
                "target": {"class_path": "EMOPIA", "init_args": {"root": str(emopia)}},
                "task": "four",
                "batch_seconds": 60,
            },
        },
        "stages": {"both": {"data": ["source", "target"], "max_epochs": 1}},
        "fad": {"enabled": False},
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    done = run_alone("fit", "--config=config.yaml", "--name=run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    folder = tmp_path / "logs" / "run" / "version_0"
    content = json.loads((folder / "results.json").read_text())
    assert content["peak_memory_bytes"]["process"] < MOST
    windows = {name: role["window"] for name, role in content["roles"].items()}
    assert windows == {"source": None, "target": 10.0}
    clips = {
        name: sum(sum(part.values()) for part in role["clips"].values())
        for name, role in content["roles"].items()
    }
    with (nemo / "metadata.csv").open(encoding="utf-8") as file:
        emotions = Counter(row["emotion"] for row in csv.DictReader(file))
    four = ("anger", "happiness", "sadness", "neutral")
    songs = len((emopia / "label.csv").read_text().splitlines()) - 1
    assert clips == {"source": sum(emotions[one] for one in four), "target": songs}
    with (folder / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    scores = content["stages"]["both"]["scores"]
    assert len(rows) == scores["source"]["n"] + scores["target"]["n"]
    assert len({row["clip"] for row in rows}) == len(rows)


@pytest.mark.parametrize("name", ["nemo", "emopia_rendered"])
def test_recordings_are_named_where_they_are_absent(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CROSSEMO_DATA", str(tmp_path))
    with pytest.raises(pytest.skip.Exception, match=f"a folder with {name}"):
        real_recordings(name)
