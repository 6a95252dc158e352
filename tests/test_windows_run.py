"""Long clips in a whole run: what is said of a clip is the mean over its windows."""

import logging
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Trainer
from torch import Tensor

from crossemo.callbacks.kept_features import KeptFeatures
from crossemo.corpora.base import Clip
from crossemo.data.datamodules import EmotionDataModule, SpeechEmotionDataModule
from crossemo.data.splits import Split
from crossemo.features.hidden import keep_features
from crossemo.recognizer import EmotionRecognizer
from crossemo.similarity.embeddings import pool_clips
from crossemo.stages.stage import Stage
from crossemo.stages.switch import StageSwitch
from tests.data.modules import cross, ready
from tests.data.tones import Tones, tone, write_tone

WINDOW, HOP = 800, 500  # samples; clips have from 800 to 2095
CUT = {"window": WINDOW / 16_000, "hop": HOP / 16_000}


def model_of(data: EmotionDataModule, encoder: Path, **options: Any) -> Any:
    torch.manual_seed(0)
    return EmotionRecognizer(str(encoder), data.classes, hidden=8, **options)


def trainer_of(folder: Path, *callbacks: Any, **options: Any) -> Trainer:
    return Trainer(
        accelerator="cpu",
        callbacks=list(callbacks),
        default_root_dir=folder,
        logger=False,
        enable_checkpointing=bool(callbacks),
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **options,
    )


def pieces(clip: Tensor) -> list[Tensor]:
    """Return the windows of a clip, cut by hand."""
    if len(clip) <= WINDOW:
        return [clip]
    starts = [s for s in range(0, len(clip), HOP) if s + WINDOW <= len(clip)]
    ends = [start + WINDOW for start in starts]
    if len(clip) - ends[-1] >= WINDOW / 2:
        starts, ends = [*starts, starts[-1] + HOP], [*ends, len(clip)]
    ends[-1] = len(clip)
    return [clip[start:end] for start, end in zip(starts, ends, strict=True)]


@pytest.mark.parametrize("pooling", ["mean", "attentive"])
def test_a_clip_is_judged_and_embedded_by_the_mean_of_its_windows(
    tmp_path: Path, wav2vec2: Path, pooling: str
) -> None:
    data = ready(cross(tmp_path, batch_size=4, batch_seconds=0.2, **CUT))
    model = model_of(data, wav2vec2, pooling=pooling)
    trainer_of(tmp_path).test(model, data, verbose=False)
    features = keep_features(
        model.encoder, data.datasets(), cache_dir=tmp_path, batch_samples=3200
    )
    model.eval()
    for role, judged in model.judged.items():
        dataset = data.dataset(role, "test")
        batches = data.loader(role, "test")
        with torch.no_grad():
            embedded = pool_clips(model.states, batches)[1][:, :-1]
        assert judged.places == list(range(len(dataset)))
        counts = []
        for place, key in enumerate(dataset.keys):
            clip = torch.from_numpy(
                dataset.store.read(dataset.examples[place].key).copy()
            )
            cut = pieces(clip)
            counts.append(len(cut))
            with torch.no_grad():
                one = [(part[None], torch.tensor([len(part)])) for part in cut]
                logits = torch.cat([model(*part) for part in one]).mean(0)
                means = [model.encoder(*part).states[:, 0].mean(1) for part in one]
            expected = logits.softmax(0)
            torch.testing.assert_close(
                judged.predictions[place], expected, rtol=1e-4, atol=1e-5
            )
            mean = torch.stack(means).mean(0)
            for values in (embedded[place], features.means[key]):
                torch.testing.assert_close(values, mean, rtol=1e-4, atol=1e-4)
        assert len(set(counts)) > 1


def test_a_corpus_of_a_role_is_scored_where_it_alone_is_tested(
    tmp_path: Path, wav2vec2: Path
) -> None:
    class More(Tones):
        folds = ()

        def prepare(self) -> None:
            names = product(self.singers, self.emotions)
            for number, (singer, emotion) in enumerate(names):
                path = self.root / f"speech-{singer}-{emotion}-0.wav"
                write_tone(path, tone(900, 1000 + number))

        def clips(self) -> list[Clip]:
            clips = super().clips()
            return [replace(one, id=f"more/{one.path.stem}") for one in clips]

    many, few = Tones(tmp_path / "many"), More(tmp_path / "few", singers=(6, 7))
    few.name = "few"
    split = Split(
        tuple(f"tones/{n}" for n in (0, 1, 2, 6)), ("tones/3", "tones/7"), ("tones/4",)
    )
    data = SpeechEmotionDataModule([many, few], split=split, cache_dir=tmp_path)
    model = model_of(ready(data), wav2vec2)
    trainer_of(tmp_path).test(model, data, verbose=False)
    assert list(model.evaluations) == ["speech", f"speech/{many.name}"]
    alone, role = (
        model.evaluations[name] for name in (f"speech/{many.name}", "speech")
    )
    assert alone["n"] == role["n"] == 6


def fitted(folder: Path, encoder: Path, unit: Any) -> tuple[dict[str, Tensor], Any]:
    """Return what a run of a frozen encoder learnt, and what it says of a test."""
    data = cross(folder, batch_size=8, **CUT)
    model = model_of(data, encoder)
    stages = {role: Stage(max_epochs=1) for role in ("source", "target")}
    kept = [KeptFeatures(stages, unit)] if unit else []
    callbacks = [*StageSwitch(stages).callbacks(), *kept]
    trainer = trainer_of(folder / f"{unit}", *callbacks, max_epochs=-1)
    trainer.fit(model, data)
    trainer.test(model, data, verbose=False)
    return model.state_dict(), model.judged


def test_kept_means_judge_a_clip_as_its_windows_do(
    tmp_path: Path, wav2vec2: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    weights, judged = fitted(tmp_path, wav2vec2, "clips")
    assert "from the mean of all windows instead of a random one" in caplog.text
    data = ready(cross(tmp_path, batch_size=8, **CUT))
    model = model_of(data, wav2vec2)
    model.load_state_dict(weights)
    trainer_of(tmp_path).test(model, data, verbose=False)
    for role, one in model.judged.items():
        torch.testing.assert_close(one.predictions, judged[role].predictions)


def test_kept_frames_stay_out_where_clips_are_cut(
    tmp_path: Path, wav2vec2: Path
) -> None:
    """Their mean is not that of the windows, whose lengths differ."""
    looped, _ = fitted(tmp_path, wav2vec2, None)
    frames, _ = fitted(tmp_path, wav2vec2, "frames")
    assert all(tensor.equal(looped[name]) for name, tensor in frames.items())
    assert not list((tmp_path / "cache").glob("features/*"))
