"""Valence and arousal from the command line: fit in two stages, test and predict."""

import csv
from pathlib import Path

import pytest
import torch
from torchmetrics.functional.regression import concordance_corrcoef, pearson_corrcoef

from crossemo.recognizer import EmotionRecognizer
from crossemo.sharing.model_facts import ModelFacts
from tests.corpora.trees import official_trees
from tests.leaving import check_files, check_scalars
from tests.shell import briefly, results, run
from tests.studies.agreeing import check_findings

TREES = official_trees()
VALUES = ("valence", "arousal")


def valued(root: Path, encoder: Path) -> list[str]:
    """Return what runs the config on corpora whose values can be heard."""
    roles = ("source", "target")
    corpora = [f"--data.{role}=tests.data.valued.Valued" for role in roles]
    return [
        "--config=values.yaml",
        *corpora,
        *(f"--data.{role}.init_args.root={root}" for role in roles),
        "--data.source.init_args.domain=speech",
        "--data.split=kfold",
        "--data.folds=3",
        "--data.batch_size=8",
        f"--model.encoder={encoder}",
        "--trainer.enable_progress_bar=false",
    ]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, wav2vec2: Path) -> Path:
    """A finished run's folder."""
    folder = tmp_path_factory.mktemp("values")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        epochs = [f"--stages.{role}.max_epochs=1" for role in ("source", "target")]
        typed = [*valued(folder, wav2vec2), *epochs, "--name=run"]
        run("fit", *typed, monkeypatch=patch)
    return folder / "logs" / "run" / "version_0"


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def column(rows: list[dict[str, str]], name: str) -> torch.Tensor:
    return torch.tensor([float(row[name]) for row in rows], dtype=torch.float64)


def test_it_leaves_what_the_docs_say(finished: Path) -> None:
    check_files("fit", finished)
    check_scalars(finished)


def test_a_study_reads_the_same_scores(finished: Path) -> None:
    check_findings(finished)


def test_predictions_give_the_scores_on_either_scale(finished: Path) -> None:
    content, rows = results(finished), table(finished / "predictions.csv")
    assert content["values"]["outputs"] == list(VALUES)
    for stage, test in content["stages"].items():
        for role, scores in test["scores"].items():
            mine = [r for r in rows if (r["stage"], r["role"]) == (stage, role)]
            assert len(mine) == scores["n"] == 16
            for name in VALUES:
                for end in ("", "_published"):
                    said = column(mine, f"{name}_predicted{end}")
                    true = column(mine, f"{name}{end or '_true'}")
                    ccc = float(concordance_corrcoef(said, true))
                    assert scores[f"CCC/{name}"] == pytest.approx(ccc, abs=1e-4)
                correlation = float(pearson_corrcoef(said, true))
                assert scores[f"Pearson/{name}"] == pytest.approx(correlation, abs=1e-4)
            alone = [scores[f"CCC/{name}"] for name in VALUES]
            assert scores["CCC"] == pytest.approx(sum(alone) / 2)
            low, high = scores["CCC_interval"]
            assert -1 <= low <= scores["CCC"] <= high <= 1


def test_scales_stand_beside_the_numbers(finished: Path) -> None:
    roles = results(finished)["roles"]
    assert roles["source"]["scales"]["valued-speech"]["high"] == 9
    assert roles["target"]["scales"]["valued-music"]["middle"] == 0.5
    parts = {row["clip"]: row for row in table(finished / "split.csv")}
    for row in table(finished / "predictions.csv"):
        high, scale = (9, "1 to 9 about 5"), (1, "0 to 1 about 0.5")
        end, text = high if row["role"] == "source" else scale
        assert row["scale"] == text
        for name in VALUES:
            published = float(row[f"{name}_published"])
            low = 1 if end == 9 else 0
            relative = (2 * published - low - end) / (end - low)
            assert float(row[f"{name}_true"]) == pytest.approx(relative)
            assert parts[row["clip"]][name] == row[f"{name}_published"]


