from pathlib import Path

import pytest

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
    ],
)
def test_the_class_of_the_model_decides(
    typed: list[str], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "plain.yaml").write_text("model: {encoder: tiny}\n")
    (here / "probes.yaml").write_text("model: {class_path: LayerwiseProbes}\n")
    (here / "nested.yaml").write_text("fit: {model: {class_path: LayerwiseProbes}}\n")
    (here / "short.yaml").write_text("model: LayerwiseProbes\n")
    assert choose_experiment(["fit", *typed]) is Layerwise


@pytest.mark.parametrize(
    "typed",
    [
        [],
        ["--model", "plain.yaml"],
        ["--config"],
        ["--config", "nowhere.yaml"],
        ["--config", "broken.yaml"],
        ["--config", "plain.yaml", "--model.encoder", "LayerwiseProbes"],
    ],
)
def test_recognition_needs_no_class(typed: list[str], here: Path) -> None:
    (here / "plain.yaml").write_text("model: {encoder: tiny}\n")
    (here / "broken.yaml").write_text("model: {encoder")
    assert choose_experiment(["fit", *typed]) is Recognition


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        (["fit", "--model=LayerwiseProbe"], "no model LayerwiseProbe: choose Layerw"),
        (["fit", "--model=nowhere.Probes"], "no model Probes"),
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
