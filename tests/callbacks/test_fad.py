import csv
import logging
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Trainer
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor

from crossemo import (
    RAVDESS,
    CrossDomainDataModule,
    Demo,
    EmotionRecognizer,
    FrechetAudioDistance,
)
from crossemo.data.batch import Batch
from crossemo.data.datamodule import EmotionDataModule
from crossemo.distances.frechet import frechet_distance
from crossemo.encoders.tuning.adaptation import Tuning
from crossemo.errors import CrossEmoError
from crossemo.similarity import Settings
from tests.shell import briefly, corpora, run

QUICK = Settings(splits=2, permutations=9)
CUT = "tests.callbacks.cut.Cut"


@pytest.fixture(scope="module")
def data(ravdess: Path) -> CrossDomainDataModule:
    module = CrossDomainDataModule(
        RAVDESS(ravdess, "speech"),
        RAVDESS(ravdess, "song"),
        split="leave_one_out",
        batch_size=8,
    )
    module.prepare_data()
    module.setup()
    return module


@pytest.fixture
def model(data: CrossDomainDataModule, wav2vec2: Path) -> EmotionRecognizer:
    return EmotionRecognizer(str(wav2vec2), classes=data.classes, tuning="lora")


def measured(
    data: EmotionDataModule,
    model: EmotionRecognizer,
    folder: Path,
    **options: Any,
) -> FrechetAudioDistance:
    callback = FrechetAudioDistance(**{"estimate": QUICK} | options)
    measure(callback, data, model, folder)
    return callback


def measure(
    callback: FrechetAudioDistance,
    data: EmotionDataModule,
    model: EmotionRecognizer,
    folder: Path,
) -> None:
    trainer = Trainer(
        default_root_dir=folder,
        accelerator="cpu",
        logger=False,
        callbacks=[callback],
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.test(model, datamodule=data, verbose=False)


def embedded(
    data: CrossDomainDataModule, model: EmotionRecognizer, role: str, label: int
) -> Tensor:
    """Embed clip by clip."""
    dataset = data.dataset(role, "test")
    clips = [dataset[i] for i, own in enumerate(dataset.targets) if own == label]
    model.eval()
    with torch.no_grad():
        embedded = []
        for clip in clips:
            states, mask = model.states(clip)
            embedded.append(torch.stack([state[mask].mean(0) for state in states]))
    return torch.stack(embedded, 1)


def test_values_are_those_of_clips_one_by_one(
    data: CrossDomainDataModule, model: EmotionRecognizer, tmp_path: Path
) -> None:
    rows = measured(data, model, tmp_path).rows
    plain = {
        (r["layer"], r["x_emotion"], r["y_emotion"]): r
        for r in rows
        if r["estimator"] == "fad" and r["x_domain"] == "source" != r["y_domain"]
    }
    states = ["0", "1", "2", "mixture"]
    assert len(plain) == len(states) * 36
    sad, angry = (data.classes.index(name) for name in ("sad", "angry"))
    x, y = embedded(data, model, "source", sad), embedded(data, model, "target", angry)
    for place, name in enumerate(states):
        row = plain[name, "sad", "angry"]
        expected = frechet_distance(x[place], y[place]).item()
        assert row["value"] == pytest.approx(expected, rel=1e-4)
        assert (row["x_n"], row["y_n"]) == (len(x[place]), len(y[place]))
        assert (row["stage"], row["part"], row["unit"]) == ("test", "test", "clip")


def test_nothing_of_the_model_or_of_chance_is_touched(
    data: CrossDomainDataModule, model: EmotionRecognizer, tmp_path: Path
) -> None:
    callback = FrechetAudioDistance(estimate=QUICK)
    trainer = Trainer(
        default_root_dir=tmp_path, accelerator="cpu", logger=False, max_epochs=0
    )
    trainer.strategy.connect(model)
    trainer.datamodule = data  # type: ignore[attr-defined]
    model.train()
    model.mix.eval()
    modes = [module.training for module in model.modules()]
    weights = {name: p.clone() for name, p in model.named_parameters()}
    state = torch.get_rng_state()
    callback.on_test_end(trainer, model)
    assert callback.rows
    assert torch.equal(torch.get_rng_state(), state)
    assert [module.training for module in model.modules()] == modes
    assert torch.is_grad_enabled()
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, weights[name])
        assert parameter.grad is None


