from typing import Any

import pytest
import yaml

from crossemo.corpora import corpus_classes
from crossemo.encoders import EncoderError
from crossemo.encoders.training_records import (
    FILE,
    TrainingRecord,
    records_on,
    training_records,
)

SEED = "emotion2vec/emotion2vec_plus_seed"


def test_every_record_names_a_corpus_and_a_source() -> None:
    content = yaml.safe_load(FILE.read_text("utf-8"))
    for repository in content:
        owner, _, name = repository.partition("/")
        assert owner
        assert name
        for record in training_records(repository):
            assert record.corpus == record.corpus.casefold()
            assert record.source.startswith("https://")


def test_records_are_of_the_corpora_that_clips_are_of() -> None:
    own = [one for one in training_records(SEED) if one.how == "fine-tuned"]
    assert len(own) == 32  # of EmoBox, besides those of the weights it began from
    names = {kind.name for kind in corpus_classes().values() if hasattr(kind, "name")}
    heard = {one.corpus for one in own}
    assert {"ravdess", "iemocap", "crema-d", "emo-db"} <= heard
    assert {"iemocap", "crema-d", "emo-db"} <= names  # as crossemo calls them
    assert [one.corpus for one in records_on([SEED], ["ravdess/03-01"])] == ["ravdess"]
    both = records_on([SEED.upper(), SEED], ["demo/ravdess", "iemocap/a"])
    assert [(one.corpus, one.how) for one in both] == [
        ("iemocap", "pretrained"),  # of the weights that they began from
        ("iemocap", "fine-tuned"),
    ]
    assert records_on(["owner/other"], ["ravdess/03-01"]) == []
    for name in ("EmoDB", "EMO_DB", "emo db"):  # of somebody's own folder
        assert [one.corpus for one in records_on([SEED], [f"{name}/a"])] == ["emo-db"]
    assert records_on([SEED], ["emo/db"]) == []
    # Of another size than base, which therefore isn't what it began from.
    large = records_on(["emotion2vec/emotion2vec_plus_large"], ["iemocap/a"])
    assert [one.how for one in large] == ["fine-tuned"]
    assert "RAVDESS" in corpus_classes()  # which the names of clips begin with


@pytest.mark.parametrize(
    "fields",
    [
        {"corpus": "x", "how": "tuned", "source": "https://a"},
        {"corpus": "x", "how": "fine-tuned", "source": "somebody"},
        {"corpus": 3, "how": "pretrained", "source": "https://a"},
    ],
)
def test_what_is_no_record_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(EncoderError, match="is no record of a training: it names a"):
        TrainingRecord(**fields)
