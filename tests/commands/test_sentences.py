from pathlib import Path

import pytest

from tests.commands.parsing import refusal

DEMO = ["--config", "demo.yaml"]
MANIFEST = ["--data=SpeechEmotionDataModule", "--data.corpus=Manifest"]
MANIFEST += ["--data.corpus.path=labels.csv"]
PROBES = ["--config", "layerwise/demo.yaml"]
FILES = {
    "stages.yaml": "stages:\n  target:\n    max_epochs: x\n",
    "plan.yaml": "source: {max_epochs: 3}\ntarget: {taget: 4}\n",
    "data.yaml": """data:
  class_path: CrossDomainDataModule
  init_args:
    source: {class_path: RAVDESS, init_args: {root: x}}
    taget: {class_path: RAVDESS, init_args: {root: x}}
""",
    "latin.yaml": "lr: st\xfcck\n",
    "linked.yaml": "threads: 1\ndata:\n  init_args: {seed: 3}\n",
}


@pytest.fixture
def files(here: Path) -> Path:
    for name, text in FILES.items():
        (here / name).write_text(text, encoding="latin-1")
    return here


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        # a value of another type
        ([*DEMO, "--model.lr=x"], "model.lr is x: give a number."),
        ([*DEMO, "--model.lr="], "model.lr is empty: give a number."),
        ([*DEMO, "--fad.enabled=maybe"], "fad.enabled is maybe: give true or false."),
        ([*DEMO, "--threads=x"], "threads is x: give a whole number."),
        ([*DEMO, "--threads=0"], "threads is 0: give a whole number from 1 to 1024."),
        (
            [*DEMO, "--seed_everything=x"],
            "seed_everything is x: give true or false or a whole number.",
        ),
        (
            [*DEMO, "--seed_everything=-4"],
            "seed_everything is -4: give a number from 0 to 4294967295.",
        ),
        (
            [*DEMO, "--data.batch_size=1.5"],
            "data.batch_size is 1.5: give a whole number.",
        ),
        (
            [*DEMO, "--stages.target.max_epochs=x"],
            "stages.target.max_epochs is x: give a whole number.",
        ),
        (
            [*DEMO, "--config=stages.yaml"],
            "stages.target.max_epochs is x (stages.yaml, line 3): give a whole number.",
        ),
        ([*DEMO, "--trainer=3"], "trainer is 3: give settings by name, or a file"),
        ([*DEMO, "--stages=[1]"], "stages is [1]: give settings by name, or a file"),
        ([*DEMO, "--model.peft=3"], "give settings by name, such as {r: 16}."),
        (
            [*PROBES, "--model.penalties=0.001"],
            "model.penalties is 0.001: give a list, such as [0.001].",
        ),
        (
            [*MANIFEST, "--data.corpus.scale={low: a, high: 9}"],
            "high': 9}: give a list of numbers, such as [0.1, 1] or numbers by name,",
        ),
        # a word that is none of several
        (
            [*DEMO, "--data.source.channel=songs"],
            "data.source.channel is songs: choose speech or song.",
        ),
        ([*DEMO, "--model.tuning=lorra"], " or fourierft. Did you mean lora?"),
        (
            [*DEMO, "--fad.layers=x"],
            "choose all or mixture, or a whole number, or a list of whole numbers",
        ),
        (
            [*DEMO, "--data.split=foo"],
            "choose official, kfold or leave_one_out, or lists by name: {NAME: [ONE,",
        ),
        # a class of another kind, or none
        (
            [*DEMO, "--data=RAVDESS"],
            "data can't be RAVDESS: choose CrossDomainDataModule, "
            "MusicEmotionDataModule, SpeechEmotionDataModule.",
        ),
        # Other tests may have made corpora of their own.
        ([*DEMO, "--data.source=Demoo"], "source can't be Demoo: choose "),
        ([*DEMO, "--data.source=Demoo"], ". Did you mean Demo?"),
        (
            [*DEMO, "--trainer.callbacks=EarlyStoping"],
            " more. Did you mean EarlyStopping?",
        ),
        # an option that there isn't
        ([*DEMO, "--lr=3"], "no option lr: did you mean model.lr or stages.NAME.lr?"),
        ([*DEMO, "--data.taget=Demo"], "data.taget: did you mean data.target?"),
        (
            [*DEMO, "--config=data.yaml"],
            "There is no option data.taget (data.yaml, line 5): did you mean "
            "data.target?",
        ),
        (
            [*DEMO, "--stages=plan.yaml"],
            "stages.target.taget (plan.yaml, line 2): stages.target has max_epochs, ",
        ),
        ([*DEMO, "--trainer.foo=1"], "trainer has accelerator, strategy, devices, "),
        # an option of another class in that place
        (
            ["--data=SpeechEmotionDataModule", "--data.target=Demo"],
            "There is no option data.target: it is an option of CrossDomainDataModule, "
            "not of SpeechEmotionDataModule.",
        ),
        (
            [*DEMO, "--data.corpus=Demo"],
            "no option data.corpus: it is an option of MusicEmotionDataModule and "
            "SpeechEmotionDataModule, not of CrossDomainDataModule.",
        ),
        (
            ["--data=SpeechEmotionDataModule", "--data.corpos=Demo"],
            "data.corpos: did you mean data.corpus?",
        ),
        (["--data=SpeechEmotionDataModule", "--data.foo=1"], "data has corpus, roles,"),
        (["demo.yaml"], "A config follows --config: say --config "),
        (["--confg", "demo.yaml"], "no option confg: did you mean config?"),
        # what is missing
        ([], "Which data? Give --config, such as demo.yaml, or --data CLASS."),
        (["--data=CrossDomainDataModule", "--data.source=Demo"], "data.target must be"),
        ([*DEMO, "--threads"], "--threads needs a value."),
        ([*DEMO, "--config", "no.yaml"], "no.yaml: config would read it."),
        ([*DEMO, "--model=no.yaml"], "There is no file no.yaml: model would read it."),
        # YAML that is none
        ([*DEMO, "--model.peft={r:16}"], "{r:16} lacks a space: write {r: 16}."),
        (
            [*DEMO, "--stages={source: ["],
            ": a value is missing, or a bracket is",
        ),
        ([*DEMO, "--model=latin.yaml"], "latin.yaml, line 1: that is no text in UTF-8"),
        (
            [*DEMO, "--stages=latin.yaml"],
            "latin.yaml, line 1: that is no text in UTF-8",
        ),
        # what stands for many runs
        (
            [*DEMO, "--config=paper/demo.yaml"],
            "demo.yaml, line 2) lists choices, and fit",
        ),
        # what follows from something else
        ([*DEMO, "--data.seed=3"], "data.seed follows from seed_everything and can't"),
        ([*DEMO, "--data.init_args.seed=3"], "data.seed follows from seed_everything"),
        ([*DEMO, "--config=linked.yaml"], "data.seed (linked.yaml, line 3) follows"),
        ([*DEMO, "--model.classes=[a]"], "model.classes follows from data.task"),
        ([*PROBES, "--model.seed=3"], "model.seed follows from seed_everything"),
        # what is learnt
        ([*DEMO, "--data.task=Valus"], "a class with options of its own, Classes or"),
        ([*DEMO, "--data.task=Values", "--data.task.los=mse"], "mean data.task.loss?"),
        (
            [*DEMO, "--data.task={class_path: Values, init_args: {loss: mae}}"],
            "data.task.loss is mae: choose ccc or mse",
        ),
        # stages of frozen encoders
        (
            [*PROBES, "--config", "stages/gain.yaml"],
            "LayerwiseProbes keep the encoder frozen and know no stages (",
        ),
        (["--config", "strategies/full.yaml", *PROBES], "know no model.tuning ("),
        ([*PROBES, "--model.tuning=lora"], "know no model.tuning: take it out, or"),
    ],
)
def test_what_is_wrong_is_one_sentence_with_its_place(
    typed: list[str], sentence: str, files: Path
) -> None:
    assert sentence in refusal(["fit", *typed])


@pytest.mark.parametrize(
    "typed",
    [
        DEMO,
        PROBES,
        [*DEMO, "--stages=good.yaml", "--name=[/red]"],
        [*DEMO, "--data.labels=four"],
        [*MANIFEST, "--data.corpus.scale={low: 1, high: 9}"],
        [*DEMO, "--data.task={high: [happy, Q1], low: [sad]}"],
        [*DEMO, "--data.task=valence_arousal_dominance"],
        [*DEMO, "--data.task=Values", "--data.task.weights={valence: 2, arousal: 1}"],
        [*DEMO, "--data.task=Classes", "--data.task.margin=0.2"],
        [*DEMO, "--data.task=Classes", "--data.task.midline=drop"],
        [*DEMO, "--data.task={class_path: Values, init_args: {outputs: [arousal]}}"],
    ],
)
def test_what_is_right_is_not_refused(typed: list[str], here: Path) -> None:
    (here / "good.yaml").write_text("source: {max_epochs: 3}\n")
    assert refusal(["fit", *typed]) == ""