@pytest.mark.parametrize(
    ("options", "layers", "parts", "units"),
    [
        ({"layers": "mixture"}, {"mixture"}, {"test"}, {"clip"}),
        ({"layers": [2, 0], "part": "val"}, {"0", "2"}, {"val"}, {"clip"}),
        ({"layers": [1], "unit": "frames"}, {"1"}, {"test"}, {"frame"}),
        ({"layers": [1], "unit": "both"}, {"1"}, {"test"}, {"clip", "frame"}),
        ({"layers": 1, "part": "all"}, {"1"}, {"all"}, {"clip"}),
    ],
    ids=["mixture", "validation", "frames", "both", "all"],
)
def test_options_choose_what_is_measured(
    data: CrossDomainDataModule,
    model: EmotionRecognizer,
    tmp_path: Path,
    options: Any,
    layers: set[str],
    parts: set[str],
    units: set[str],
) -> None:
    callback = measured(data, model, tmp_path, **options)
    assert {row["layer"] for row in callback.rows} == layers
    assert {row["part"] for row in callback.rows} == parts
    assert {row["unit"] for row in callback.rows} == units
    clips = [
        r for r in callback.rows if r["unit"] == "clip" and r["x_emotion"] == "sad"
    ]
    if "clip" in units:
        groups = {row["x_groups"] for row in clips}
        assert groups == ({4} if options.get("part") == "all" else {1})
        assert bool(callback.measures) == (options.get("part") == "all")
    frames = [r for r in callback.rows if r["unit"] == "frame"]
    assert all(row["x_n"] > 4 * row["x_groups"] for row in frames)
    assert {row["estimator"] for row in frames} <= {
        "fad",
        "fad_mean_term",
        "fad_covariance_term",
        "fad_above_chance",
        "fad_mean_above_chance",
        "fad_covariance_above_chance",
    }


def test_a_state_that_the_encoder_lacks_is_refused(
    data: CrossDomainDataModule, model: EmotionRecognizer, tmp_path: Path
) -> None:
    with pytest.raises(CrossEmoError, match=r"names state 3, .* has the states 0 to 2"):
        measured(data, model, tmp_path, layers=[3])


def test_no_state_at_all_is_refused(
    data: CrossDomainDataModule, model: EmotionRecognizer, tmp_path: Path
) -> None:
    with pytest.raises(CrossEmoError, match=r"fad.layers is empty"):
        measured(data, model, tmp_path, layers=[])


