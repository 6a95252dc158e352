import csv
import inspect
import io
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, Trainer
from lightning.pytorch import callbacks as lightnings
from lightning.pytorch.plugins.io import AsyncCheckpointIO

from crossemo.callbacks.last import LastCheckpoint
from crossemo.stages.stage import Stage, StageError
from crossemo.stages.trainer_rules import (
    CALLBACKS,
    OPTIONS,
    refuse_callbacks,
    refuse_options,
)
from tests.stages.test_switch import fit
from tests.stages.tiny import TinyModule

SCORE = "val/source/score"
CLASSES = {name: getattr(lightnings, name) for name in lightnings.__all__}


class Unfreezing(lightnings.BaseFinetuning):
    def freeze_before_training(self, pl_module: Any) -> None:
        pass

    def finetune_function(self, *given: Any) -> None:
        pass


class Averaging(lightnings.WeightAveraging):
    """A user's own."""


class Writing(lightnings.BasePredictionWriter):
    """A user's own."""


REFUSED: list[tuple[Callback, str]] = [
    (lightnings.BackboneFinetuning(), "stages.NAME.train"),
    (Unfreezing(), "Unfreezing freezes and unfreezes"),
    (lightnings.BatchSizeFinder(), "set stages.NAME.batch_size"),
    (lightnings.EarlyStopping(SCORE), "set stages.NAME.patience"),
    (lightnings.GradientAccumulationScheduler({1: 2}), "accumulate_grad_batches"),
    (lightnings.LearningRateFinder(), "set stages.NAME.lr"),
    (lightnings.ModelPruning("l1_unstructured", amount=0.5), "puts masks in"),
    (lightnings.OnExceptionCheckpoint("."), "go on unasked from an earlier one"),
    (lightnings.StochasticWeightAveraging(1e-3), "can't follow a switch of stages"),
    (lightnings.EMAWeightAveraging(), "EMAWeightAveraging can't follow a switch"),
    (Averaging(), "Averaging can't follow a switch of stages"),
    (lightnings.Timer("00:00:00:01"), "end the run within a stage"),
]


def welcome(folder: Path) -> list[Callback]:
    return [
        Writing(),
        lightnings.Checkpoint(),
        lightnings.DeviceStatsMonitor(),
        lightnings.LambdaCallback(on_train_start=lambda *_: None),
        lightnings.LearningRateMonitor(),
        lightnings.ModelCheckpoint(folder / "a", monitor=SCORE, save_last=True),
        lightnings.ModelSummary(),
        lightnings.RichModelSummary(),
        lightnings.SpikeDetection(mode="max", window=1000, warmup=1000),
        lightnings.ThroughputMonitor(batch_size_fn=len),
        lightnings.Timer(),
    ]


BARS = [lightnings.RichProgressBar(), lightnings.TQDMProgressBar()]


def test_every_callback_of_lightnings_is_refused_or_tried(tmp_path: Path) -> None:
    tried = [callback for callback, _ in REFUSED] + welcome(tmp_path) + BARS
    known = {ancestor for callback in tried for ancestor in type(callback).__mro__}
    assert [name for name, one in CLASSES.items() if one not in known] == []
    assert CALLBACKS.keys() <= CLASSES.keys()


@pytest.mark.parametrize(
    ("callback", "sentence"), REFUSED, ids=lambda v: type(v).__name__
)
def test_a_callback_that_would_undo_the_stages_is_refused(
    tmp_path: Path, callback: Callback, sentence: str
) -> None:
    with pytest.raises(StageError, match=sentence):
        refuse_callbacks([callback])
    # One wants a backbone, the other one writes as it hears of the refusal.
    alone = (lightnings.BackboneFinetuning, lightnings.OnExceptionCheckpoint)
    if not isinstance(callback, alone):
        with pytest.raises(StageError, match=sentence):
            fit(tmp_path, more=[callback])


@pytest.mark.filterwarnings("ignore:When using the `ThroughputMonitor`")
def test_all_others_leave_the_training_as_it_is(
    tmp_path: Path, plain: TinyModule
) -> None:
    more = welcome(tmp_path)
    observed, _, _ = fit(tmp_path / "observed", more=more)
    for name, tensor in plain.state_dict().items():
        assert torch.equal(tensor, observed.state_dict()[name]), name
    assert (tmp_path / "a" / "last.ckpt").is_file()
    for bar in BARS:
        fit(tmp_path / type(bar).__name__, more=[bar], enable_progress_bar=True)


