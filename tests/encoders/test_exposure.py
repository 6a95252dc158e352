"""A score is marked by what the weights have heard of its own clips, and no others."""

from dataclasses import replace
from pathlib import Path

import pytest

from crossemo.corpora.base import Clip, Part
from crossemo.data.examples import Example
from crossemo.data.marks import NO_MARK
from crossemo.data.provenance import LeakError, Material, Provenance
from crossemo.encoders import training_records
from crossemo.encoders.exposure import Exposure, Marks, exposures_of, mark_of

SOURCE = "https://example.org/card"
RECORDS = f"""
owner/tuned:
- {{corpus: a, how: fine-tuned, source: "{SOURCE}"}}
- {{corpus: b, how: pretrained, source: "{SOURCE}"}}
- {{corpus: absent, how: fine-tuned, source: "{SOURCE}"}}
"""
TUNED = f"LEAK, no fair score: the model was fine-tuned on a ({SOURCE})"
SOUND = f"the encoder was pretrained on b ({SOURCE})"
SEEN = "LEAK, no fair score: the weights have seen"


def example(name: str) -> Example:
    """A clip of its own singer, such as a/1."""
    return Example(Clip(name, Path("x.wav"), (name,)), f"{name}@0", 0, name, (name,))


NAMES = {"one": ["a/1", "a/2"], "two": ["b/1"], "three": ["c/1", "c/2"]}
PARTS: dict[Part, list[str]] = {"test": ["a/1", "b/1", "c/1"], "val": ["a/2", "c/2"]}
JUDGED: dict[Part, list[Example]] = {p: [*map(example, n)] for p, n in PARTS.items()}


@pytest.fixture(autouse=True)
def _records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "trained_on.yaml").write_text(RECORDS)
    monkeypatch.setattr(training_records, "FILE", tmp_path / "trained_on.yaml")


def marks(provenance: Provenance) -> Marks:
    return Marks.of(exposures_of(provenance, JUDGED, allowed=True).values(), NAMES)


TRAINED = Provenance(repositories=frozenset({"owner/tuned"}))
SINGERS = Provenance(Material(frozenset({"c/1", "c/2", "c/3"})))


@pytest.mark.parametrize(
    ("provenance", "columns"),
    [
        (
            TRAINED,
            {
                ("one",): {"leak": TUNED},
                ("two",): {"pretraining": SOUND},
                ("three",): {},
                ("one", "two"): {"leak": TUNED, "pretraining": SOUND},
                ("two", "three"): {"pretraining": SOUND},
            },
        ),
        (
            SINGERS,
            {
                ("one",): {},
                ("two",): {},
                ("three",): {"leak": f"{SEEN} test clips of c/1; val clips of c/2"},
                ("one", "two"): {},
            },
        ),
        (
            Provenance(val=Material(frozenset({"a/1", "a/2", "c/1"}))),
            {  # clips that weights were chosen by may choose them
                ("one",): {"leak": f"{SEEN} test clips of a/1"},
                ("one", "three"): {"leak": f"{SEEN} test clips of a/1, c/1"},
            },
        ),
        (TRAINED | SINGERS, {("two",): {"pretraining": SOUND}}),
    ],
)
def test_a_score_is_marked_by_its_own_clips(
    provenance: Provenance, columns: dict[tuple[str, ...], dict[str, str]]
) -> None:
    for roles, expected in columns.items():
        assert marks(provenance).at(*roles).columns == expected
        names = [name for role in roles for name in NAMES[role]]
        known = exposures_of(provenance, JUDGED, allowed=True).values()
        assert mark_of(one.on(names) for one in known).columns == expected


def test_rows_of_a_table_have_the_columns_that_any_of_them_needs() -> None:
    rows = [{"of": role, "UA": 0.5} for role in NAMES]
    assert marks(TRAINED).rows(rows, lambda row: [row["of"]]) == [
        {"of": "one", "UA": 0.5, "leak": TUNED, "pretraining": ""},
        {"of": "two", "UA": 0.5, "leak": "", "pretraining": SOUND},
        {"of": "three", "UA": 0.5, "leak": "", "pretraining": ""},
    ]
    both = marks(TRAINED).rows([{}], lambda row: ["two", "three", "two"])
    assert both == [{"leak": "", "pretraining": SOUND}]
    assert marks(Provenance()).rows(rows, lambda row: [row["of"]]) == rows


def test_what_is_said_of_all_scores_names_all_that_was_heard() -> None:
    whole = marks(TRAINED | SINGERS).whole
    known = exposures_of(TRAINED | SINGERS, JUDGED, allowed=True)
    assert whole == mark_of(known.values())
    assert whole.columns == {
        "leak": f"{SEEN} test clips of c/1; val clips of c/2; the model was "
        f"fine-tuned on a ({SOURCE})",
        "pretraining": SOUND,
    }
    assert Marks({"one": ()}).whole == NO_MARK


def test_a_role_that_nobody_asked_about_has_no_mark_to_give() -> None:
    with pytest.raises(KeyError, match="four"):
        marks(TRAINED).rows([{}], lambda row: ["four"])


def test_seen_clips_are_refused_unless_they_are_allowed() -> None:
    with pytest.raises(LeakError, match="have seen c/1 in training, and the test part"):
        exposures_of(SINGERS, JUDGED, allowed=False)
    fair: dict[Part, list[Example]] = {"test": [example("c/4")]}
    known = exposures_of(SINGERS, fair, allowed=False)
    assert known["test"] == Exposure("test", (example("c/4"),), Material(), ())


def test_a_corpus_may_have_another_name_than_its_clips() -> None:
    folder: dict[Part, list[Example]] = {"test": [example("c/1")]}
    known = exposures_of(TRAINED, folder, allowed=True, corpora=["A"])
    assert mark_of(known.values()).columns == {"leak": TUNED}


def test_what_chose_weights_speaks_against_those_that_follow() -> None:
    first, then = (
        exposures_of(weights, JUDGED, allowed=True)["test"]
        for weights in (SINGERS, replace(SINGERS, train=Material(frozenset({"b/1"}))))
    )
    both = then.after(first)
    assert [str(one.seen) for one in (first, then, both)] == ["c/1", "b/1", "b/1, c/1"]
    assert str(both.on(NAMES["three"]).seen) == "c/1"
    assert len(both.clips) == 3
