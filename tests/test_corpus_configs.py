"""Every config of a corpus, with those of a strategy and a plan of stages."""

import csv
from collections import Counter
from itertools import cycle, islice
from pathlib import Path

import pytest
import yaml

from tests.corpora.trees import official_trees
from tests.shell import CONFIGS, briefly, results, run

TREES = official_trees()  # a config is run on the tree of its name
BASE = "ravdess_speech_to_song.yaml"


def role_of(path: Path) -> str:
    """Return the role of a config's corpus: speech is the source, music the target."""
    options = yaml.safe_load(path.read_text())["data"]["init_args"]
    return "source" if "source" in options else "target"


def runs() -> list[tuple[Path, ...]]:
    """Return the configs, one of speech and one of music in a run."""
    configs: dict[str, list[Path]] = {"source": [], "target": []}
    for path in sorted(CONFIGS.glob("corpora/*.yaml")):
        configs[role_of(path)].append(path)
    filled = [paths for paths in configs.values() if paths]
    most = max(map(len, filled))
    return list(zip(*(islice(cycle(paths), most) for paths in filled), strict=True))


@pytest.mark.parametrize("paths", runs(), ids=lambda ps: "-".join(p.stem for p in ps))
def test_every_config_of_a_corpus_runs_to_the_end(
    paths: tuple[Path, ...],
    here: Path,
    ravdess: Path,
    wav2vec2: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    places = {f"{role}.init_args.root": ravdess for role in ("source", "target")}
    expected = {"source": "ravdess-speech", "target": "ravdess-song"}
    for path in paths:
        root = here / path.stem
        root.mkdir()
        TREES[path.stem].write(root)
        tree, role = TREES[path.stem], role_of(path)
        for option, place in tree.options.items():
            places[f"{role}.init_args.{option}"] = root / place
        expected[role] = tree.corpus(root).name
    configs: list[str | Path] = [
        BASE,
        *paths,
        "strategies/peft.yaml",
        "stages/zero_shot.yaml",
    ]
    run(
        "fit",
        *briefly(wav2vec2, *configs, stages=["source"]),
        *(f"--data.{option}={place}" for option, place in places.items()),
        *("--fad.enabled=false", "--name=run"),
        monkeypatch=monkeypatch,
    )
    content = results(here / "logs" / "run" / "version_0")
    roles = content["roles"]
    assert {role: roles[role]["corpus"] for role in roles} == expected
    for scores in content["stages"]["source"]["scores"].values():
        assert scores["n"] == sum(map(sum, scores["confusion"])) > 0


def test_several_corpora_a_role_run_to_the_end(
    here: Path, ravdess: Path, wav2vec2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = yaml.safe_load((CONFIGS / "cross_corpus.yaml").read_text())
    roles = {role: config["data"]["init_args"][role] for role in ("source", "target")}
    corpora = [corpus for role in roles.values() for corpus in role]
    for corpus in corpora:
        name = corpus["class_path"].lower()
        corpus["init_args"]["root"] = str(ravdess if name == "ravdess" else here / name)
        if name != "ravdess":
            (here / name).mkdir()
            TREES[name].write(here / name)
    (here / "roots.yaml").write_text(yaml.safe_dump({"data": {"init_args": roles}}))
    run(
        "fit",
        *briefly(wav2vec2, "cross_corpus.yaml", "roots.yaml"),
        *("--data.split=kfold", "--data.folds=3", "--data.window=0.2"),
        *("--fad.enabled=false", "--name=run"),
        monkeypatch=monkeypatch,
    )
    folder = here / "logs" / "run" / "version_0"
    content = results(folder)
    assert content["batch_seconds"] == 160
    target = content["roles"]["target"]
    assert (target["window"], target["hop"]) == (0.2, 0.2)
    scores = content["stages"]["target"]["scores"]
    assert {"source/iemocap", "source/ravdess-speech", "target/deam"} < scores.keys()
    # A row a clip, however many windows it has.
    for table in ("split.csv", "predictions.csv"):
        with (folder / table).open() as file:
            rows = [row for row in csv.DictReader(file) if row.get("stage") != "source"]
        clips = Counter((row["role"], row["clip"]) for row in rows)
        assert set(clips.values()) == {1}
        tested = [row["role"] for row in rows if row.get("part", "test") == "test"]
        assert Counter(tested) == {role: scores[role]["n"] for role in roles}
