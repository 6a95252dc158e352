from pathlib import Path

import pytest

from crossemo.commands.all_folds import grid_words, wants_all_folds

CONFIGS = {
    "all.yaml": "data: {class_path: D, init_args: {fold: all}}",
    "fit.yaml": "fit: {data: {init_args: {fold: all}}}",
    "one.yaml": "data: {init_args: {fold: 1}}",
    "none.yaml": "data: {init_args: {task: all}}",
    "name.yaml": "data: SpeechEmotionDataModule\nfit: {}",
}
WANTED = [
    "--data.fold=all",
    "--data.fold all",
    "--data.init_args.fold=all",
    "--config all.yaml",
    "--config=fit.yaml",
    "-c=one.yaml --data.fold=all",
    "--config=one.yaml --config=all.yaml",
    "--config all.yaml --config none.yaml",
    "--data.fold=1 --data.fold=all",
]
OTHERS = [
    "",
    "--data.fold=1",
    "--config one.yaml",
    "--config none.yaml --config name.yaml",
    "--config all.yaml --data.fold=1",
    "--config all.yaml --config one.yaml",
    "--config nowhere.yaml",
    "--data.task=all",
    "--data.fold",
]


@pytest.fixture
def configs(here: Path) -> None:
    for name, text in CONFIGS.items():
        (here / name).write_text(text)


@pytest.mark.parametrize("typed", [*WANTED, *OTHERS])
def test_what_says_all_last_is_of_all_folds(typed: str, configs: None) -> None:
    assert wants_all_folds(["fit", *typed.split()]) == (typed in WANTED)
    assert not wants_all_folds(["test", *typed.split()])


def test_its_grid_has_the_name_that_the_fit_had() -> None:
    words = ["--config=a/x.yaml", "-c", "y.yaml", "--data.fold=all"]
    more = ["--name=x-y", "--cross-validation"]
    assert grid_words(["fit", *words]) == [*words, *more]
    named = ["--config=x.yaml", "--name", "mine", "--data.fold=all"]
    assert grid_words(["fit", *named]) == [*named, "--cross-validation"]