@pytest.mark.parametrize("unit", ["clips", "frames"])
def test_embeddings_that_are_no_numbers_cost_no_test(
    unit: str,
    data: CrossDomainDataModule,
    model: EmotionRecognizer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    states = model.states

    def broken(batch: Batch) -> tuple[list[Tensor], Tensor]:
        hidden, mask = states(batch)
        return [*hidden[:-1], hidden[-1] * torch.nan], mask

    monkeypatch.setattr(model, "states", broken)
    with pytest.warns(
        UserWarning, match=r"No distances for 'test'. In hidden state mix"
    ):
        callback = measured(data, model, tmp_path)
    assert not callback.rows


def test_what_a_reader_must_know_is_said(
    data: CrossDomainDataModule,
    model: EmotionRecognizer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        measured(data, model, tmp_path, layers="mixture")
    assert "clips in 16 dimensions mostly measure how few" in caplog.text
    assert "takes two speakers" in caplog.text


def table(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_validate_measures_without_training(
    here: Path,
    ravdess: Path,
    wav2vec2: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(
        "validate",
        "--config=ravdess_speech_to_song.yaml",
        f"--model.encoder={wav2vec2}",
        "--fad.part=all",
        "--fad.estimate.splits=2",
        "--fad.estimate.permutations=19",
        "--trainer.enable_progress_bar=false",
        *corpora(ravdess),
        monkeypatch=monkeypatch,
    )
    folder = here / "logs" / "ravdess_speech_to_song" / "validate_0"
    rows = table(folder / "fad.csv")
    assert {row["stage"] for row in rows} == {"validate"}
    assert {row["part"] for row in rows} == {"all"}
    above = [row for row in rows if row["estimator"] == "fad_above_chance"]
    # With four actors there are intervals, across the domains.
    across = [row for row in above if row["x_domain"] != row["y_domain"]]
    assert all(float(r["low"]) <= float(r["value"]) <= float(r["high"]) for r in across)
    tested = [row for row in rows if row["estimator"] == "kernel"]
    assert all(0 < float(row["p"]) <= float(row["q"]) <= 1 for row in tested)
    measures = table(folder / "similarity.csv")
    assert {row["measure"] for row in measures} == {
        "same_emotion_distance",
        "same_emotion_gap",
        "nearest_emotion",
        "emotion_variance",
        "emotion_bias",
        "emotion_dependence",
        "deviation",
    }
    assert "nearest is the same emotion" in capsys.readouterr().out
    # Four actors have eight exchanges, so that nothing can be shown.
    assert {row["least_p"] for row in tested if row["p"] != "nan"} == {"0.125"}
    drawn = {path.name for path in (folder / "figures").iterdir()}
    assert {"fad_validate.png", "fad_layers_validate.png"} <= drawn
    events = EventAccumulator(str(folder), size_guidance={"images": 0}).Reload()
    assert {
        "fad/validate",
        "fad_above_chance/validate",
        "fad_layers/validate",
        "fad_over_layers/validate",
        "emotions_over_layers/validate",
    } <= set(events.Tags()["images"])


def test_before_and_after_training_though_it_is_cut_off_twice(
    here: Path, ravdess: Path, wav2vec2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = [
        "fit",
        *briefly(wav2vec2, "ravdess_speech_to_song.yaml"),
        "--fad.layers=mixture",
        "--fad.estimate.splits=2",
        "--name=run",
        *corpora(ravdess),
    ]
    typed += ["--stages.target.max_epochs=2", "--figures=false"]
    for epoch, more in ((1, []), (2, ["--ckpt_path=last"])):
        cut = [f"--trainer.callbacks={CUT}", f"--trainer.callbacks.epoch={epoch}"]
        with pytest.raises(SystemExit):
            run(*typed, *more, *cut, monkeypatch=monkeypatch)
    other = ["--fad.part=all", "--fad.estimate.splits=3", "--ckpt_path=last"]
    sentence = r"fad\.part was None, is all; fad\.estimate\.splits was 2, is 3: go on"
    run(*typed, "--ckpt_path=last", monkeypatch=monkeypatch)
    with pytest.raises(SystemExit, match=sentence):
        run(*typed, *other, monkeypatch=monkeypatch)
    first, last = (
        table(here / "logs" / "run" / f"version_{n}" / "fad.csv") for n in (0, 2)
    )
    assert not list((here / "logs" / "run").rglob("*.pdf"))
    assert {row["stage"] for row in first} == {"before"}
    assert {row["stage"] for row in last} == {"before", "source", "target"}
    assert [row for row in last if row["stage"] == "before"] == first
    value = {
        stage: float(next(r for r in last if r["stage"] == stage)["value"])
        for stage in ("before", "source", "target")
    }
    assert len(set(value.values())) == 3
    assert all(math.isfinite(one) for one in value.values())
    run(*typed, "--fad.before=false", "--name=off", monkeypatch=monkeypatch)
    off = table(here / "logs" / "off" / "version_0" / "fad.csv")
    assert {row["stage"] for row in off} == {"source", "target"}


def test_every_two_of_three_roles_are_measured_as_if_there_were_no_third(
    ravdess: Path, wav2vec2: Path, tmp_path: Path
) -> None:
    corpora = {
        "speech": RAVDESS(ravdess, "speech"),
        "song": RAVDESS(ravdess, "song"),
        "piano": Demo("song", speakers=6, takes=2),
    }
    options: dict[str, Any] = {"split": "leave_one_out", "batch_size": 8}
    every = EmotionDataModule(corpora, **options)
    pair = EmotionDataModule({k: corpora[k] for k in ("song", "piano")}, **options)
    tables = {}
    for data in (every, pair):
        data.prepare_data()
        data.setup()
        model = EmotionRecognizer(str(wav2vec2), classes=data.classes)
        folder = tmp_path / "_".join(data.roles)
        measured(data, model, folder, part="all", layers=1, unit="both")
        for file in ("fad.csv", "similarity.csv"):
            (path,) = folder.rglob(file)
            with path.open() as lines:
                tables[len(data.roles), file] = list(csv.DictReader(lines))
    rows = tables[3, "fad.csv"]
    domains = Counter((row["x_domain"], row["y_domain"]) for row in rows)
    assert len(domains) == 3 + 3
    between = domains["speech", "song"]
    assert between == domains["speech", "piano"] == domains["song", "piano"]
    assert domains["song", "song"] == domains["piano", "piano"]  # once each
    both = {"song", "piano"}
    names = [row for row in rows if {row["x_domain"], row["y_domain"]} <= both]
    plain = [r for r in names if r["estimator"] == "fad" and r["unit"] == "clip"]
    alone = [
        r
        for r in tables[2, "fad.csv"]
        if r["estimator"] == "fad" and r["unit"] == "clip"
    ]
    key = ("x_domain", "x_emotion", "y_domain", "y_emotion")
    value = {tuple(r[k] for k in key): float(r["value"]) for r in alone}
    assert {tuple(r[k] for k in key) for r in plain} == value.keys()
    for row in plain:
        expected = value[tuple(row[k] for k in key)]
        assert float(row["value"]) == pytest.approx(expected, rel=1e-5)
    measures = tables[3, "similarity.csv"]
    assert len({(row["x_domain"], row["y_domain"]) for row in measures}) == 3
    assert "x_domain" not in tables[2, "similarity.csv"][0]
    figures = {path.name for path in (tmp_path).rglob("*.png")}
    assert {"fad_song_piano_test.png", "fad_speech_song_test.png"} <= figures


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    """What is compared anew from now on, with an empty cache."""
    monkeypatch.setenv("CROSSEMO_CACHE", str(tmp_path / "cache"))
    compared = []
    module = "crossemo.similarity.compared"
    real = __import__(module, fromlist=["compare_clips"]).compare_clips

    def counted(*arguments: Any) -> Any:
        compared.append(arguments)
        return real(*arguments)

    monkeypatch.setattr(f"{module}.compare_clips", counted)
    return compared


def test_a_state_that_training_left_alone_is_compared_once(
    data: CrossDomainDataModule,
    model: EmotionRecognizer,
    tmp_path: Path,
    compared: list[Any],
) -> None:
    callback = measured(data, model, tmp_path, layers=[0, 1, 2])
    assert len(compared) == 3
    first = list(callback.rows)
    measure(callback, data, model, tmp_path)
    assert len(compared) == 3
    assert repr(callback.rows) == repr(first)  # NaN isn't equal to itself
    with torch.no_grad():
        for name, parameter in model.encoder.named_parameters():
            if ".encoder.layers.1." in name:
                parameter.add_(0.1)
    measure(callback, data, model, tmp_path)
    assert len(compared) == 4  # the last state alone is another


@pytest.mark.parametrize("tuning", ["frozen", "full"])
def test_only_states_that_other_runs_have_too_are_kept(
    tuning: Tuning,
    data: CrossDomainDataModule,
    wav2vec2: Path,
    tmp_path: Path,
    compared: list[Any],
) -> None:
    model = EmotionRecognizer(str(wav2vec2), classes=data.classes, tuning=tuning)
    first = measured(data, model, tmp_path)
    assert len(compared) == 4  # three states and the mixture
    again = measured(data, model, tmp_path)
    assert len(compared) == 4 + {"frozen": 1, "full": 4}[tuning]
    assert repr(again.rows) == repr(first.rows)
    assert repr(again.measures) == repr(first.measures)
