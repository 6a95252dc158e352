from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Trainer
from torch import nn

from crossemo.data.batch import Batch
from crossemo.data.gathering import Judged
from crossemo.errors import CrossEmoError
from crossemo.recognizer import EmotionRecognizer
from crossemo.stages.checkpoints import CheckpointMismatchError
from crossemo.stages.stage import Stage
from tests.encoders.tiny import write_tiny

CLASSES = ("calm", "happy", "sad")


def recogniser(encoder: Path | str, **options: Any) -> EmotionRecognizer:
    torch.manual_seed(0)
    return EmotionRecognizer(str(encoder), CLASSES, **options)


def waveforms() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 1600, generator=generator), torch.tensor([1600, 900])


def batch(counted: tuple[bool, bool] = (True, True)) -> Batch:
    signals, lengths = waveforms()
    labels = torch.tensor([0, 2])
    return Batch(signals, lengths, labels, torch.arange(2), torch.tensor(counted))


@pytest.mark.parametrize("tuning", ["frozen", "lora", "full"])
def test_a_clip_is_judged_alike_alone_and_beside_a_longer_one(
    wav2vec2: Path, tuning: str
) -> None:
    model = recogniser(wav2vec2, tuning=tuning).eval()
    signals, lengths = waveforms()
    together = model(signals, lengths)[1]
    alone = model(signals[1:, :900], lengths[1:])[0]
    assert torch.allclose(together, alone, rtol=1e-5, atol=1e-6)


def test_states_are_those_of_the_encoder_and_their_mixture(
    wav2vec2: Path,
) -> None:
    model = recogniser(wav2vec2).eval()
    with torch.no_grad():
        model.mix.raw_weights.copy_(torch.tensor([0.0, 1.0, 2.0]))
        signals, lengths = waveforms()
        clips = batch()._replace(inputs=signals, lengths=lengths)
        (*parts, mixture), mask = model.states(clips)
        states, expected = model.encoder(signals, lengths)
    assert mask.equal(expected)
    assert torch.equal(torch.stack(parts), states)
    shares = torch.tensor([0.0, 1.0, 2.0]).softmax(0)
    means = (shares[:, None, None, None] * states).sum(0)
    assert torch.allclose(mixture[mask], means[mask], atol=1e-6)


@pytest.mark.parametrize(
    ("tuning", "moved"),
    [
        ("frozen", {"mix", "head"}),
        ("lora", {"encoder", "mix", "head"}),
        ("full", {"encoder", "mix", "head"}),
    ],
)
def test_a_step_moves_what_is_tuned_and_nothing_else(
    wav2vec2: Path, tuning: str, moved: set[str]
) -> None:
    model = recogniser(wav2vec2, tuning=tuning)
    model.plan_stage(Stage(), 10, [1, 1, 1])
    before = {k: v.detach().clone() for k, v in model.named_parameters()}
    optimizer = model.configure_optimizers()["optimizer"]
    for _ in range(2):  # LoRA's second matrix begins at zero
        optimizer.zero_grad()
        signals, lengths = waveforms()
        model(signals, lengths).logsumexp(-1).sum().backward()
        optimizer.step()
    changed = {k for k, v in model.named_parameters() if not torch.equal(v, before[k])}
    assert {name.split(".")[0] for name in changed} == moved
    trained = {k for k, v in model.named_parameters() if v.requires_grad}
    assert changed == trained


def test_rates_are_the_plan_s_or_the_model_s_own(wav2vec2: Path) -> None:
    model = recogniser(wav2vec2, tuning="lora", lr=0.1, encoder_lr=0.01, warmup=0.0)
    for plan, rates in (
        (Stage(), {"head": 0.1, "encoder": 0.01}),
        (Stage(lr=0.5, encoder_lr=0.05), {"head": 0.5, "encoder": 0.05}),
        (Stage(encoder_lr=0.0), {"head": 0.1, "encoder": 0.0}),
    ):
        model.plan_stage(plan, 10, [1, 1, 1])
        groups = model.configure_optimizers()["optimizer"].param_groups
        found = {group["name"].split("-")[0]: group["lr"] for group in groups}
        assert found == pytest.approx(rates)


