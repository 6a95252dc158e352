"""A real training in two stages, shared: `crossemo export`."""

import csv
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from huggingface_hub import ModelCard
from lightning import Trainer

from crossemo.corpora.ravdess import RAVDESS
from crossemo.data.datamodules import CrossDomainDataModule
from crossemo.recognition.models import model_digest
from crossemo.recognizer import EmotionRecognizer
from crossemo.sharing.model_facts import ModelError, ModelFacts
from crossemo.sharing.pretrained import read
from tests.sharing.test_round_trip import PLAINLY
from tests.shell import quick, results, run
from tests.stages.test_switch import QUIET

RAVDESS_CONFIG = "ravdess_speech_to_song.yaml"


@pytest.fixture(scope="module")
def finished(
    tmp_path_factory: pytest.TempPathFactory, ravdess: Path, wav2vec2: Path
) -> Path:
    """A finished run's folder, with the shared folder of its last stage beside."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        typed = quick(RAVDESS_CONFIG, ravdess, wav2vec2)
        typed += ["--name=run", "--fad.enabled=false"]
        run("fit", *typed, monkeypatch=patch)
        run("export", "logs/run/version_0", "shared", monkeypatch=patch)
    return folder / "logs" / "run" / "version_0"


@pytest.fixture
def shared(finished: Path) -> Path:
    return finished.parents[2] / "shared"


def judged(model: EmotionRecognizer, ravdess: Path) -> dict[str, dict[str, Any]]:
    """Return the scores of a model on the test part of the run."""
    data = CrossDomainDataModule(
        RAVDESS(ravdess, "speech"), RAVDESS(ravdess, "song"), split="leave_one_out"
    )
    trainer = Trainer(logger=False, enable_checkpointing=False, **QUIET)
    trainer.test(model, datamodule=data, verbose=False)
    return model.evaluations


def test_it_has_the_scores_of_the_run_to_the_digit(
    finished: Path, shared: Path, ravdess: Path
) -> None:
    run_scores = results(finished)["stages"]["target"]["scores"]
    model = EmotionRecognizer.from_pretrained(shared)
    assert model.facts is not None
    assert model.facts.form == "transformers"
    assert model.reliability is not None
    stored = torch.load(finished / "checkpoints" / "target.ckpt", weights_only=True)
    known = model.reliability.tensors()
    assert known.keys() == stored["reliability"].keys()
    assert all(known[name].equal(one) for name, one in stored["reliability"].items())
    scores = judged(model, ravdess)
    for row in model.facts.scores:
        headline, role = model.task.headline, row["role"]
        assert row["scores"][headline] == run_scores[role][headline]
        assert row["intervals"][headline] == run_scores[role][f"{headline}_interval"]
        assert scores[role][headline] == run_scores[role][headline]
        assert scores[role]["confusion"] == run_scores[role]["confusion"]
    assert len(model.facts.scores) == 2


def test_its_card_has_the_scores_and_may_be_edited(
    finished: Path, shared: Path, tmp_path: Path
) -> None:
    scores = results(finished)["stages"]["target"]["scores"]
    card = ModelCard.load(shared / "README.md")
    listed = {
        (one.dataset_config, one.metric_name): one for one in card.data.eval_results
    }
    for role in ("source", "target"):
        recall = listed[role, "unweighted average recall"]
        assert recall.metric_value == scores[role]["UA"]
        assert recall.metric_args["interval"] == scores[role]["UA_interval"]
        assert recall.metric_args["clips"] == scores[role]["n"]
    assert "| recordings of ravdess | CC BY-NC-SA 4.0 |" in card.text
    assert "livingstone2018ravdess" in card.text
    assert str(shared.parent) not in card.content
    copy = shutil.copytree(shared, tmp_path / "copy")
    (copy / "README.md").write_text("Mine")
    EmotionRecognizer.from_pretrained(copy)


def test_it_knows_how_often_its_warnings_were_false(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the run counted it; this one has one speaker in validation, and can't warn."""
    copy = shutil.copytree(finished, tmp_path / "version_0")
    content = results(copy)
    for role, share in (("source", 0.9), ("target", 0.0375)):
        counted = {"unfamiliar": share, "unfamiliar_interval": [0.01, 0.1]}
        content["stages"]["target"]["scores"][role] |= counted
    (copy / "results.json").write_text(json.dumps(content))
    run("export", copy, tmp_path / "shared", monkeypatch=monkeypatch)
    for path in (copy, tmp_path / "shared"):
        model = EmotionRecognizer.from_pretrained(path)
        assert model.reliability is not None
        assert model.reliability.false_alarms == (0.0375, 0.01, 0.1)
    # a table of answers goes on whatever was counted since
    before, after = map(EmotionRecognizer.from_pretrained, (finished, copy))
    assert model_digest(before) == model_digest(after)


