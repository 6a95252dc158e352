"""Clips that are longer than a window, from their files to their scores."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from lightning import Callback, Trainer

from crossemo.callbacks.kept_features import KeptFeatures
from crossemo.features.hidden import keep_features
from crossemo.recognizer import EmotionRecognizer
from crossemo.similarity.embeddings import pool_clips
from crossemo.stages.stage import Stage
from crossemo.stages.switch import StageSwitch
from tests.data.modules import cross
from tests.shell import run_alone

WINDOW = 800  # samples, of clips of 800 to 2095
OPTIONS: dict[str, Any] = {"window": WINDOW / 16_000, "batch_size": 3}


def pieces(path: Path) -> list[torch.Tensor]:
    """Return the windows of a file, cut here once more."""
    samples = torch.from_numpy(soundfile.read(path, dtype="float32")[0])
    whole, rest = divmod(len(samples), WINDOW)
    ends = [WINDOW * n for n in range(1, whole + 1)]
    ends = [*ends, len(samples)] if 2 * rest >= WINDOW else [*ends[:-1], len(samples)]
    return [samples[a:b] for a, b in zip([0, *ends[:-1]], ends, strict=True)]


def trainer_of(folder: Path, callbacks: Sequence[Callback] = ()) -> Trainer:
    return Trainer(
        accelerator="cpu",
        max_epochs=-1,
        callbacks=[*callbacks],
        default_root_dir=folder,
        logger=False,
        enable_checkpointing=bool(callbacks),
        use_distributed_sampler=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


@pytest.mark.parametrize("batch_seconds", [None, 0.1])
def test_a_clip_is_judged_by_the_mean_of_its_windows(
    tmp_path: Path, wav2vec2: Path, batch_seconds: float | None
) -> None:
    data = cross(tmp_path, batch_seconds=batch_seconds, **OPTIONS)
    model = EmotionRecognizer(str(wav2vec2), data.classes, pooling="attentive")
    trainer = trainer_of(tmp_path)
    scored = trainer.test(model, data, verbose=False)[0]
    validated = trainer.validate(model, data, verbose=False)[0]
    model.eval()
    for part, scores in (("test", scored), ("val", validated)):
        clips = data.dataset("target", part).examples  # type: ignore[arg-type]
        outputs = []
        for one in clips:
            windows = pieces(one.clip.path)
            logits = [model(w[None], torch.tensor([len(w)])) for w in windows]
            outputs.append(torch.cat(logits).mean(0).detach())
        means = torch.stack(outputs)
        targets = torch.tensor([one.target for one in clips])
        loss = torch.nn.functional.cross_entropy(means, targets)
        assert scores[f"{part}/target/loss"] == pytest.approx(float(loss), rel=1e-4)
        right = (means.argmax(1) == targets).float().mean()
        assert scores[f"{part}/target/WA"] == pytest.approx(float(right))
        if part == "test":
            judged = model.judged["target"]
            assert list(judged.places) == list(range(len(clips)))
            torch.testing.assert_close(
                judged.predictions, means.softmax(1), rtol=1e-3, atol=1e-4
            )
    assert any(len(pieces(one.clip.path)) > 1 for one in clips)


def test_hidden_states_and_embeddings_are_means_over_windows(
    tmp_path: Path, wav2vec2: Path
) -> None:
    data = cross(tmp_path, **OPTIONS)
    data.prepare_data()
    data.setup()
    model = EmotionRecognizer(str(wav2vec2), data.classes).eval()
    features = keep_features(model.encoder, data.datasets(), 3, cache_dir=tmp_path)
    clips = data.dataset("source", "train")
    with torch.inference_mode():
        order, embedded = pool_clips(model.states, data.loader("source", "train"))
        assert order.tolist() == list(range(len(clips)))
        for one, key, values in zip(clips.examples, clips.keys, embedded, strict=True):
            means = []
            for window in pieces(one.clip.path):
                states, _ = model.encoder(window[None], torch.tensor([len(window)]))
                means.append(states[:, 0].mean(1))
            expected = torch.stack(means).mean(0)
            torch.testing.assert_close(
                features.means[key], expected, rtol=1e-3, atol=1e-4
            )
            torch.testing.assert_close(values[:-1], expected, rtol=1e-3, atol=1e-4)
    whole = cross(tmp_path, window=0)
    whole.prepare_data()
    whole.setup()
    other = keep_features(model.encoder, whole.datasets(), 3, cache_dir=tmp_path)
    assert other.means.keys() != features.means.keys()


@pytest.mark.parametrize("unit", ["clips", "frames"])
def test_training_from_kept_windows_ends_and_judges_as_the_encoder_would(
    tmp_path: Path, wav2vec2: Path, unit: Any
) -> None:
    data = cross(tmp_path, **OPTIONS)
    model = EmotionRecognizer(str(wav2vec2), data.classes, lr=1e-2)
    stages = {"source": Stage(max_epochs=1)}
    callbacks = [*StageSwitch(stages).callbacks(), KeptFeatures(stages, unit)]
    trainer = trainer_of(tmp_path, callbacks)
    trainer.fit(model, data)
    trainer.test(model, data, verbose=False)
    kept = model.judged["target"].predictions
    looped = cross(tmp_path, **OPTIONS)
    trainer_of(tmp_path).test(model, looped, verbose=False)
    expected = model.judged["target"].predictions
    # Of frames the mean is that of all frames, of which the last window has its own.
    tolerance = 1e-4 if unit == "clips" else 0.05
    torch.testing.assert_close(kept, expected, rtol=0, atol=tolerance)


def test_distances_of_folders_take_files_in_windows(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for folder in ("talk", "tune"):
        for emotion in ("happy", "sad"):
            (tmp_path / folder / emotion).mkdir(parents=True)
            for number in range(3):
                samples = rng.uniform(-0.3, 0.3, 16_000 * (number + 1))
                path = tmp_path / folder / emotion / f"{number}.wav"
                soundfile.write(path, samples, 16_000)
    done = run_alone(
        "fad", "talk", "tune", "--encoder=tiny", "--window=1", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr[-2000:]
    results = (tmp_path / "logs" / "fad" / "version_0" / "results.json").read_text()
    assert '"window": 1.0' in results
    done = run_alone(
        "fad", "talk", "tune", "--encoder=tiny", "--window=-1", cwd=tmp_path
    )
    assert done.returncode == 1
    assert "window is -1 s: choose" in done.stderr
