"""Weights are never judged by what they saw, whatever its unit is called there."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch.loggers import CSVLogger
from matplotlib.figure import Figure

from crossemo.callbacks.results import Results
from crossemo.callbacks.writers import PredictionWriter
from crossemo.corpora.base import PARTS, Clip, Corpus, Part
from crossemo.data.datamodule import EmotionDataModule
from crossemo.data.datamodules import CrossDomainDataModule
from crossemo.data.examples import Example
from crossemo.data.provenance import LeakError, Material, Provenance, leaks_of
from crossemo.data.splits import SplitScheme
from crossemo.encoders import training_records
from crossemo.report.tables import place_names
from tests.data.modules import ready
from tests.data.tones import Tones
from tests.shell import results
from tests.stages.side_doors import LABELS, recogniser, trainer


class Songs(Tones):
    """Songs by artists who sing two each, in the parts of the authors.

    Args:
        root: Where the files lie.
        publisher: Whose list it is: the same files have other names and groups in it.
    """

    folds = ()

    def __init__(self, root: Path, publisher: str) -> None:
        super().__init__(root, emotions=["happy", "sad"])
        self.name = self.publisher = publisher

    def clips(self) -> list[Clip]:
        clips = []
        for clip in super().clips():
            song = int(clip.groups[0].rpartition("/")[2])
            groups = (f"{self.publisher}/{song}", f"{self.publisher}/by {song // 2}")
            name = f"{self.publisher}/{clip.path.stem}"
            part = PARTS[song % 3]
            clips.append(replace(clip, id=name, groups=groups, part=part))
        return clips


def data_of(
    root: Path, publishers: str, split: SplitScheme, fold: int = 0
) -> EmotionDataModule:
    roles = {name: Songs(root, name) for name in publishers}
    labels = {"happy": ["happy"], "sad": ["sad"]}
    return ready(
        EmotionDataModule(
            dict(roles), labels, split=split, fold=fold, folds=3, cache_dir=root
        )
    )


def refused(began: EmotionDataModule, judging: EmotionDataModule) -> bool:
    # By groups alone, as the contents of files would give it away.
    train, val = (Material(frozenset(began.groups(part))) for part in PARTS[:2])
    judged: dict[Part, list[Example]] = {
        part: [
            one
            for role in judging.roles
            for one in judging.dataset(role, part).examples
        ]
        for part in PARTS[1:]
    }
    try:
        leaks_of(Provenance(train, val), judged, allowed=False)
    except LeakError:
        return True
    return False


def keys(data: EmotionDataModule, *parts: str) -> set[str]:
    datasets = [data.dataset(role, part) for role in data.roles for part in PARTS]
    places = [part for _ in data.roles for part in PARTS]
    return {
        key
        for one, part in zip(datasets, places, strict=True)
        if part in parts
        for key in one.keys
    }


@pytest.mark.parametrize("fold", range(3))
@pytest.mark.parametrize(
    ("began", "judging"),
    [
        (("b", "kfold"), ("ab", "kfold")),  # units take the names of a
        (("a", "official"), ("a", "kfold")),  # songs, then artists
        (("a", "kfold"), ("a", "official")),  # artists, then songs
        (("b", "official"), ("ab", "kfold")),
    ],
)
def test_what_was_seen_is_never_judged(
    tmp_path: Path,
    began: tuple[str, SplitScheme],
    judging: tuple[str, SplitScheme],
    fold: int,
) -> None:
    first, second = data_of(tmp_path, *began), data_of(tmp_path, *judging, fold)
    seen = keys(first, "train", "val") & keys(second, "test")
    seen |= keys(first, "train") & keys(second, "val")
    assert refused(first, second) or not seen


@pytest.mark.parametrize("split", ["official", "kfold"])
def test_a_run_may_judge_its_weights(tmp_path: Path, split: SplitScheme) -> None:
    data = data_of(tmp_path, "a", split)
    assert not refused(data, data)
    artists = [{g for g in data.groups(part) if "by" in g} for part in PARTS]
    cut = set.intersection(*artists) if split == "official" else set()
    ties = {g for one in data.dataset("a", "test").examples for g in one.ties}
    assert not ties & cut  # the authors' own cut is not held against it
    assert refused(data, data_of(tmp_path, "a", "kfold", fold=1))


def three_corpora(root: Path) -> EmotionDataModule:
    """Two corpora of speech, and one of music."""
    speech: list[Corpus] = [Songs(root / name, name) for name in ("tones", "choir")]
    other = Songs(root / "others", "others")
    other.domain = "music"
    options: dict[str, Any] = {"labels": LABELS, "folds": 3, "split": "kfold"}
    return ready(CrossDomainDataModule(speech, other, cache_dir=root, **options))


def test_a_training_of_others_marks_the_scores_of_its_corpus_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "https://example.org/card"
    path = tmp_path / "trained_on.yaml"
    path.write_text(
        f"owner/tuned:\n- {{corpus: tones, how: fine-tuned, source: {source}}}\n"
        f"- {{corpus: choir, how: pretrained, source: {source}}}\n"
    )
    monkeypatch.setattr(training_records, "FILE", path)
    figures: dict[str, Figure] = {}
    monkeypatch.setattr(
        "crossemo.callbacks.results.add_figure",
        lambda trainer, tag, figure, step: figures.update({tag: figure}),
    )
    data = three_corpora(tmp_path)
    model = recogniser("tiny")
    model.encoder.provenance = Provenance(repositories=frozenset({"owner/tuned"}))
    run = trainer(callbacks=[Results(), PredictionWriter()], logger=CSVLogger(tmp_path))
    run.test(model, data, verbose=False)
    folder = Path(str(run.log_dir))

    leak = f"LEAK, no fair score: the model was fine-tuned on tones ({source})"
    sound = f"the encoder was pretrained on choir ({source})"
    marks = {
        "source": (leak, sound),
        "source/tones": (leak, ""),
        "source/choir": ("", sound),
        "target": ("", ""),
    }
    content = results(folder)
    test = content["stages"]["test"]
    assert (test["leak"], test["pretraining"]) == (leak, sound)  # of the run
    assert {
        place: (one["leak"], one["pretraining"])
        for place, one in test["scores"].items()
    } == marks
    shown = ["test (LEAK)", "test (LEAK)", "test†", "test"]
    assert [place_names(content, "test", place)[0] for place in marks] == shown
    with (folder / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {(row["corpus"], row["leak"], row["pretraining"]) for row in rows} == {
        ("tones", leak, ""),
        ("choir", "", sound),
        ("others", "", ""),
    }
    for place, signed in zip(marks, ("tiny‡", "tiny‡", "tiny†", "tiny"), strict=True):
        title = figures[f"confusion/test/{place}"].get_suptitle()
        assert f"{signed}: UA" in title
        assert ("fine-tuned on tones" in title) == bool(marks[place][0])
    of_leak = {"leak_test/source", "leak_test/source/tones"}
    scored = {name.rpartition("/")[0] for name in run.callback_metrics}
    scored = {name for name in scored if "_recall" not in name}
    assert {name for name in scored if name.startswith("leak_")} == of_leak
    assert {"test/target", "test/source/choir"} <= scored


def test_seen_clips_mark_the_scores_of_their_corpus_alone(tmp_path: Path) -> None:
    data = three_corpora(tmp_path)
    seen = {
        one.unit
        for one in data.dataset("source", "test").examples
        if one.corpus == "choir"
    }
    model = recogniser("tiny", allow_leak=True)
    model.provenance = Provenance(Material(frozenset(seen)))
    run = trainer(callbacks=[Results(), PredictionWriter()], logger=CSVLogger(tmp_path))
    run.test(model, data, verbose=False)
    folder = Path(str(run.log_dir))
    leak = "LEAK, no fair score: the weights have seen test clips of "
    leak += ", ".join(sorted(seen))
    test = results(folder)["stages"]["test"]
    assert test["leak"] == leak
    assert {place: one["leak"] for place, one in test["scores"].items()} == {
        "source": leak,
        "source/tones": "",
        "source/choir": leak,
        "target": "",
    }
    with (folder / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {(row["corpus"], row["leak"]) for row in rows} == {
        ("tones", ""),
        ("choir", leak),
        ("others", ""),
    }