def save(model: EmotionRecognizer, path: Path) -> dict[str, Any]:
    trainer = Trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, max_epochs=1
    )
    trainer.strategy.connect(model)
    trainer.save_checkpoint(path)
    loaded: dict[str, Any] = torch.load(path, weights_only=True)
    return loaded


@pytest.mark.parametrize("tuning", ["frozen", "lora", "full"])
def test_a_checkpoint_brings_the_same_model_back(
    wav2vec2: Path, tmp_path: Path, tuning: str
) -> None:
    model = recogniser(wav2vec2, tuning=tuning).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.01)
    stored = save(model, tmp_path / "model.ckpt")
    back = EmotionRecognizer.load_from_checkpoint(tmp_path / "model.ckpt").eval()
    assert torch.equal(model(*waveforms()), back(*waveforms()))
    trained = {k for k, v in model.named_parameters() if v.requires_grad}
    assert trained <= set(stored["state_dict"])
    pretrained = {f"encoder.{key}" for key in model.encoder.pretrained_keys()}
    assert not pretrained & set(stored["state_dict"])
    if tuning != "full":
        assert len(pretrained) > 10


def test_how_blocks_attend_and_run_is_no_setting_of_a_checkpoint(
    wav2vec2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[nn.Module] = []
    monkeypatch.setattr(nn.Module, "compile", lambda self, **_: compiled.append(self))
    module = EmotionRecognizer(
        str(wav2vec2), classes=("a", "b"), attention="eager", compile=True
    )
    model = module.encoder.model
    assert model.config._attn_implementation == "eager"
    assert compiled == list(model.encoder.layers)
    assert not {"attention", "compile"} & set(module.hparams)


def test_random_weights_are_in_the_checkpoint(tmp_path: Path) -> None:
    model = recogniser("tiny")
    stored = save(model, tmp_path / "model.ckpt")
    assert set(stored["state_dict"]) == set(model.state_dict())


def test_a_checkpoint_of_another_encoder_of_the_same_shape_is_refused(
    wav2vec2: Path, tmp_path: Path
) -> None:
    save(recogniser(wav2vec2), tmp_path / "model.ckpt")
    torch.manual_seed(5)
    other = write_tiny(tmp_path / "other", "wav2vec2", seed=5)
    stored = torch.load(tmp_path / "model.ckpt", weights_only=True)
    with pytest.raises(CheckpointMismatchError, match=r"belongs to .* can't be loaded"):
        recogniser(other).on_load_checkpoint(stored)


@pytest.mark.parametrize("options", [{"tuning": "lora"}, {"pooling": "attentive"}])
def test_a_checkpoint_of_another_model_is_refused(
    wav2vec2: Path, tmp_path: Path, options: dict[str, Any]
) -> None:
    stored = save(recogniser(wav2vec2), tmp_path / "model.ckpt")
    with pytest.raises(CheckpointMismatchError):
        recogniser(wav2vec2, **options).on_load_checkpoint(stored)


def test_a_checkpoint_of_as_many_other_outputs_names_them(wav2vec2: Path) -> None:
    model = EmotionRecognizer(str(wav2vec2), ("valence", "arousal"), task="values")
    checkpoint: dict[str, Any] = {"state_dict": model.state_dict()}
    model.on_save_checkpoint(checkpoint)
    other = EmotionRecognizer(str(wav2vec2), ("arousal", "valence"), task="values")
    sentence = r"outputs valence, arousal\) and can't .*outputs arousal, valence\)"
    with pytest.raises(CheckpointMismatchError, match=sentence):
        other.on_load_checkpoint(checkpoint)


def test_a_checkpoint_of_something_else_is_refused(wav2vec2: Path) -> None:
    with pytest.raises(CheckpointMismatchError, match="not written by crossemo"):
        recogniser(wav2vec2).on_load_checkpoint({"state_dict": {}})


def test_a_reset_head_depends_on_its_seed_alone(wav2vec2: Path) -> None:
    model = recogniser(wav2vec2)
    first = {k: v.clone() for k, v in model.head.state_dict().items()}
    torch.manual_seed(7)
    state = torch.get_rng_state()
    model.begin_stage("next", Stage(reset_head=True), "", 3)
    assert torch.equal(torch.get_rng_state(), state)
    second = {k: v.clone() for k, v in model.head.state_dict().items()}
    torch.manual_seed(8)
    model.begin_stage("next", Stage(reset_head=True), "", 3)
    assert all(torch.equal(v, second[k]) for k, v in model.head.state_dict().items())
    assert not all(torch.equal(v, first[k]) for k, v in second.items())


@pytest.mark.parametrize("classes", [(), ("happy",)])
def test_one_class_is_not_a_task(wav2vec2: Path, classes: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="two or more classes"):
        EmotionRecognizer(str(wav2vec2), classes)


def test_repeated_clips_are_not_counted(wav2vec2: Path) -> None:
    model = recogniser(wav2vec2).eval()
    model.trainer = Trainer(accelerator="cpu", logger=False)
    model.setup("test")
    model.validation_step(batch((True, False)), 0)
    order, outputs, targets = model._seen.gather(0)
    assert order.tolist() == targets.tolist() == [0]
    logits = model(*waveforms()).detach()
    assert torch.allclose(outputs, logits[:1])
    predictions = model.task.predictions(outputs)
    loss = torch.nn.functional.cross_entropy(logits[:1], torch.tensor([0]))
    scores = model.task.scores(predictions, targets)
    assert scores["loss"] == pytest.approx(float(loss))
    model.judged["other"] = Judged(predictions, targets, ["nobody"])
    model.evaluations["other"] = {"UA": 1.0}
    model.on_test_epoch_start()
    assert not model.judged  # nor what an earlier test said of other roles
    assert not model.evaluations


@pytest.mark.parametrize("layers", ["last", 1])
def test_one_layer_leaves_no_parameter_without_gradient(
    wav2vec2: Path, layers: str | int
) -> None:
    model = recogniser(wav2vec2, tuning="full", layers=layers)
    model(*waveforms()).sum().backward()
    missing = [
        name
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and parameter.grad is None
    ]
    assert missing == []


def test_a_stage_after_a_validation_trains_in_training_mode(wav2vec2: Path) -> None:
    model = recogniser(wav2vec2, tuning="full")
    # As Lightning does it: eval(), then every module gets its own mode back.
    modes = {module: module.training for module in model.modules()}
    model.eval()
    for module, mode in modes.items():
        module.training = mode
    model.plan_stage(Stage(), 10, [1, 1, 1])
    assert all(module.training for module in model.encoder.modules())
    model.plan_stage(Stage(train="head"), 10, [1, 1, 1])
    assert not any(module.training for module in model.encoder.modules())
    model.plan_stage(Stage(train="all"), 10, [1, 1, 1])
    assert all(module.training for module in model.encoder.modules())


@pytest.mark.parametrize(
    ("precision", "sentence"),
    [
        ("32-true", "as training diverged: lower lr or encoder_lr."),
        ("16-mixed", "or 16-mixed has too narrow a range: use precision bf16-mixed or"),
    ],
)
def test_outputs_that_are_no_numbers_are_explained_by_rate_and_precision(
    wav2vec2: Path, precision: Any, sentence: str
) -> None:
    model = recogniser(wav2vec2).eval()
    torch.nn.init.constant_(model.head.classifier.bias, torch.nan)
    model.trainer = Trainer(accelerator="cpu", logger=False, barebones=True)
    model.trainer._accelerator_connector.precision_plugin.precision = precision
    with pytest.raises(CrossEmoError, match=sentence):
        model.test_step(batch(), 0)