def test_distances_are_between_quadrants(finished: Path) -> None:
    rows = table(finished / "fad.csv")
    assert {row["x_emotion"] for row in rows} == {"Q1", "Q2", "Q3", "Q4"}
    heard = {row["clip"]: row for row in table(finished / "split.csv")}
    quarter = [
        row
        for row in heard.values()
        if (row["role"], row["part"]) == ("source", "test")
        and float(row["valence"]) < 5 <= float(row["arousal"])
    ]
    counts = {
        int(row["x_n"])
        for row in rows
        if (row["x_domain"], row["x_emotion"]) == ("source", "Q2")
    }
    assert counts == {len(quarter)}


def test_a_checkpoint_is_tested_and_predicts_the_same(
    finished: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(finished.parents[2])
    of = [
        f"--config={finished / 'config.yaml'}",
        f"--ckpt_path={finished / 'checkpoints' / 'target.ckpt'}",
        "--fad.enabled=false",
    ]
    run("test", *of, monkeypatch=monkeypatch)
    run("predict", *of, monkeypatch=monkeypatch)
    tested, predicted = (finished.with_name(name) for name in ("test_0", "predict_0"))
    check_files("test", tested)
    check_files("predict", predicted)
    fit = results(finished)["stages"]["target"]["scores"]
    again = results(tested)["stages"]["test"]["scores"]
    for role, scores in fit.items():
        assert again[role]["CCC"] == pytest.approx(scores["CCC"], abs=1e-6)
    shown = " ".join(capsys.readouterr().out.split())
    assert f"{again['target']['CCC']:.3f} [" in shown
    assert "valued-speech 1 to 9 about 5" in shown
    rows, first = (
        table(predicted / "predictions.csv"),
        table(tested / "predictions.csv"),
    )
    for row, other in zip(rows, first, strict=True):
        said = float(row["arousal_predicted_published"])
        other_said = float(other["arousal_predicted_published"])
        assert said == pytest.approx(other_said, abs=1e-5)


def test_the_config_runs_on_its_corpora(
    here: Path, wav2vec2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("iemocap", "deam"):
        (here / name).mkdir()
        TREES[name].write(here / name)
    run(
        "fit",
        *briefly(wav2vec2, "values.yaml"),
        f"--data.source.init_args.root={here / 'iemocap'}",
        f"--data.target.init_args.root={here / 'deam'}",
        "--data.task.loss=mse",  # eight clips make no batch here
        *("--data.split=kfold", "--data.folds=3", "--fad.enabled=false"),
        monkeypatch=monkeypatch,
    )
    content = results(here / "logs" / "values" / "version_0")
    assert content["values"]["loss"] == "mse"
    assert list(content["stages"]) == ["source", "target"]
    assert content["roles"]["source"]["scales"]["iemocap"]["high"] == 5
    assert content["roles"]["target"]["scales"]["deam"]["high"] == 9


def test_too_small_a_batch_is_refused_before_the_run(
    here: Path, wav2vec2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = [*valued(here, wav2vec2), "--stages.target.batch_size=4"]
    with pytest.raises(SystemExit) as ended:
        run("fit", *typed, monkeypatch=monkeypatch)
    assert "The loss is of 8 clips or more, and batches of 4" in str(ended.value)
    assert "loss mse" in str(ended.value)


def test_it_goes_out_with_its_scale_and_comes_back(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("export", finished, tmp_path / "shared", monkeypatch=monkeypatch)
    facts = ModelFacts.read(tmp_path / "shared")
    roles = results(finished)["roles"].values()
    assert facts.scales == {k: v for one in roles for k, v in one["scales"].items()}
    assert len(facts.scales) == 2
    assert (facts.task, facts.classes, facts.form) == ("values", VALUES, "transformers")
    clip, lengths = torch.randn(1, 4000), torch.tensor([4000])
    models = [
        EmotionRecognizer.from_pretrained(path)
        for path in (finished, tmp_path / "shared")
    ]
    with torch.no_grad():
        first, second = (model(clip, lengths) for model in models)
    torch.testing.assert_close(first, second)
