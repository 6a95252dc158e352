from pathlib import Path

import pytest

from tests.fuzz import campaign, kinds, made_up
from tests.fuzz.campaign import in_workers
from tests.fuzz.trial import try_out, write

INPUTS = 25
SEED = 12


@pytest.mark.parametrize("kind", kinds.names())
def test_inputs_are_used_whole_or_refused_in_a_sentence(
    kind: str, tmp_path: Path
) -> None:
    words = []
    for number in range(INPUTS):
        folder = tmp_path / str(number)
        folder.mkdir()
        outcome = try_out(kind, SEED, number, folder)
        assert outcome.word != "fault", f"{kind} {number}: {outcome.text}"
        words.append(outcome.word)
    assert len(set(words)) == 2, "inputs are damaged all too much or too little"


def test_the_harness_sees_every_outcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaign, "PATIENCE", 10.0)
    numbers: dict[int, int] = {}
    for number in range(100):
        path = write(made_up.__name__, 0, number, tmp_path)
        numbers.setdefault(int(path.read_text()), number)
    assert len(numbers) == len(made_up.WORDS)
    outcomes = dict(in_workers(made_up.__name__, 0, numbers.values(), 400 << 20))
    for what, (word, text) in enumerate(made_up.WORDS):
        outcome = outcomes[numbers[what]]
        assert outcome.word == word, outcome
        assert text in outcome.text
