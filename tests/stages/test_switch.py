from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning import Callback, Trainer
from lightning.pytorch.loggers import CSVLogger

from crossemo.stages.stage import Stage, StageError
from crossemo.stages.switch import StageSwitch
from tests.callbacks.keep import KeepAll
from tests.stages.tiny import TinyData, TinyModule

STAGES = {
    "source": Stage(3, lr=1e-2, encoder_lr=1e-3),
    "target": Stage(2, lr=5e-3, encoder_lr=5e-4),
}
# TinyData brings a sampler that is already right on one process.
QUIET: dict[str, Any] = {
    "accelerator": "cpu",
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "log_every_n_steps": 1,
    "use_distributed_sampler": False,
}


def fit(
    folder: Path,
    stages: dict[str, Stage] | None = None,
    module: TinyModule | None = None,
    resume: Path | None = None,
    more: list[Callback] | None = None,
    **options: Any,
) -> tuple[TinyModule, StageSwitch, TinyData]:
    switch = StageSwitch(stages or STAGES)
    module = module or TinyModule()
    data = TinyData()
    logger = CSVLogger(folder, version="run")
    options = QUIET | {"max_epochs": -1, "logger": logger} | options
    trainer = Trainer(
        callbacks=[*(more or []), *switch.callbacks()],
        **{"default_root_dir": folder} | options,
    )
    trainer.fit(module, data, ckpt_path=resume, weights_only=True)
    return module, switch, data


class Recorder(Callback):
    def __init__(self) -> None:
        self.batches: list[tuple[int, torch.Tensor]] = []

    def on_train_batch_start(
        self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int
    ) -> None:
        self.batches.append((trainer.current_epoch, batch[0]))


def test_each_stage_trains_on_its_own_data_from_its_first_epoch(tmp_path: Path) -> None:
    recorder = Recorder()
    _, _, data = fit(tmp_path, more=[recorder])
    owners = {role: data._data(role).tensors[0] for role in data.roles}
    for epoch, inputs in recorder.batches:
        rows = owners["source" if epoch < 3 else "target"]
        assert all((rows == row).all(-1).any() for row in inputs)
    assert len(recorder.batches) == 5 * 4


def test_rates_and_schedules_are_the_stages_own(tmp_path: Path) -> None:
    module, _, _ = fit(tmp_path)
    assert [steps for _, steps in module.plans] == [12, 8]
    encoder = [rate for _, rate, _ in module.seen]
    # 3 and 2 warm-up steps of 12 and 8: the peaks are the planned rates.
    assert max(encoder[:12]) == pytest.approx(1e-3)
    assert max(encoder[12:]) == pytest.approx(5e-4)
    # The last step of each stage is one step before the rate is zero.
    assert encoder[11] == pytest.approx(1e-3 / 9)
    assert encoder[19] == pytest.approx(5e-4 / 6)
    assert all(head == pytest.approx(10 * rate) for _, rate, head in module.seen)


def test_the_next_stage_goes_on_from_the_best_weights(tmp_path: Path) -> None:
    module = TinyModule()
    module.scores = {"source0": 0.1, "source1": 0.9, "source2": 0.2}
    _, switch, _ = fit(tmp_path, module=module)
    best = torch.load(switch.best_checkpoints()["source"], weights_only=True)
    assert best["epoch"] == 1
    # `at_epoch_start[2]` holds the weights at the end of epoch 1.
    assert torch.equal(best["state_dict"]["head.weight"], module.at_epoch_start[2])
    assert torch.equal(module.at_epoch_start[3], module.at_epoch_start[2])


def test_the_next_stage_may_go_on_from_the_last_weights(tmp_path: Path) -> None:
    module = TinyModule()
    module.scores = {"source0": 0.9, "source1": 0.1, "source2": 0.2}
    stages = STAGES | {"target": Stage(1, start_from="last")}
    fit(tmp_path, stages, module)
    assert not torch.equal(module.at_epoch_start[3], module.at_epoch_start[1])


