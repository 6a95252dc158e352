from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from crossemo.data.provenance import Material, Provenance
from crossemo.sharing.model_facts import FILE, ModelError, ModelFacts

SEEN = Provenance(
    Material(frozenset({"demo/01", "ravdess/05"}), frozenset({"0" * 16, "1e23" * 4})),
    Material(frozenset({"emodb/03"}), frozenset({"123456789012" + "3456"})),
)
FACTS = ModelFacts(
    crossemo="1.0.0",
    form="transformers",
    task="classes",
    classes=("calm", "no", "1e3"),
    sampling_rate=16_000,
    hyperparameters={"classes": ("calm", "no", "1e3"), "lr": 1e-3, "peft": {"r": 8}},
    encoder={"name": "tiny", "repository": None, "revision": None, "fingerprint": "f"},
    seen=SEEN,
    window=10.0,
    hop=5.0,
    scores=(
        {
            "role": "source",
            "corpus": "demo-speech",
            "part": "test",
            "split": {"scheme": "official"},
            "scores": {"WA": 0.5, "recall/no": None},
            "intervals": {"WA": [0.25, None]},
        },
    ),
    sums={"config.json": "00"},
)


def test_they_come_back_as_they_were(tmp_path: Path) -> None:
    FACTS.write(tmp_path)
    assert ModelFacts.read(tmp_path) == FACTS


def test_they_are_plain_yaml_that_names_the_corpora(tmp_path: Path) -> None:
    FACTS.write(tmp_path)
    content = yaml.safe_load((tmp_path / FILE).read_text())
    assert content["seen"] == SEEN.plain()
    assert list(content)[-1] == "seen"
    assert FACTS.corpora == ["demo", "emodb", "ravdess"]


def test_a_list_that_stands_twice_is_written_twice(tmp_path: Path) -> None:
    twice = [1, 2]
    replace(FACTS, origin={"a": twice, "b": twice}).write(tmp_path)
    assert ModelFacts.read(tmp_path).origin == {"a": [1, 2], "b": [1, 2]}


def counted(role: str, corpus: str, share: float, **more: Any) -> dict[str, Any]:
    """A test of some clips, with a share that was warned of."""
    row = {"role": role, "corpus": corpus, "part": "test", "split": {}, **more}
    ends = [share / 2, 2 * share]
    return row | {"scores": {"unfamiliar": share}, "intervals": {"unfamiliar": ends}}


def test_warnings_are_false_of_what_it_trained_on_alone() -> None:
    roles = {
        "speech": {"corpus": "a+b", "trained": True},
        "song": {"corpus": "c", "trained": True},
        "music": {"corpus": "d", "trained": False},
    }
    rows = (
        *(counted("speech", "a+b", 0.03), counted("speech", "a", 0.2)),
        *(counted("song", "c", 0.04), counted("music", "d", 0.9)),
        counted("song", "c", 0.5, leak="song/1 was seen"),
    )
    alarms = replace(FACTS, roles=roles, scores=rows).false_alarms
    assert alarms == (0.04, 0.02, 0.08)
    assert replace(FACTS, roles=roles, scores=rows[3:]).false_alarms is None
    assert FACTS.false_alarms is None


def without(key: str) -> Callable[[dict[str, Any]], None]:
    return lambda content: content.pop(key) and None


DAMAGE: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "no seen": (without("seen"), "'seen'"),
    "no sums": (without("sums"), "'sums'"),
    "a form of others": (lambda c: c.update(form="pickle"), "'form'"),
    "a checkpoint": (lambda c: c.update(form="checkpoint"), "'form'"),
    "no classes": (lambda c: c.update(classes=[]), "'classes'"),
    "a number": (lambda c: c.update(classes=[1, 2]), "'classes.0'"),
    "a rate in words": (lambda c: c.update(sampling_rate="16 kHz"), "'sampling_rate'"),
    "odd groups": (lambda c: c["seen"]["train"].update(groups=5), "seen.train.groups"),
    "odd scores": (lambda c: c["scores"][0].update(scores=[1]), "scores.0.scores"),
    "settings": (lambda c: c.update(hyperparameters=[1]), "'hyperparameters'"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_what_is_odd_is_refused(tmp_path: Path, kind: str) -> None:
    damage, place = DAMAGE[kind]
    content = FACTS.plain()
    damage(content)
    (tmp_path / FILE).write_text(yaml.safe_dump(content))
    with pytest.raises(ModelError, match=f"no record of a model.*{place}"):
        ModelFacts.read(tmp_path)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no record of a model"),
        ("5", "no record of a model"),
        ("a: [", "can't be read"),
        ("a: &x [1]\nb: *x", "more than such a file needs"),
        ("[" * 30 + "]" * 30, "more than such a file needs"),
        ("!!python/object/apply:os.system ['touch x']", "can't be read"),
        ("a: \x07", "can't be read"),
    ],
)
def test_what_is_no_plain_yaml_is_refused(here: Path, text: str, why: str) -> None:
    (here / FILE).write_text(text)
    with pytest.raises(ModelError, match=why):
        ModelFacts.read(here)
    assert not (here / "x").exists()


def test_a_file_beyond_all_bounds_isn_t_read(tmp_path: Path) -> None:
    with (tmp_path / FILE).open("wb") as file:
        file.truncate(65 << 20)
    with pytest.raises(ModelError, match="more than 64 MB"):
        ModelFacts.read(tmp_path)
