"""A run goes on with what it was begun with, and with nothing else."""

import inspect
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import fields, replace
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
import torch
from lightning import Trainer

from crossemo.corpora.base import Clip, Corpus
from crossemo.corpora.demo import Demo
from crossemo.data.datamodules import (
    CrossDomainDataModule,
    EmotionDataModule,
    MusicEmotionDataModule,
)
from crossemo.encoders import encoder_facts
from crossemo.recognizer import EmotionRecognizer
from crossemo.runs.origin import KEY
from crossemo.stages.going_on import Comparison, Place
from crossemo.stages.stage import Stage, StageError
from crossemo.stages.switch import StageSwitch
from tests.callbacks.keep import KeepAll
from tests.data.modules import cross
from tests.data.valued import Valued
from tests.encoders.tiny import ONE_EACH, write_tiny
from tests.stages.test_switch import QUIET

STAGES = {
    "source": Stage(1, warmup=0.0),
    "target": Stage(2, schedule="constant", warmup=0.0),
    "again": Stage(1, data="source"),
}
SOURCE, TARGET, AGAIN = (Place(n, n + 1, 4, False) for n in range(3))


def data_of(**options: Any) -> CrossDomainDataModule:
    roles = [Demo(channel, speakers=6, takes=1) for channel in ("speech", "song")]
    return CrossDomainDataModule(*roles, **{"batch_size": 8} | options)


