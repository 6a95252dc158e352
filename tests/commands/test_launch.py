import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from lightning import Trainer
from lightning.pytorch.utilities.exceptions import SIGTERMException

from crossemo.commands import launch as launching
from crossemo.commands.launch import choose_experiment, shipped_config
from crossemo.commands.layerwise import Layerwise
from crossemo.commands.recognition import Recognition
from crossemo.errors import CrossEmoError
from crossemo.probes import LayerwiseProbes


class Subclass(LayerwiseProbes):
    pass


@pytest.mark.parametrize(
    "typed",
    [
        ["--model=LayerwiseProbes"],
        ["--model", "crossemo.LayerwiseProbes"],
        ["--model.class_path", "crossemo.probes.LayerwiseProbes"],
        ["--model", f"{__name__}.Subclass", "--model.encoder", "tiny"],
        ["-c", "probes.yaml"],
        ["--config=probes.yaml", "--trainer.max_epochs", "-1"],
        ["--config", "plain.yaml", "--config", "probes.yaml"],
        ["--config", "probes.yaml", "--config", "plain.yaml"],
        ["--config", "nested.yaml"],
        ["--config", "short.yaml"],
        ["--config", "sub/named.yaml"],
        ["--model", "sub/settings.yaml"],
    ],
)
def test_the_class_of_the_model_decides(
    typed: list[str], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "plain.yaml").write_text("model: {encoder: tiny}\n")
    (here / "probes.yaml").write_text("model: {class_path: LayerwiseProbes}\n")
    (here / "nested.yaml").write_text("fit: {model: {class_path: LayerwiseProbes}}\n")
    (here / "short.yaml").write_text("model: LayerwiseProbes\n")
    (here / "sub").mkdir()
    (here / "sub" / "named.yaml").write_text("model: settings.yaml\n")
    (here / "sub" / "settings.yaml").write_text("class_path: LayerwiseProbes\n")
    assert choose_experiment(["fit", *typed]) is Layerwise


@pytest.mark.parametrize(
    "typed",
    [
        [],
        ["--model", "plain.yaml"],
        ["--config"],
        ["--config", "nowhere.yaml"],
        ["--config", "absent.yaml"],
        ["--config", "plain.yaml", "--model.encoder", "LayerwiseProbes"],
    ],
)
def test_recognition_needs_no_class(typed: list[str], here: Path) -> None:
    (here / "plain.yaml").write_text("model: {encoder: tiny}\n")
    assert choose_experiment(["fit", *typed]) is Recognition


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        (["fit", "--model=LayerwiseProbe"], "no model LayerwiseProbe: choose Layerw"),
        (["fit", "--model=nowhere.Probes"], "no model Probes"),
        (["fit", "--model=..Probes"], "no model Probes"),
        (["fit", "--model=crossemo.Stage"], "no model Stage"),
        (["test", "--model=LayerwiseProbes"], "judged at the end of fit"),
    ],
)
def test_what_can_t_be_run_is_said(typed: list[str], answer: str) -> None:
    with pytest.raises(CrossEmoError, match=answer):
        choose_experiment(typed)


def test_a_config_of_ours_is_found_unless_one_lies_here(here: Path) -> None:
    assert Path(shipped_config("demo.yaml")).is_file()
    assert shipped_config("--config=layerwise/demo.yaml").endswith(
        "configs/layerwise/demo.yaml"
    )
    assert Path(shipped_config("configs/demo.yaml")).is_absolute()
    assert shipped_config("nowhere.yaml") == "nowhere.yaml"
    (here / "demo.yaml").touch()
    assert shipped_config("demo.yaml") == "demo.yaml"


def begin(run: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a command do nothing but this."""

    class Run(Recognition):
        def __init__(self, *given: object, **options: object) -> None:
            run()

    monkeypatch.setattr(sys, "argv", ["lightning"])
    monkeypatch.setattr(launching, "choose_experiment", lambda typed: Run)


def interrupted() -> None:
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        sys.exit(1)  # as Lightning does


def terminated() -> None:
    raise SIGTERMException


@pytest.mark.parametrize(
    ("run", "status"),
    [(terminated, 143), (interrupted, 130), (sys.exit, None), (lambda: sys.exit(1), 1)],
    ids=["SIGTERM", "Ctrl-C", "requeued", "other"],
)
def test_the_status_tells_which_signal_ended_a_run(
    run: Callable[[], None], status: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(run, monkeypatch)
    with pytest.raises(SystemExit) as exit:
        launching.launch(["fit"])
    assert exit.value.code == status


@pytest.mark.parametrize(
    ("run", "kind", "sentence"),
    [
        (
            lambda: Trainer(barebones=True, profiler="simple"),
            CrossEmoError,
            "Profiling",
        ),
        (lambda: int("x"), ValueError, "invalid literal"),
    ],
    ids=["Lightning", "other"],
)
def test_what_lightning_itself_refuses_is_a_sentence(
    run: Callable[[], object],
    kind: type[ValueError],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begin(run, monkeypatch)
    with pytest.raises(ValueError, match=sentence) as error:
        launching.launch(["fit"])
    assert type(error.value) is kind
