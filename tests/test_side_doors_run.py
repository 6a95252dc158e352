"""No way round leads weights to a judge that they know, on the command line."""

import csv
from pathlib import Path
from shutil import copyfile, copytree

import pytest
from matplotlib.figure import Figure

from crossemo.corpora.demo import Demo
from crossemo.data.marks import Mark
from crossemo.recognizer import EmotionRecognizer
from tests.shell import briefly, corpora, results, run

FEWER = "{train: [demo/03], val: [demo/02], test: [demo/01]}"
OTHER_FOLDS = (1, 3)  # whose test clips fold 0 is chosen by, and is trained on


def demo(*typed: object, encoder: Path, takes: int = 1) -> list[str]:
    """Return what trains one short stage on little of the demo."""
    few = [f"--data.{role}.takes={takes}" for role in ("source", "target")]
    quick = ["--trainer.limit_train_batches=1", "--fad.enabled=false"]
    return [*briefly(encoder, "demo.yaml"), *few, *quick, *map(str, typed)]


def probes(encoder: Path) -> list[str]:
    """Return what probes an encoder on little of the demo."""
    few = [f"--data.{role}.takes=1" for role in ("source", "target")]
    words = ["--config=layerwise/demo.yaml", f"--model.encoder={encoder}"]
    return [
        *words,
        *few,
        "--model.references=[]",
        "--trainer.enable_progress_bar=false",
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def first(folder: Path, wav2vec2: Path) -> Path:
    """The checkpoint of a run on fold 0, whose whole encoder was trained."""
    return checkpoint(folder, "first", encoder=wav2vec2)


@pytest.fixture(scope="module")
def encoder(folder: Path, first: Path) -> Path:
    """Its encoder, as transformers saves it."""
    model = EmotionRecognizer.load_from_checkpoint(first)
    model.encoder.model.save_pretrained(folder / "encoder")
    return folder / "encoder"


def checkpoint(folder: Path, name: str, *typed: object, encoder: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        words = demo(f"--name={name}", *typed, encoder=encoder)
        run("fit", *words, monkeypatch=patch)
    return folder / "logs" / name / "version_0" / "checkpoints" / "target.ckpt"


def refusal(*typed: object, monkeypatch: pytest.MonkeyPatch) -> str:
    with pytest.raises(SystemExit) as ended:
        run(*typed, monkeypatch=monkeypatch)
    assert not list(Path("logs").glob("*/version_*/*.csv"))
    return str(ended.value)


@pytest.mark.parametrize("between", ["nothing", "other corpus and fewer speakers"])
def test_a_checkpoint(
    between: str,
    first: Path,
    folder: Path,
    here: Path,
    ravdess: Path,
    wav2vec2: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    last = first
    if between != "nothing":
        other = ["--data.source=RAVDESS", "--data.target=RAVDESS", *corpora(ravdess)]
        for name, typed in (
            ("other", [*other, "--data.target.channel=song"]),
            ("fewer", [f"--data.split={FEWER}"]),
        ):
            start = f"--stages.source.start_from={last}"
            last = checkpoint(folder, name, start, *typed, encoder=wav2vec2)
    for fold in OTHER_FOLDS:
        words = demo(f"--data.fold={fold}", encoder=wav2vec2)
        sentence = f"crossemo: The weights have seen demo/0{fold + 1}"
        for typed in (
            ["test", *words, f"--ckpt_path={last}"],
            ["fit", *words, f"--stages.target.start_from={last}"],
        ):
            assert refusal(*typed, monkeypatch=monkeypatch).startswith(sentence)
    run("test", *demo(encoder=wav2vec2), f"--ckpt_path={last}", monkeypatch=monkeypatch)


def test_an_encoder(encoder: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for fold in OTHER_FOLDS:
        sentence = f"crossemo: The weights have seen demo/0{fold + 1}"
        words = demo(f"--data.fold={fold}", encoder=encoder)
        assert refusal("fit", *words, monkeypatch=monkeypatch).startswith(sentence)
    probing = [*probes(encoder), "--model.folds=[1]"]
    said = refusal("fit", *probing, monkeypatch=monkeypatch)
    assert said.startswith("crossemo: The weights have seen demo/02, demo/08 and 24")
    run("fit", *probes(encoder), "--model.folds=[0]", monkeypatch=monkeypatch)
    (whole,) = here.glob("logs/demo_layers/*/results.json")
    assert "leak" not in results(whole.parent)


def test_copies_under_other_names(
    first: Path,
    encoder: Path,
    wav2vec2: Path,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for clip in [*Demo("speech", takes=1).clips(), *Demo("song", takes=1).clips()]:
        channel, speaker, emotion, _ = clip.path.stem.split("-")
        home = here / ("copies" if channel == "speech" else "songs")
        copy = home / emotion / f"of{speaker}" / clip.path.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copyfile(clip.path, copy)
    split = "{train: [of06, of09], val: [of07], test: [of%s]}"
    words = [
        "--data=SpeechEmotionDataModule",
        "--data.corpus=crossemo.corpora.folders.Folders",
        f"--data.corpus.root={here / 'copies'}",
        f"--model.encoder={wav2vec2}",
        "--model.tuning=full",
        f"--ckpt_path={first}",
        "--stages={source: {}, target: {}}",  # whose state the checkpoint holds
    ]
    for speaker, seen in (("02", True), ("04", True), ("01", False)):
        typed = ["test", *words, f"--data.split={split % speaker}"]
        if seen:
            said = refusal(*typed, monkeypatch=monkeypatch)
            assert said.startswith("crossemo: The weights have seen 6 files in train")
        else:
            run(*typed, monkeypatch=monkeypatch)
    measuring = ["fad", here / "copies", here / "songs", "--layers=0"]
    run(*measuring, f"--encoder={encoder}", monkeypatch=monkeypatch)
    assert "encoder has seen 42 files of copies in training" in caplog.text
    assert "encoder has seen 42 files of songs in training" in caplog.text


def test_an_allowed_leak_is_marked_wherever_a_score_stands(
    first: Path,
    encoder: Path,
    wav2vec2: Path,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    marks: list[str] = []

    def drawn(figure: Figure, mark: Mark) -> None:
        if not figure.get_suptitle().endswith("Layer weights"):  # those are no scores
            marks.append(mark.leak)

    for module in ("style", "judgement_figures", "layerwise_figures"):
        monkeypatch.setattr(f"crossemo.report.{module}.mark_figure", drawn)
    allowed = ["--model.allow_leak=true", "--data.fold=1"]
    shown = ["--fad.enabled=true", "--figures=true"]
    words = [*demo(encoder=wav2vec2), *allowed, *shown]
    mark = "LEAK, no fair score: the weights have seen"
    for command in ("test", "predict", "validate"):
        typed = [f"--ckpt_path={first}", f"--name={command}"]
        run(command, *words, *typed, monkeypatch=monkeypatch)
        part = (
            "val clips of demo/03" if command == "validate" else "test clips of demo/02"
        )
        assert f"{mark} {part}" in " ".join(capsys.readouterr().out.split())
    probing = [*probes(encoder), "--model.folds=[1]", "--name=probes", allowed[0]]
    run("fit", *probing, monkeypatch=monkeypatch)
    assert mark in " ".join(capsys.readouterr().out.split())
    assert len(marks) > 12
    assert all(one.startswith(mark) for one in marks)
    logs = {path.parent.name: path for path in here.glob("logs/*/*_0")}
    for command, names in {
        "test": ["fad", "similarity"],
        "predict": ["predictions"],
        "validate": ["fad", "similarity"],
        "probes": ["layer_similarity", "layers"],
    }.items():
        for name in names:
            with (logs[command] / f"{name}.csv").open() as file:
                rows = list(csv.DictReader(file))
            assert rows
            assert all(row["leak"].startswith(mark) for row in rows), name
    for command in ("test", "validate"):
        header = (logs[command] / "metrics.csv").read_text().splitlines()[0]
        assert {n.partition("_")[0] for n in header.split(",") if "/" in n} == {"leak"}
    assert results(logs["test"])["stages"]["test"]["leak"].startswith(mark)
    for command in ("validate", "predict", "probes"):  # without stages
        assert results(logs[command])["leak"].startswith(mark)
    copytree(logs["probes"], here / "again")
    run("compare", logs["probes"], here / "again", monkeypatch=monkeypatch)
    assert mark in " ".join(capsys.readouterr().out.split())
    with (here / "logs" / "compare" / "version_0" / "layers.csv").open() as file:
        assert all(mark in row["leak"] for row in csv.DictReader(file))