def test_a_monitor_of_rates_follows_the_stages(tmp_path: Path) -> None:
    fit(tmp_path, more=[lightnings.LearningRateMonitor("step")])
    text = (tmp_path / "lightning_logs" / "run" / "metrics.csv").read_text()
    rows = [row for row in csv.DictReader(io.StringIO(text)) if row["lr-AdamW/head"]]
    # The peak of each stage's rates, see `test_switch`.
    rates = [float(row["lr-AdamW/head"]) for row in rows]
    assert max(rates[:12]) == pytest.approx(1e-2)
    assert max(rates[12:]) == pytest.approx(5e-3)


# Options that leave a training on one process as it is, to the bit.
SAME: dict[str, Any] = {
    "accelerator": "cpu",
    "strategy": "auto",
    "devices": 1,
    "num_nodes": 1,
    "precision": "32-true",
    "logger": False,
    "max_epochs": 5,
    "limit_train_batches": 4,
    "limit_test_batches": 0,
    "limit_predict_batches": 0,
    "num_sanity_val_steps": 2,
    "log_every_n_steps": 3,
    "enable_progress_bar": False,
    "enable_model_summary": True,
    "accumulate_grad_batches": 1,
    "gradient_clip_val": 1e9,
    "deterministic": True,
    "benchmark": False,
    "inference_mode": False,
    "use_distributed_sampler": True,
    "profiler": "simple",
    "detect_anomaly": True,
    "sync_batchnorm": True,
    "reload_dataloaders_every_n_epochs": 1,
    "enable_autolog_hparams": False,
    "model_registry": None,
}
ELSEWHERE = {
    "fast_dev_run": "test_switch",
    "callbacks": "above",
    "check_val_every_n_epoch": "below",
    "plugins": "below",
    "gradient_clip_algorithm": "below",
    "default_root_dir": "where a run lies",
}


def test_every_option_of_the_trainer_is_refused_or_tried() -> None:
    options = set(inspect.signature(Trainer.__init__).parameters) - {"self"}
    assert options - OPTIONS.keys() - SAME.keys() - ELSEWHERE.keys() == set()
    assert OPTIONS.keys() <= options


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> TinyModule:
    module, _, _ = fit(tmp_path_factory.mktemp("plain"))
    return module


