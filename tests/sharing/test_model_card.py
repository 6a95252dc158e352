from dataclasses import replace
from typing import Any

import pytest
from huggingface_hub import ModelCard

from crossemo.corpora import class_of, corpus_classes
from crossemo.data.provenance import Material, Provenance
from crossemo.encoders.catalogue import CATALOGUE
from crossemo.sharing.licences import UNKNOWN, Part, conditions, parts_of, strictest
from crossemo.sharing.model_card import model_card
from crossemo.sharing.model_facts import ModelFacts

# Made by crossemo or by its users, who know their licences themselves.
OF_ONE_S_OWN = {"Folders", "HuggingFace", "Joint", "Manifest"}
LOSSES = {"loss": 1.0, "loss_calibrated": 1.788}  # which no table of shares holds
LEAK = "LEAK, no fair score: the model was fine-tuned on demo (https://a)"
SOUND = "the encoder was pretrained on demo (https://a)"


def test_row(corpus: str, **more: Any) -> dict[str, Any]:
    return {
        "role": "target",
        "corpus": corpus,
        "part": "test",
        "split": {"scheme": "official", "fold": 2, "seed": None},
        "scores": {"UA": 0.5, "WA": 0.25, "recall/sad": 0.125, **LOSSES},
        "intervals": {"UA": [0.4, 0.625]},
        "chance": {"UA": [0.2, 0.375]},
        "n": 48,
        "level": 0.95,
        "interval_unit": "group",
    } | more


test_row.__test__ = False  # type: ignore[attr-defined]


def facts(encoder: str = "wav2vec2-base", **more: Any) -> ModelFacts:
    entry = CATALOGUE.get(encoder)
    seen = Provenance(
        Material(frozenset({"ravdess/05", "ravdess/03", "a|b/1"})),
        Material(frozenset({"ravdess/07"})),
    )
    roles = {
        "target": {
            "corpus": "ravdess-song",
            "domain": "music",
            "clips": {"train": {"sad": 3, "calm": 4}, "val": {"sad": 1}},
        }
    }
    source = {
        "name": encoder,
        "repository": entry.repository if entry else None,
        "revision": entry.revision if entry else None,
        "fingerprint": "0",
    }
    given = ModelFacts(
        crossemo="1.2.3",
        form="transformers",
        task="classes",
        classes=("calm", "sad"),
        sampling_rate=16_000,
        hyperparameters={"tuning": "lora", "layers": "weighted", "pooling": "mean"},
        encoder=source,
        seen=seen,
        roles=roles,
        scores=(test_row("ravdess-song"), test_row("demo-song", leak=LEAK)),
    )
    return replace(given, **more)


def test_the_head_is_what_the_hub_reads() -> None:
    card = ModelCard(model_card(facts(), "owner/name"))
    data: Any = card.data
    assert data.license == "other"  # nobody knows that of a|b
    assert data.base_model == "facebook/wav2vec2-base"
    assert (data.library_name, data.pipeline_tag) == (
        "transformers",
        "audio-classification",
    )
    (recall, accuracy) = data.eval_results  # of the test that was fair
    assert (recall.dataset_type, recall.dataset_split) == ("ravdess-song", "test")
    assert recall.dataset_args == {"scheme": "official", "fold": 2}
    assert (recall.metric_type, recall.metric_value) == ("recall", 0.5)
    assert recall.metric_args["interval"] == [0.4, 0.625]
    assert (accuracy.metric_type, accuracy.metric_value) == ("accuracy", 0.25)


def test_the_text_says_what_is_known() -> None:
    text = model_card(facts(), "owner/name", caveats=["Mind."], citation="@misc{x,\n}")
    for line in (
        "| target | ravdess-song | music | 7 | 1 |  |",
        "| ravdess | 2: 03, 05 | 1: 07 |",
        "| a\\|b | 1: 1 | none |",
        "| ravdess-song | target, test | 48 | 50.0 [40.0, 62.5] | 25.0 | below 37.5 |",
        "| weights of wav2vec2-base | Apache 2.0 |",
        "| recordings of ravdess | CC BY-NC-SA 4.0 |",
        f"| recordings of a\\|b | {UNKNOWN} |",
        'classifier = pipeline("audio-classification", "owner/name")',
        "- Mind.",
        "@misc{x,",
    ):
        assert f"\n{line}\n" in text, line
    assert "let padding into the shorter ones, by a norm or a convolution" in text
    assert "loss" not in text
    assert "\n| demo-song | target, test‡ |" in text
    assert f"\n\n‡ {LEAK}\n\n" in text
    assert "model.onnx" not in text
    assert "model.onnx" in model_card(facts(), onnx=True)


def test_what_weights_know_by_sound_is_a_footnote_and_no_leak() -> None:
    rows = (
        test_row("demo-song", leak="", pretraining=SOUND),
        test_row("ravdess", leak=None),  # of older folders
        test_row("demo", leak=LEAK, pretraining=SOUND),
    )
    card = ModelCard(model_card(facts(scores=rows)))
    for line in (
        *("| demo-song | target, test† |", "| ravdess | target, test |"),
        *("| demo | target, test‡† |", f"\n† {SOUND}\n", f"\n‡ {LEAK}\n"),
    ):
        assert card.text.count(f"\n{line}") == 1, line
    data: Any = card.data
    of_head = {one.dataset_type for one in data.eval_results}
    assert of_head == {"demo-song", "ravdess"}


def test_little_may_be_known_of_values_in_our_own_form() -> None:
    bare = facts(
        "my-encoder",
        form="crossemo",
        obstacle="it is odd",
        task="values",
        classes=("valence", "arousal"),
        seen=Provenance(),
        roles={},
        scores=(),
    )
    text = model_card(bare)
    assert "Says valence and arousal of recordings" in text
    assert "in crossemo's own form, as it is odd, so" in text
    assert "What its weights have seen was not recorded." in text
    assert "No test of these weights was recorded." in text
    assert f"| weights of my-encoder | {UNKNOWN} |" in text
    assert "pipeline(" not in text


@pytest.mark.parametrize(
    ("licences", "asked", "name"),
    [
        (["Apache 2.0", "CC BY-NC-SA 4.0"], 3, "cc-by-nc-sa-4.0"),
        (["Apache 2.0", "CC BY-NC 4.0"], 2, "cc-by-nc-4.0"),
        (["CC BY-NC 4.0", "that of x, quoted as CC BY-SA 3.0"], 3, "other"),
        (["Apache 2.0", "for research, by a signed form"], 2, "other"),
        (["CC BY 4.0 (a) or CC BY-NC-SA 4.0 (b)"], 3, "other"),
        (["Apache 2.0", UNKNOWN], 2, "other"),
        (["none: made up by crossemo"], 0, "other"),
    ],
)
def test_parts_ask_for_more_together(
    licences: list[str], asked: int, name: str
) -> None:
    parts = [Part("part", one) for one in licences]
    assert len(conditions(parts)) == asked
    assert strictest(parts) == name


def test_every_encoder_and_corpus_says_its_licence() -> None:
    for name, entry in CATALOGUE.items():
        assert bool(entry.licence) == bool(entry.repository), name
    for name, kind in corpus_classes().items():
        assert bool(kind.licence) != (name in OF_ONE_S_OWN), name
    weights = parts_of(facts("tiny"))[0]
    assert weights.licence == "none: they were random before training"


def test_a_corpus_is_known_by_the_names_that_results_and_groups_give_it() -> None:
    for name in ("ravdess", "ravdess-song"):
        kind = class_of(name)
        assert kind is not None
        assert kind.__name__ == "RAVDESS"
    assert class_of("ravdessy") is None
