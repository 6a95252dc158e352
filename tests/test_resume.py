"""A run that was cut off and goes on ends like one that was not."""

import csv
from pathlib import Path

import pytest
import torch
import yaml

from tests.shell import corpora, results, run


def fit(
    folder: Path,
    ravdess: Path,
    encoder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *typed: str,
) -> dict[str, torch.Tensor]:
    folder.mkdir()
    monkeypatch.chdir(folder)
    run(
        "fit",
        "--config=ravdess_song_to_speech.yaml",
        f"--model.encoder={encoder}",
        "--model.lr=1e-2",
        "--model.encoder_lr=1e-3",
        "--stages.source.max_epochs=2",
        "--stages.target.max_epochs=2",
        "--fad.enabled=false",
        "--figures=false",
        "--trainer.enable_progress_bar=false",
        "--trainer.callbacks+=tests.callbacks.keep.KeepAll",
        "--name=run",
        *corpora(ravdess),
        *typed,
        monkeypatch=monkeypatch,
    )
    last = folder / "logs" / "run" / "version_0" / "checkpoints" / "last.ckpt"
    weights: dict[str, torch.Tensor]
    weights = torch.load(last, weights_only=True)["state_dict"]
    return weights


@pytest.mark.parametrize(
    "typed",
    [
        ["--model.tuning=lora", "--stages.target.reset_head=true"],
        ["--model.tuning=lora", "--stages.target.adapter=add"],
        ["--model.tuning=dora", "--stages.target.adapter=merge"],
        ["--model.tuning=adalora", "--model.dropout=0.2"],
        ["--model.tuning=full", "--stages.target.reset=[encoder, layers, head]"],
        ["--stages.source.train=all", "--stages.target.train=head"],
    ],
    ids=lambda typed: typed[0][15:] + typed[1][16:],
)
def test_every_epoch_can_be_resumed_in_another_folder(
    tmp_path: Path,
    ravdess: Path,
    wav2vec2: Path,
    monkeypatch: pytest.MonkeyPatch,
    typed: list[str],
) -> None:
    whole = fit(tmp_path / "whole", ravdess, wav2vec2, monkeypatch, *typed)
    for epoch in range(3):  # epoch 1 is the last of the first stage
        kept = tmp_path / "whole" / f"epoch={epoch}.ckpt"
        more = [*typed, f"--ckpt_path={kept}"]
        resumed = fit(tmp_path / f"{epoch}", ravdess, wav2vec2, monkeypatch, *more)
        assert whole.keys() == resumed.keys()
        for name, tensor in whole.items():
            assert torch.equal(tensor, resumed[name]), (epoch, name)


def test_later_stages_may_train_what_the_checkpoint_does_not_hold(
    tmp_path: Path, ravdess: Path, wav2vec2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Source trains head and layer weights, so its checkpoints hold no encoder."""
    # Kept features would serve the frozen encoder alone, which is all one to rounding.
    frozen = ["--model.tuning=frozen", "--keep_features=false"]
    fit(tmp_path / "begun", ravdess, wav2vec2, monkeypatch, *frozen)
    plan = [
        *frozen,
        "--stages.target.train=all",
        "--stages.target.encoder_lr=1e-2",
        "--stages.again.data=source",
        "--stages.again.max_epochs=1",
    ]
    whole = fit(tmp_path / "whole", ravdess, wav2vec2, monkeypatch, *plan)
    scores = results(tmp_path / "whole" / "logs" / "run" / "version_0")["stages"]
    assert list(scores) == ["source", "target", "again"]
    for name, epoch in (("begun", 1), ("begun1", 2)):  # cut off a second time
        last = f"--ckpt_path={tmp_path / name / f'epoch={epoch}.ckpt'}"
        place = tmp_path / f"{name}{epoch}"
        resumed = fit(place, ravdess, wav2vec2, monkeypatch, *plan, last)
        assert whole.keys() == resumed.keys()
        for key, tensor in whole.items():
            assert torch.equal(tensor, resumed[key]), (name, epoch, key)
        told = results(place / "logs" / "run" / "version_0")
        # The encoder is tested as each stage left it.
        assert told["stages"] == scores, (name, epoch)
        assert [change.partition(": ")[2] for change in told["changes"]] == [
            "stages.again is new",
            "stages.target.train was None, is all",
            "stages.target.encoder_lr was None, is 0.01",
        ]


BEGUN = [
    "fit",
    "--config=demo.yaml",
    "--data.source.takes=1",
    "--data.target.takes=1",
    "--data.source.speakers=6",
    "--data.target.speakers=6",
    "--model.schedule=constant",
    "--stages.source.max_epochs=1",
    "--stages.target.max_epochs=1",
    "--fad.enabled=false",
    "--figures=false",
    "--trainer.enable_progress_bar=false",
    "--name=run",
]


def test_last_goes_on_with_what_was_begun_and_tells_what_it_did(
    here: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    run(*BEGUN, monkeypatch=monkeypatch)
    for typed, refusal in {
        ("--model.lr=1e-5",): "model.lr was 0.002, is 1e-05: go on with",
        ("--data.batch_size=4",): "data.batch_size was 8, is 4: go on",
        ("--seed_everything=5", "--stages.target.max_epochs=2"): "data.seed was 0, is",
        ("--model.class_weights=none",): "class_weights was balanced, is none: go on",
        ("--stages.source.max_epochs=2",): "stages.source.max_epochs was 1, is 2: go",
        ("--data.source.channel=song", "--data.target.channel=speech"): (
            "data.source.channel was speech, is song; data.target.channel was song"
        ),
    }.items():
        with pytest.raises(SystemExit, match=f"^crossemo: .*{refusal}"):
            run(*BEGUN, *typed, "--ckpt_path=last", monkeypatch=monkeypatch)
    # What was refused is not recorded as if it had been a run.
    assert len(list((here / "logs" / "run").glob("version_*/config.yaml"))) == 1
    first = results(here / "logs" / "run" / "version_0")
    moved = ["--ckpt_path=logs/run/version_0/checkpoints/last.ckpt", "--logs=elsewhere"]
    caplog.clear()
    run(*BEGUN, *moved, "--trainer.log_every_n_steps=3", monkeypatch=monkeypatch)
    assert "This run is finished: its last stage, 'target', ended" in caplog.text
    again = results(here / "elsewhere" / "run" / "version_0")
    assert again["stages"] == first["stages"]
    assert "changes" not in again
    run(
        *BEGUN,
        *moved,
        "--name=longer",
        "--stages.target.max_epochs=3",
        monkeypatch=monkeypatch,
    )
    longer = here / "elsewhere" / "longer" / "version_0"
    assert results(longer)["changes"] == [
        f"from step {2 * 3} on: stages.target.max_epochs was 1, is 3"
    ]
    config = yaml.safe_load((longer / "config.yaml").read_text())
    assert config["stages"]["target"]["max_epochs"] == 3
    with (longer / "metrics.csv").open() as file:
        rates = [row for row in csv.DictReader(file) if row["lr/head"]]
    assert [float(row["lr/head"]) for row in rates] == [pytest.approx(2e-3)] * 2 * 3
    assert {row["epoch"] for row in rates} == {"2", "3"}