@pytest.mark.parametrize("option", SAME)
def test_an_option_leaves_the_stages_as_they_are(
    tmp_path: Path, option: str, plain: TinyModule
) -> None:
    module, switch, data = fit(tmp_path, **{option: SAME[option]})
    torch.use_deterministic_algorithms(False)
    assert data.active == ("target",)
    assert list(switch.best_checkpoints()) == ["source", "target"]
    for name, tensor in plain.state_dict().items():
        assert torch.equal(tensor, module.state_dict()[name]), (option, name)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"max_steps": 7}, "trainer.max_steps is 7.*set stages.NAME.max_steps"),
        ({"min_steps": 7}, "trainer.min_steps is 7.*set stages.NAME.max_steps"),
        ({"min_epochs": 4}, "trainer.min_epochs is 4.*stages.NAME.patience"),
        ({"max_time": "00:00:00:09"}, "Timer would end the run within a stage"),
        ({"limit_train_batches": 0}, "nothing would be trained"),
        ({"limit_train_batches": 0.0}, "nothing would be trained"),
        ({"limit_val_batches": 0}, "which weights of a stage are its best"),
        ({"overfit_batches": 2}, "use limit_train_batches"),
        (
            {"val_check_interval": {"seconds": 2}},
            "interval is 2 s, but by the clock no",
        ),
        (
            {"val_check_interval": 5},
            "'source' might never be .* 3 epochs, of 4 batches",
        ),
        ({"check_val_every_n_epoch": 3}, "'target' might never be .* it has 2 epochs"),
        ({"check_val_every_n_epoch": None, "val_check_interval": 9}, "'target' might"),
        ({"precision": "16-true"}, "16-true, but weights of so few.*use bf16-mixed"),
        ({"precision": "bf16-true"}, "bf16-true, but weights of so few digits"),
        ({"plugins": AsyncCheckpointIO()}, "AsyncCheckpointIO is still writing"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_an_option_that_would_undo_the_stages_is_refused(
    tmp_path: Path, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(StageError, match=sentence):
        fit(tmp_path, **options)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"barebones": True}, "neither scores nor checkpoints"),
        ({"enable_checkpointing": False}, "keeps its best weights in a checkpoint"),
        ({"max_time": "00:00:00:09"}, "end the run within a stage"),
        ({"strategy": "ddp_spawn"}, "ends with them: use ddp"),
        ({"precision": "transformer-engine"}, "use bf16-mixed"),
    ],
)
def test_so_is_one_that_lightning_itself_would_stumble_over(
    options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(StageError, match=sentence):
        refuse_options(options)


def test_rates_and_steps_follow_a_share_of_the_batches(tmp_path: Path) -> None:
    module, _, _ = fit(tmp_path, limit_train_batches=0.5)
    assert [steps for _, steps in module.plans] == [6, 4]  # 2 of 4 batches an epoch
    assert len(module.seen) == 10


@pytest.mark.parametrize("algorithm", ["norm", "value"])
def test_gradients_are_clipped_in_every_stage(tmp_path: Path, algorithm: str) -> None:
    widest: list[float] = []

    class Clipped(TinyModule):
        def optimizer_step(self, *given: Any, **named: Any) -> None:
            super().optimizer_step(*given, **named)
            sizes = [
                p.grad.abs().max() for p in self.parameters() if p.grad is not None
            ]
            widest.append(float(max(sizes)))

    clipping: dict[str, Any] = {
        "gradient_clip_val": 1e-3,
        "gradient_clip_algorithm": algorithm,
    }
    fit(tmp_path, module=Clipped(), **clipping)
    assert len(widest) == 20
    assert max(widest) <= 1e-3


@pytest.mark.parametrize(
    ("options", "validations"),
    [
        ({"val_check_interval": 1}, 5 * 4),
        ({"val_check_interval": 0.5}, 5 * 2),
        ({"val_check_interval": 4}, 5),
        ({"check_val_every_n_epoch": 2}, 2),
        ({"check_val_every_n_epoch": None, "val_check_interval": 8}, 2),
    ],
    ids=str,
)
def test_stages_are_validated_as_often_as_is_asked_for(
    tmp_path: Path, options: dict[str, Any], validations: int
) -> None:
    class Counting(Callback):
        count = 0

        def on_validation_end(self, *given: Any) -> None:
            self.count += 1

    counting = Counting()
    options |= {"num_sanity_val_steps": 0}
    _, switch, _ = fit(tmp_path, more=[counting], **options)
    assert counting.count == validations
    assert list(switch.best_checkpoints()) == ["source", "target"]


def test_a_short_last_epoch_must_reach_its_validation_too(tmp_path: Path) -> None:
    stages = {"source": Stage(max_steps=6), "target": Stage(1)}  # 4 batches and 2
    with pytest.raises(StageError, match="has 2 epochs, of 2 batches or more"):
        fit(tmp_path, stages, val_check_interval=3)
    fit(tmp_path, stages, val_check_interval=2)


def test_the_last_checkpoint_is_never_one_before_a_validation(tmp_path: Path) -> None:
    class Noting(LastCheckpoint):
        def _save(self, trainer: Trainer) -> None:
            steps.append(trainer.global_step)
            super()._save(trainer)

    steps: list[int] = []
    fit(tmp_path, more=[Noting(every_n_steps=1)], val_check_interval=2)
    # Of four steps an epoch the second is validated; the fourth is saved afterwards.
    assert steps == [step for step in range(1, 21) if step % 4 != 2]


@pytest.mark.parametrize(
    "callback",
    [
        lightnings.ModelCheckpoint(monitor=SCORE, filename="source"),
        lightnings.ModelCheckpoint(filename="target"),
    ],
    ids=["source", "target"],
)
def test_a_checkpoint_in_the_place_of_a_stages_is_refused(
    tmp_path: Path, callback: Callback
) -> None:
    with pytest.raises(StageError, match="give it another filename"):
        fit(tmp_path, more=[callback])


def test_so_is_one_in_the_place_of_the_last(tmp_path: Path) -> None:
    clash = lightnings.ModelCheckpoint(monitor=SCORE, save_last=True)
    with pytest.raises(StageError, match="would write over last"):
        fit(tmp_path / "here", more=[clash, LastCheckpoint()])
    place = tmp_path / "elsewhere"
    apart = lightnings.ModelCheckpoint(place, monitor=SCORE, save_last=True)
    fit(tmp_path / "there", more=[apart, LastCheckpoint()])
    assert (place / "last.ckpt").is_file()
