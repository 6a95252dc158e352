"""A run that was cut off and goes on ends like one that was not."""

from pathlib import Path

import pytest
import torch

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