def test_its_facts_are_those_of_the_run(finished: Path, shared: Path) -> None:
    content, facts = results(finished), ModelFacts.read(shared)
    split = content["split"]["groups"]
    assert facts.classes == tuple(content["classes"])
    assert facts.labels == content["labels"] == "shared6"
    assert facts.seen.train.groups == {*split["train"]}
    assert facts.seen.val.groups == {*split["val"]}
    assert facts.corpora == ["ravdess"]
    with (finished / "split.csv").open() as file:
        parts = [row["part"] for row in csv.DictReader(file)]
    assert len(facts.seen.train.contents) == parts.count("train")
    assert len(facts.seen.val.contents) == parts.count("val")
    assert {name: one["trained"] for name, one in facts.roles.items()} == {
        "source": False,
        "target": True,
    }
    assert facts.origin["run"] == "run/version_0"
    assert facts.origin["stage"] == "target"
    assert facts.origin["stages"] == ["source", "target"]
    assert facts.origin["versions"]["torch"] == str(torch.__version__)
    test = content["stages"]["target"]
    assert (facts.origin["step"], facts.origin["score"]) == (
        test["step"],
        pytest.approx(test["best_score"]),
    )


def test_plain_transformers_says_what_the_run_predicted(
    finished: Path, shared: Path, ravdess: Path, tmp_path: Path
) -> None:
    data = CrossDomainDataModule(
        RAVDESS(ravdess, "speech"), RAVDESS(ravdess, "song"), split="leave_one_out"
    )
    data.prepare_data()
    data.setup()
    dataset = data.dataset("target", "test")
    names = [example.clip.id for example in dataset.examples][:5]
    clips = [dataset[place].inputs[0].numpy() for place in range(5)]
    np.savez(tmp_path / "clips.npz", *clips)
    command = [sys.executable, "-I", str(PLAINLY), str(shared)]
    command.append(str(tmp_path / "clips.npz"))
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    said = json.loads(done.stdout.splitlines()[-1])[str(shared)]["alone"]
    with (finished / "predictions.csv").open() as file:
        rows = {
            row["clip"]: row
            for row in csv.DictReader(file)
            if (row["stage"], row["role"]) == ("target", "target")
        }
    expected = [[float(rows[name][c]) for c in data.classes] for name in names]
    torch.testing.assert_close(
        torch.tensor(said), torch.tensor(expected), rtol=0, atol=1e-5
    )


def test_another_stage_may_be_chosen(finished: Path) -> None:
    assert read(finished).path == finished / "checkpoints" / "target.ckpt"
    chosen = read(finished, stage="source")
    assert chosen.path == finished / "checkpoints" / "source.ckpt"
    assert chosen.facts.origin["stage"] == "source"
    assert [one["role"] for one in chosen.facts.scores] == ["source", "target"]
    with pytest.raises(ModelError, match=r"no best weights of a stage 'last'"):
        read(finished, stage="last")


def test_a_run_that_is_not_done_has_no_last_stage(
    finished: Path, tmp_path: Path
) -> None:
    run_folder = tmp_path / "run"
    (run_folder / "checkpoints").mkdir(parents=True)
    with pytest.raises(ModelError, match="is neither the folder of a run"):
        read(run_folder)
    shutil.copy(finished / "checkpoints" / "source.ckpt", run_folder / "checkpoints")
    with pytest.raises(ModelError, match="isn't done: end it with --ckpt_path last"):
        read(run_folder)
    facts = read(run_folder, stage="source").facts
    assert (facts.scores, facts.roles, facts.labels) == ((), {}, None)
    assert facts.origin["stages"] == ["source", "target"]


def test_the_command_says_what_is_wrong(
    finished: Path,
    shared: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(shared.parent)
    before = sorted(shared.parent.iterdir())
    for model, folder, why in (
        (finished, shared, "exists already: name a new folder"),
        ("nowhere/version_0", "new", "reach the hub|There is no model|no repository"),
        (shared, shared / "config.json" / "new", "can't be written to"),
    ):
        with pytest.raises(SystemExit) as ended:
            run("export", model, folder, monkeypatch=monkeypatch)
        assert str(ended.value).startswith("crossemo: ")
        assert re.search(why, str(ended.value))
    assert sorted(shared.parent.iterdir()) == before
    run("export", shared, "again", monkeypatch=monkeypatch)
    said = capsys.readouterr().out
    assert said.startswith(
        "Model: again, which plain transformers (5.0 or newer) reads"
    )
    shutil.rmtree("again")


def test_recordings_get_the_answers_of_the_run(
    finished: Path, shared: Path, ravdess: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From plain files, what was written of the same clips at the end of the run."""
    monkeypatch.chdir(shared.parent)
    with (finished / "predictions.csv").open() as file:
        rows = [
            row
            for row in csv.DictReader(file)
            if (row["stage"], row["role"]) == ("target", "target")
        ]
    files = {clip.id: str(clip.path) for clip in RAVDESS(ravdess, "song").clips()}
    typed = [*(files[row["clip"]] for row in rows), "--to=answers.csv"]
    with pytest.raises(SystemExit) as ended:
        run(
            *("recognise", *typed, f"--model={finished}", "--calibrated=false"),
            monkeypatch=monkeypatch,
        )
    assert ended.value.code == 0
    with open("answers.csv") as file:
        answers = {row["file"]: row for row in csv.DictReader(file)}
    model = EmotionRecognizer.from_pretrained(shared)
    for row in rows:
        answer = answers[files[row["clip"]]]
        assert answer["emotion"] == row["predicted"]
        for name in model.classes:  # clips of a run are stored in 16 bits
            assert float(answer[name]) == pytest.approx(float(row[name]), abs=1e-4)