def test_a_new_head_depends_on_the_seed_alone(tmp_path: Path) -> None:
    heads = []
    for disturbance in (1, 2):
        torch.manual_seed(disturbance)
        stages = STAGES | {"target": Stage(1, reset_head=True)}
        module, _, _ = fit(tmp_path / str(disturbance), stages)
        heads.append(module.at_epoch_start[3])
        assert not torch.equal(heads[-1], module.at_epoch_start[2])
    assert torch.equal(*heads)


def test_each_stage_keeps_a_best_checkpoint_of_its_own(tmp_path: Path) -> None:
    module = TinyModule()
    module.scores = {f"target{epoch}": 1.0 - epoch / 10 for epoch in range(5)}
    _, switch, _ = fit(tmp_path, module=module)
    best = switch.best_checkpoints()
    epochs = {k: torch.load(v, weights_only=True)["epoch"] for k, v in best.items()}
    assert epochs["source"] in (0, 1, 2)
    # Epochs 0 to 2 had higher target scores, but they were the first stage's.
    assert epochs["target"] == 3


def test_resuming_from_any_epoch_ends_with_the_same_weights(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    scores = {"source0": 0.9, "source1": 0.1, "source2": 0.2}  # best before the cut
    module = TinyModule()
    module.scores = scores
    whole, _, _ = fit(tmp_path / "whole", module=module, more=[KeepAll(kept)])
    assert len(list(kept.iterdir())) == 5
    for epoch in range(4):  # epoch 2 is the last of the first stage
        folder = tmp_path / f"resumed{epoch}"
        module = TinyModule()
        module.scores = scores
        last = kept / f"epoch={epoch}.ckpt"
        resumed, _, data = fit(folder, module=module, resume=last)
        assert data.active == ("target",)
        assert [seen[0] for seen in resumed.seen] == sorted(
            [e for e in range(epoch + 1, 5) for _ in range(4)]
        )
        for name, tensor in whole.state_dict().items():
            assert torch.equal(tensor, resumed.state_dict()[name]), (epoch, name)


@pytest.mark.parametrize("best", [1, 2])  # within the first stage, and at its end
def test_a_best_checkpoint_can_be_resumed_too(tmp_path: Path, best: int) -> None:
    scores = {f"source{epoch}": float(epoch == best) for epoch in range(3)}
    scores |= {"target3": 0.9, "target4": 0.1}
    modules = [TinyModule(), TinyModule(), TinyModule()]
    for module in modules:
        module.scores = scores
    whole, switch, _ = fit(tmp_path / "whole", module=modules[0])
    for module, (stage, epochs) in zip(
        modules[1:], {"source": range(best + 1, 5), "target": [4]}.items(), strict=True
    ):
        path = Path(switch.best_checkpoints()[stage])  # written before its epoch ended
        resumed, _, _ = fit(tmp_path / stage, module=module, resume=path)
        assert [e for e, _, _ in resumed.seen] == [e for e in epochs for _ in range(4)]
        for name, tensor in whole.state_dict().items():
            assert torch.equal(tensor, resumed.state_dict()[name]), (stage, name)


def test_patience_ends_a_stage_and_not_the_run(tmp_path: Path) -> None:
    module = TinyModule()
    falling = {f"source{epoch}": 1.0 - epoch / 10 for epoch in range(9)}
    rising = {f"target{epoch}": epoch / 10 for epoch in range(9)}
    module.scores = falling | rising
    stages = {"source": Stage(6, patience=2), "target": Stage(3, patience=1)}
    _, switch, data = fit(tmp_path, stages, module)
    # Best at epoch 0, then two validations in vain; the target gets all its epochs.
    assert sorted({epoch for epoch, _, _ in module.seen}) == list(range(6))
    assert data.active == ("target",)
    best = switch.best_checkpoints()
    epochs = {k: torch.load(v, weights_only=True)["epoch"] for k, v in best.items()}
    assert epochs == {"source": 0, "target": 5}


def test_patience_of_the_last_stage_ends_the_run(tmp_path: Path) -> None:
    module = TinyModule()
    module.scores = {f"target{epoch}": -epoch for epoch in range(9)}
    stages = {"source": Stage(2), "target": Stage(7, patience=3)}
    fit(tmp_path, stages, module)
    # Waiting doesn't count on from the stage before: 2 + 1 + 3 epochs.
    assert module.seen[-1][0] == 5


@pytest.mark.parametrize("ended", ["source", "target"])
def test_resuming_where_patience_ended_a_stage_goes_on_rightly(
    tmp_path: Path, ended: str
) -> None:
    scores = {f"{ended}{epoch}": 1.0 - epoch / 10 for epoch in range(9)}
    stages = {"source": Stage(4, patience=1), "target": Stage(4, patience=1)}
    kept = tmp_path / "kept"
    module = TinyModule()
    module.scores = scores
    whole, _, _ = fit(tmp_path / "whole", stages, module, more=[KeepAll(kept)])
    last = whole.seen[-1][0]
    for epoch in range(last):
        module = TinyModule()
        module.scores = scores
        place = tmp_path / f"resumed{epoch}"
        fit(place, stages, module, resume=kept / f"epoch={epoch}.ckpt")
        assert [e for e, _, _ in module.seen] == [
            e for e, _, _ in whole.seen if e > epoch
        ]
        for name, tensor in whole.state_dict().items():
            assert torch.equal(tensor, module.state_dict()[name]), (epoch, name)


def test_a_stage_may_end_within_an_epoch(tmp_path: Path) -> None:
    stages = {"source": Stage(max_steps=6), "target": Stage(max_steps=3)}
    module, _, _ = fit(tmp_path, stages)
    # Epochs of four batches.
    assert [epoch for epoch, _, _ in module.seen] == [0] * 4 + [1] * 2 + [2] * 3
    assert [steps for _, steps in module.plans] == [6, 3]


def test_stages_have_batches_of_their_own(tmp_path: Path) -> None:
    stages = {"source": Stage(1, batch_size=8), "target": Stage(1, batch_size=2)}
    module, _, _ = fit(tmp_path, stages)
    assert [epoch for epoch, _, _ in module.seen] == [0] * 2 + [1] * 8


def test_steps_count_accumulated_batches_once(tmp_path: Path) -> None:
    stages = {"source": Stage(max_steps=3), "target": Stage(1)}
    module, _, _ = fit(tmp_path, stages, accumulate_grad_batches=2)
    # Two steps in the first epoch, one in the second: two of its four batches.
    assert [epoch for epoch, _, _ in module.seen] == [0] * 4 + [1] * 2 + [2] * 4
    assert [steps for _, steps in module.plans] == [3, 2]


def test_a_stage_may_train_on_both_domains(tmp_path: Path) -> None:
    stages = {"joint": Stage(1, data=["source", "target"])}
    module, switch, _ = fit(tmp_path, stages)
    assert len(module.seen) == 8
    assert switch.checkpoints[0].score == "val/mean/score"


def test_every_batch_has_a_seed_of_its_own(tmp_path: Path) -> None:
    class Draws(Callback):
        def __init__(self) -> None:
            self.drawn: list[float] = []

        def on_train_batch_end(self, *_: Any) -> None:
            self.drawn.append(float(torch.rand(1)))

    found = []
    for disturbance in (1, 2):
        torch.manual_seed(disturbance)
        draws = Draws()
        fit(tmp_path / str(disturbance), more=[draws])
        found.append(draws.drawn)
    assert found[0] == found[1]
    assert len(set(found[0])) == len(found[0]) == 20


def test_nothing_is_trained_between_the_stages(tmp_path: Path) -> None:
    module, _, _ = fit(tmp_path)
    moved = [not torch.equal(a, b) for a, b in pairwise(module.at_epoch_start)]
    assert all(moved[:2])
    assert moved[3]


@pytest.mark.parametrize(
    ("stages", "options", "sentence"),
    [
        ({"speech": Stage(1)}, {}, "wants data 'speech', but there is source, target"),
        ({"taget": Stage(1)}, {}, r"its `data`\. Did you mean target\?"),
        (STAGES, {"max_epochs": 7}, "have 5 epochs in all and trainer.max_epochs says"),
    ],
)
def test_stages_that_do_not_fit_are_refused(
    tmp_path: Path, stages: dict[str, Stage], options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(StageError, match=sentence):
        fit(tmp_path, stages, **options)


def test_strategies_that_shard_parameters_are_refused() -> None:
    class FSDPStrategy:
        pass

    trainer: Any = SimpleNamespace(strategy=FSDPStrategy(), callbacks=[])
    with pytest.raises(StageError, match="under FSDPStrategy, which shards"):
        StageSwitch(STAGES).setup(trainer, TinyModule(), "fit")


@pytest.mark.parametrize("name", ["last", "test", "a/b", "{epoch}", ""])
def test_names_that_files_can_not_have_are_refused(name: str) -> None:
    with pytest.raises(StageError, match="can't be called"):
        StageSwitch({name: Stage()})


def test_other_stages_can_not_go_on(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    fit(tmp_path / "whole", more=[KeepAll(kept)])
    others = {"target": STAGES["target"], "source": STAGES["source"]}
    with pytest.raises(StageError, match="so far was source, is target: go on with"):
        fit(tmp_path / "b", others, resume=kept / "epoch=1.ckpt")
    others = STAGES | {"source": Stage(3, lr=0.5, encoder_lr=1e-3)}
    with pytest.raises(StageError, match=r"stages.source.lr was 0.01, is 0.5: go on"):
        fit(tmp_path / "c", others, resume=kept / "epoch=1.ckpt")


@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`")
def test_a_stage_that_has_not_begun_may_be_left_out(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    fit(tmp_path / "whole", more=[KeepAll(kept)])
    stages = {"source": STAGES["source"]}
    module, _, _ = fit(tmp_path / "b", stages, resume=kept / "epoch=1.ckpt")
    assert [epoch for epoch, _, _ in module.seen] == [2] * 4


def test_a_run_that_was_moved_goes_on(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    whole, switch, _ = fit(tmp_path / "whole", more=[KeepAll(kept)])
    best = Path(switch.best_checkpoints()["source"])
    best.rename(kept / best.name)  # beside the checkpoint that is resumed
    resumed, _, _ = fit(tmp_path / "moved", resume=kept / "epoch=2.ckpt")
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name
    (kept / best.name).unlink()
    with pytest.raises(StageError, match="best weights of stage 'source' are gone"):
        fit(tmp_path / "gone", resume=kept / "epoch=2.ckpt")


def test_runs_that_were_moved_together_go_on(tmp_path: Path) -> None:
    runs, moved = tmp_path / "whole" / "lightning_logs", tmp_path / "moved"
    last = Path("other", "checkpoints", "epoch=2.ckpt")
    whole, switch, _ = fit(tmp_path / "whole", more=[KeepAll(runs / last.parent)])
    best = Path(switch.best_checkpoints()["source"])
    assert best == runs / "run" / "checkpoints" / "source.ckpt"
    runs.rename(moved)
    best.parent.mkdir(parents=True)
    best.write_text("of another run")
    resumed, again, _ = fit(tmp_path / "on", resume=moved / last)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name
    source = again.best_checkpoints()["source"]
    assert source == str(moved / "run" / "checkpoints" / "source.ckpt")


def test_a_stage_without_epochs_and_no_stage_at_all_are_refused() -> None:
    with pytest.raises(StageError, match="max_epochs is 1 or more, not 0"):
        Stage(0)
    with pytest.raises(StageError, match="a stage or more"):
        StageSwitch({})


def test_the_right_number_of_epochs_may_be_given(tmp_path: Path) -> None:
    module, _, _ = fit(tmp_path, max_epochs=5)
    assert module.seen[-1][0] == 4


def test_fast_dev_run_runs_one_batch(tmp_path: Path) -> None:
    module, _, _ = fit(tmp_path, fast_dev_run=True)
    assert len(module.seen) == 1
