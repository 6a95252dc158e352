"""By which folds a model is judged that has seen some of the clips, or none."""

import logging
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from crossemo.data.batch import Batch
from crossemo.data.datamodule import EmotionDataModule
from crossemo.data.marks import NO_MARK
from crossemo.data.provenance import NOTHING, LeakError, Material, Provenance
from crossemo.data.windows import Window
from crossemo.encoders import EncoderFacts, training_records
from crossemo.encoders.exposure import mark_of
from crossemo.judging.candidate import Candidate
from crossemo.judging.judged_folds import JudgedFold, judged_folds
from tests.stages.side_doors import data_of


class Theirs(Candidate):
    """A model of which only what it has seen matters."""

    def __init__(self, seen: Provenance = NOTHING, repository: str = "") -> None:
        facts, names = EncoderFacts(16_000, 400), (repository,)
        super().__init__(
            "theirs", nn.Linear(1, 2), ("happy", "sad"), facts, names, seen
        )

    def batches(self, data: EmotionDataModule, role: str) -> list[list[Window]]:
        return [data.dataset(role, "test").windows()]

    def __call__(self, batch: Batch) -> Tensor:
        return torch.zeros(len(batch.lengths), 2)

    def describe(self) -> dict[str, object]:
        return {}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> EmotionDataModule:
    """Fold k of six tests singer k and chooses by the next."""
    return data_of(tmp_path_factory.mktemp("data") / "tones", fold=2)


def seen(*singers: int) -> Theirs:
    groups = frozenset(f"tones/{singer}" for singer in singers)
    return Theirs(Provenance(Material(groups), NOTHING.val))


def singers_of(folds: list[JudgedFold]) -> list[set[str]]:
    return [set(one.data.dataset("speech", "test").units) for one in folds]


def test_what_was_not_trained_here_is_judged_by_every_clip_once(
    data: EmotionDataModule,
) -> None:
    for wanted in (None, "all"):
        folds = judged_folds(Theirs(), data, wanted)
        assert singers_of(folds) == [{f"tones/{singer}"} for singer in range(6)]
        assert [one.name for one in folds] == [f"fold {n}" for n in range(6)]
        assert {one.mark for one in folds} == {NO_MARK}
    assert singers_of(judged_folds(Theirs(), data, 2)) == [{"tones/2"}]
    assert data.settings["fold"] == 2  # as before


def test_what_was_trained_here_is_judged_by_what_it_has_not_seen(
    data: EmotionDataModule, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        folds = judged_folds(seen(0, 1, 3, 4, 5), data, None)
    assert singers_of(folds) == [{"tones/2"}]
    assert "theirs has seen test clips of fold 0, fold 1, fold 3, fold 4" in caplog.text
    assert singers_of(judged_folds(seen(0, 1), data, 2)) == [{"tones/2"}]


def test_seen_clips_judge_only_where_that_is_allowed(data: EmotionDataModule) -> None:
    fair = "take fold 2, fold 3, fold 4 or fold 5"
    with pytest.raises(LeakError, match=rf"theirs have seen .*tones/.*{fair}"):
        judged_folds(seen(0, 1), data, "all")
    with pytest.raises(LeakError, match=r"fold 1 judges by them: take the fold of its"):
        judged_folds(seen(0, 1), data, 1)
    with pytest.raises(LeakError, match="fold 0 judges by them: take the fold of its"):
        judged_folds(seen(*range(6)), data, None)
    folds = judged_folds(seen(0, 1), data, None, allow_leak=True)
    assert [bool(one.mark) for one in folds] == [True, True] + 4 * [False]
    assert folds[1].mark.leak == (
        "LEAK, no fair score: the weights have seen test clips of tones/1"
    )


def test_a_corpus_that_published_weights_have_heard_is_named(
    data: EmotionDataModule,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = tmp_path / "trained_on.yaml"
    source = "https://example.org/card"
    path.write_text(
        f"Owner/tuned:\n- {{corpus: tones, how: fine-tuned, source: {source}}}\n"
        f"owner/heard:\n- {{corpus: tones, how: pretrained, source: {source}}}\n"
        f"- {{corpus: others, how: fine-tuned, source: {source}}}\n"
    )
    monkeypatch.setattr(training_records, "FILE", path)
    (tuned,) = judged_folds(Theirs(repository="owner/Tuned"), data, 0)
    told = f"fine-tuned on tones ({source})"
    assert tuned.mark.leak == f"LEAK, no fair score: the model was {told}"
    assert f"theirs was {told}, which it is judged on" in caplog.text
    (heard,) = judged_folds(Theirs(repository="owner/heard"), data, 0)
    assert heard.mark.columns == {
        "pretraining": f"the encoder was pretrained on tones ({source})"
    }
    with pytest.raises(LeakError, match=r"theirs was pretrained on tones .* leave out"):
        judged_folds(Theirs(repository="owner/heard"), data, 0, strict=True)
    assert not mark_of([heard.exposure.on(["others/1"])])
    assert mark_of([heard.exposure.on(["others/1", "tones/1"])]) == heard.mark
    assert [str(one) for one in heard.records] == [f"pretrained on tones ({source})"]
    (other,) = judged_folds(Theirs(repository="owner/other"), data, 0)
    assert other.records == ()
    judged_folds(Theirs(repository="owner/other"), data, 0, strict=True)
    # What weights began from counts, however many runs of ours came between.
    begun = Theirs(Provenance(repositories=frozenset({"owner/tuned"})))
    assert judged_folds(begun, data, 0)[0].mark == tuned.mark