def fit(
    folder: Path,
    stages: dict[str, Stage],
    resume: Path | None = None,
    data: EmotionDataModule | None = None,
    model: dict[str, Any] | None = None,
    seed: int = 0,
    **options: Any,
) -> EmotionRecognizer:
    data = data or data_of()
    torch.manual_seed(0)
    settings = {"encoder": "tiny"} | (model or {})
    module = EmotionRecognizer(classes=data.classes, **settings)
    trainer = Trainer(
        logger=False,
        default_root_dir=folder,
        callbacks=[KeepAll(folder), *StageSwitch(stages, seed).callbacks()],
        **QUIET | {"max_epochs": -1} | options,
    )
    trainer.fit(module, data, ckpt_path=resume, weights_only=True)
    return module


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoints of a finished run, `epoch=N.ckpt`."""
    folder = tmp_path_factory.mktemp("begun")
    fit(folder, STAGES)
    return folder


@pytest.fixture(scope="module")
def record(begun: Path) -> dict[str, Any]:
    """The record of that run."""
    made: dict[str, Any] = torch.load(begun / "epoch=1.ckpt", weights_only=True)[KEY]
    return made


@pytest.mark.parametrize("family", ONE_EACH)
def test_two_stages_of_adapters_go_on_in_every_family(
    tmp_path: Path, family: str
) -> None:
    encoder = str(write_tiny(tmp_path / "encoder", family))
    model = {"encoder": encoder, "tuning": "lora", "encoder_dropout": True}
    stages = {"source": Stage(1), "target": Stage(1)}
    rate = encoder_facts(encoder).sampling_rate
    data = cross(tmp_path, batch_size=12, sampling_rate=rate)
    whole = fit(tmp_path, stages, None, data, model)
    first = tmp_path / "epoch=0.ckpt"
    begun = torch.load(first, weights_only=True)["state_dict"]
    again = fit(tmp_path / "again", stages, first, data, model)
    for name, tensor in again.state_dict().items():
        assert torch.equal(tensor, whole.state_dict()[name])
    moved = {key for key in begun if not begun[key].equal(whole.state_dict()[key])}
    # Of two blocks queries and values, which emotion2vec has in one layer.
    places = 2 if family == "emotion2vec" else 4
    assert sum(".lora_" in key for key in moved) == places * 2


def names_of(callable_: Any, without: Sequence[str] = ()) -> set[str]:
    return set(inspect.signature(callable_).parameters) - set(without)


def test_the_record_holds_whatever_can_be_given(record: dict[str, Any]) -> None:
    settings = record["settings"]
    # One is of judging and marked there, the others change no number.
    others = ["allow_leak", "attention", "compile"]
    trained = names_of(EmotionRecognizer, others)
    expected = {f"model.{name}" for name in trained}
    roles_apart = names_of(EmotionDataModule, ["roles"])
    expected |= {f"data.{name}" for name in roles_apart}
    expected |= {f"data.source.{name}" for name in names_of(Demo)}
    expected |= {f"stages.{s}.{f.name}" for s in STAGES for f in fields(Stage)}
    # The numbers of a run that Lightning's trainer can be told to change.
    expected |= {
        f"trainer.{name}"
        for name in (
            "accumulate_grad_batches",
            "check_val_every_n_epoch",
            "devices",
            "fast_dev_run",
            "gradient_clip_algorithm",
            "gradient_clip_val",
            "limit_test_batches",
            "limit_train_batches",
            "limit_val_batches",
            "max_steps",
            "num_nodes",
            "overfit_batches",
            "precision",
            "reload_dataloaders_every_n_epochs",
            "val_check_interval",
        )
    }
    assert expected <= settings.keys()
    assert settings["stages.target.schedule"] == "constant"
    assert settings["data.source.channel"] == "speech"
    assert settings["data.roles"] == ["source", "target"]


def test_every_setting_that_differs_is_refused_but_these(
    record: dict[str, Any],
) -> None:
    allowed = set()
    for name, value in record["settings"].items():
        now = deepcopy(record)
        now["settings"][name] = "another" if value is None else None
        if refused := Comparison(record, now, TARGET).refused():
            (phrase,) = refused
            assert phrase.startswith(f"{name} was {value}, is ")
        else:
            allowed.add(name)
    assert {name for name in allowed if not name.startswith("stages.again.")} == {
        "data.cache_dir",
        "data.num_workers",
        "data.source.root",
        "data.target.root",
        "model.encoder",  # of the same fingerprint
        "model.gradient_checkpointing",
        # As long as each step has as many clips, and a stage as many steps.
        "data.batch_size",
        "stages.source.batch_size",
        "stages.target.batch_size",
        "trainer.accumulate_grad_batches",
        "trainer.devices",
        "trainer.num_nodes",
        "stages.target.max_epochs",
        "stages.target.max_steps",
    }
    fields_of_again = {f"stages.again.{field.name}" for field in fields(Stage)}
    assert fields_of_again <= allowed


def test_a_setting_that_nobody_thought_of_is_refused(record: dict[str, Any]) -> None:
    now = deepcopy(record)
    now["settings"]["model.label_smoothing"] = 0.1
    expected = ["model.label_smoothing was not given, is 0.1"]
    assert Comparison(record, now, SOURCE).refused() == expected
    expected = ["model.label_smoothing was 0.1, is not given"]
    assert Comparison(now, record, SOURCE).refused() == expected


@pytest.mark.parametrize(
    ("place", "stage", "changed", "refused"),
    [
        (TARGET, "target", {"clips_per_step": 4}, True),
        (TARGET, "target", {"steps_per_epoch": 2}, True),
        (TARGET, "source", {"clips_per_step": 4}, True),
        (TARGET, "again", {"clips_per_step": 4}, False),
        (SOURCE, "target", {"clips_per_step": 4}, False),
    ],
)
def test_batches_are_shared_out_otherwise_only_as_far_as_steps_are_the_same(
    record: dict[str, Any],
    place: Place,
    stage: str,
    changed: dict[str, int],
    refused: bool,
) -> None:
    now = deepcopy(record)
    now["settings"] |= {"data.batch_size": 4, "trainer.devices": 2}
    now["stages"][stage] |= changed
    expected = ["data.batch_size was 8, is 4", "trainer.devices was 1, is 2"]
    assert Comparison(record, now, place).refused() == (expected if refused else [])


@pytest.mark.parametrize(
    ("place", "more", "refused"),
    [
        (TARGET, {}, False),
        (Place(1, 1, 2, True), {}, True),  # batches that were seen can't be told
        (TARGET, {"trainer.limit_val_batches": 2}, True),
        (TARGET, {"trainer.val_check_interval": 4}, True),
    ],
)
def test_accumulation_differs_only_where_nothing_counts_batches(
    record: dict[str, Any], place: Place, more: dict[str, Any], refused: bool
) -> None:
    before, now = deepcopy(record), deepcopy(record)
    before["settings"] |= more
    now["settings"] |= more | {
        "data.batch_size": 4,
        "trainer.accumulate_grad_batches": 2,
    }
    expected = ["trainer.accumulate_grad_batches was 1, is 2"] if refused else []
    assert Comparison(before, now, place).refused() == expected


def test_a_bound_in_seconds_is_shared_out_by_no_other_processes(
    record: dict[str, Any],
) -> None:
    before, now = deepcopy(record), deepcopy(record)
    for one in (before, now):
        one["settings"]["data.batch_seconds"] = 8.0
    now["settings"] |= {"data.batch_size": 4, "trainer.devices": 2}
    expected = ["data.batch_size was 8, is 4", "trainer.devices was 1, is 2"]
    assert Comparison(before, now, TARGET).refused() == expected


def test_a_concordance_of_smaller_batches_is_another_loss(tmp_path: Path) -> None:
    stages = {"music": Stage(2, schedule="constant", warmup=0.0)}

    def values(batch_size: int) -> EmotionDataModule:
        corpus = Valued(tmp_path / "corpus", takes=16)
        places = {"cache_dir": tmp_path / "cache", "batch_size": batch_size}
        return MusicEmotionDataModule(corpus, task="valence_arousal", **places)

    model = {"task": "values"}
    fit(tmp_path, stages, data=values(16), model=model)
    with pytest.raises(StageError, match="accumulate_grad_batches was 1, is 2"):
        fit(
            tmp_path / "on",
            stages,
            tmp_path / "epoch=0.ckpt",
            values(8),
            model,
            accumulate_grad_batches=2,
        )


@pytest.mark.parametrize(
    ("place", "old", "new", "stage", "refused"),
    [
        (TARGET, 2, 3, {}, False),
        (TARGET, 2, 1, {}, True),
        (TARGET, 2, 3, {"steady": False}, True),
        # Of twelve steps, a warm-up of .3 has four, which the stage has taken.
        (TARGET, 2, 3, {"warmup": 0.3}, False),
        (TARGET, 2, 3, {"warmup": 0.4}, True),
        (TARGET, 2, 2, {"steady": False}, False),  # max_steps that change nothing
        (AGAIN, 2, 3, {}, True),  # it is over
        (SOURCE, 2, 9, {"steady": False}, False),  # it has not begun
    ],
)
def test_a_stage_lasts_longer_only_where_its_rate_is_constant_by_now(
    record: dict[str, Any],
    place: Place,
    old: int,
    new: int,
    stage: dict[str, Any],
    refused: bool,
) -> None:
    before, now = deepcopy(record), deepcopy(record)
    for one, epochs in ((before, old), (now, new)):
        one["settings"]["stages.target.max_epochs"] = epochs
        one["stages"]["target"] |= stage | {"steps_per_epoch": 4, "steps": 4 * epochs}
    now["settings"]["stages.target.max_steps"] = 1000
    phrases = Comparison(before, now, place).refused()
    assert [phrase.split()[0] for phrase in phrases] == (
        [f"stages.target.max_{unit}" for unit in ("epochs", "steps")][old == new :]
        if refused
        else []
    )


def test_a_stage_that_ends_within_an_epoch_does_not_last_longer(
    record: dict[str, Any],
) -> None:
    before, now = deepcopy(record), deepcopy(record)
    for one, steps in ((before, 6), (now, 8)):
        one["settings"]["stages.target.max_steps"] = steps
        one["stages"]["target"] |= {"steps_per_epoch": 4, "steps": steps}
    expected = ["stages.target.max_steps was 6, is 8"]
    assert Comparison(before, now, TARGET).refused() == expected


@pytest.mark.parametrize(
    ("old", "new", "refused"), [(2, 3, False), (2, None, False), (3, 2, True)]
)
def test_patience_may_grow(
    record: dict[str, Any], old: int, new: int | None, refused: bool
) -> None:
    before, now = deepcopy(record), deepcopy(record)
    before["settings"]["stages.target.patience"] = old
    now["settings"]["stages.target.patience"] = new
    assert bool(Comparison(before, now, TARGET).refused()) == refused
    assert Comparison(before, now, AGAIN).refused()  # what is over stays as it was


def test_stages_that_have_not_begun_are_new_or_left_out(record: dict[str, Any]) -> None:
    now = deepcopy(record)
    now["stages"] = {"source": record["stages"]["source"], "song": {}}
    now["settings"]["stages.song.lr"] = 1e-4
    for name in STAGES["target"].__dataclass_fields__:
        del now["settings"][f"stages.target.{name}"]
        del now["settings"][f"stages.again.{name}"]
    comparison = Comparison(record, now, SOURCE)
    assert comparison.refused() == []
    assert comparison.allowed() == [
        "stages.song is new",
        "stages.again is left out",
        "stages.target is left out",
    ]
    expected = ["the order of the stages so far was source, target, is source, song"]
    assert Comparison(record, now, TARGET).refused() == expected


def test_what_no_setting_tells_of_is_refused_too(record: dict[str, Any]) -> None:
    now = deepcopy(record)
    assert len(now["traces"]) == 1 + 2 * 3  # the encoder; roles and parts
    for name in now["traces"]:
        changed = deepcopy(record)
        changed["traces"][name] = "other"
        (phrase,) = Comparison(record, changed, SOURCE).refused()
        assert phrase == f"{name} was {record['traces'][name]}, is other"


class Whispers(Demo):
    """Demo with other clips or labels, by options that it keeps to itself."""

    def __init__(self, channel: Any, missing: int = 0, renamed: bool = False) -> None:
        super().__init__(channel, speakers=6, takes=1)
        self._missing, self._renamed = missing, renamed

    def clips(self) -> list[Clip]:
        clips = super().clips()[self._missing :]
        if self._renamed:
            names = {"happy": "sad", "sad": "happy"}
            clips = [replace(c, label=names.get(str(c.label), c.label)) for c in clips]
        return clips


def of_whispers(**options: Any) -> EmotionDataModule:
    roles: list[Corpus] = [Whispers(one, **options) for one in ("speech", "song")]
    return CrossDomainDataModule(*roles, batch_size=8)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"model": {"lr": 0.5}}, r"model\.lr was 0\.001, is 0\.5: go on with"),
        ({"seed": 3}, r"StageSwitch\.seed was 0, is 3"),
        ({"gradient_clip_val": 0.1}, "gradient_clip_val was None, is 0.1"),
        ({"accumulate_grad_batches": 2}, "accumulate_grad_batches was 1, is 2"),
        ({"data": data_of(batch_size=4)}, "data.batch_size was 8, is 4"),
        ({"data": data_of(fold=1)}, "data.fold was 0, is 1"),
        ({"data": data_of(seed=1)}, "data.seed was 0, is 1"),
        (
            {
                "data": CrossDomainDataModule(
                    *(Demo(one, speakers=6, takes=1) for one in ("song", "speech")),
                    batch_size=8,
                )
            },
            r"data\.source\.channel was speech, is song; data\.target\.channel was",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_trainer_in_python_refuses_too(
    tmp_path: Path, begun: Path, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(StageError, match=sentence):
        fit(tmp_path, STAGES, begun / "epoch=1.ckpt", **options)


def test_other_clips_or_labels_are_refused_though_no_setting_tells(
    tmp_path: Path,
) -> None:
    stages = {"source": Stage(1), "target": Stage(1)}
    fit(tmp_path / "whole", stages, data=of_whispers())
    last = tmp_path / "whole" / "epoch=0.ckpt"
    for options in ({"missing": 1}, {"renamed": True}):
        with pytest.raises(StageError, match=r"digest of the \w+ clips of source was"):
            fit(tmp_path / str(options), stages, last, data=of_whispers(**options))


def test_a_checkpoint_that_says_nothing_is_refused(tmp_path: Path, begun: Path) -> None:
    stored = torch.load(begun / "epoch=1.ckpt", weights_only=True)
    del stored[KEY]
    torch.save(stored, tmp_path / "old.ckpt")
    with pytest.raises(StageError, match="doesn't say what it was made with"):
        fit(tmp_path, STAGES, tmp_path / "old.ckpt")


def same_weights(one: EmotionRecognizer, other: EmotionRecognizer) -> None:
    weights = other.state_dict()
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, weights[name]), name


def test_more_epochs_and_other_later_stages_are_what_is_trained(
    tmp_path: Path, begun: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = Stage(4, schedule="constant", warmup=0.0)
    plan = STAGES | {"target": more, "again": Stage(1, data="target", lr=0.1)}
    whole = fit(tmp_path / "whole", plan)
    for epoch in (0, 1, 2):  # the last of source, and both of target
        place = tmp_path / str(epoch)
        resumed = fit(place, plan, begun / f"epoch={epoch}.ckpt")
        same_weights(whole, resumed)
    steps = torch.load(begun / "epoch=2.ckpt", weights_only=True)["global_step"]
    assert resumed.changes == [
        f"from step {steps} on: {phrase}"
        for phrase in (
            "stages.target.max_epochs was 2, is 4",
            "stages.again.data was source, is target",
            "stages.again.lr was None, is 0.1",
        )
    ]
    # What differed once is told by those that go on from there too.
    again = fit(tmp_path / "twice", plan, place / "epoch=4.ckpt")
    same_weights(whole, again)
    assert again.changes == resumed.changes


def test_a_stage_may_start_from_the_same_checkpoint_elsewhere(
    tmp_path: Path, begun: Path
) -> None:
    first, other = tmp_path / "first.ckpt", tmp_path / "other.ckpt"
    copyfile(begun / "epoch=0.ckpt", first)
    copyfile(first, other)
    plan = {"source": Stage(2, start_from=str(first))}
    whole = fit(tmp_path / "whole", plan)
    last = tmp_path / "whole" / "epoch=0.ckpt"
    plan = {"source": Stage(2, start_from=str(other))}
    same_weights(whole, fit(tmp_path / "moved", plan, last))
    copyfile(begun / "epoch=1.ckpt", other)
    with pytest.raises(StageError, match=r"source\.start_from was a checkpoint of dig"):
        fit(tmp_path / "changed", plan, last)


@pytest.mark.parametrize("last", ["epoch=3.ckpt", "checkpoints/again.ckpt"])
def test_a_finished_run_says_so(
    tmp_path: Path, begun: Path, caplog: pytest.LogCaptureFixture, last: str
) -> None:
    caplog.set_level("INFO")
    resumed = fit(tmp_path, STAGES, begun / last)
    assert "This run is finished: its last stage, 'again', ended" in caplog.text
    stored = torch.load(begun / last, weights_only=True)["state_dict"]
    weights = resumed.state_dict()
    assert all(torch.equal(tensor, weights[name]) for name, tensor in stored.items())
    caplog.clear()
    fit(tmp_path / "rest", STAGES, begun / "epoch=2.ckpt")
    assert "finished" not in caplog.text


def alone(folder: Path, epochs: int, resume: Path | None, lr: float) -> Any:
    torch.manual_seed(0)
    data = data_of()
    model = EmotionRecognizer(
        "tiny", data.classes, lr=lr, schedule="constant", warmup=0.0
    )
    options = QUIET | {"max_epochs": epochs, "logger": False}
    trainer = Trainer(
        default_root_dir=folder,
        callbacks=[KeepAll(folder)],
        enable_checkpointing=False,
        **options,
    )
    trainer.fit(model, data, ckpt_path=resume, weights_only=True)
    return model


def test_a_trainer_without_stages_refuses_and_goes_on_too(tmp_path: Path) -> None:
    whole = alone(tmp_path / "whole", 2, None, 1e-2)
    alone(tmp_path / "part", 1, None, 1e-2)
    last = tmp_path / "part" / "epoch=0.ckpt"
    with pytest.raises(StageError, match=r"model\.lr was 0\.01, is 0\.1: go on"):
        alone(tmp_path / "other", 2, last, 0.1)
    same_weights(whole, alone(tmp_path / "rest", 2, last, 1e-2))
