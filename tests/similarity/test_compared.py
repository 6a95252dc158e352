import logging
import multiprocessing
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from crossemo.cache import entries
from crossemo.distances.cells import Cell
from crossemo.encoders import SSLEncoder, load_encoder
from crossemo.similarity import Domain, Settings, compare_clips, compared
from crossemo.similarity.compared import ComparedStates, Tables
from tests.similarity.casts import EMOTIONS, domain

QUICK = Settings(splits=2, permutations=9, fad_permutations=9)


@pytest.fixture(scope="module")
def encoder(wav2vec2: Path) -> SSLEncoder:
    return load_encoder(str(wav2vec2))


@pytest.fixture(scope="module")
def domains() -> list[Domain]:
    return [Domain("speech", domain(0, 1.5)), Domain("song", domain(1, 1.5))]


def texts(tables: Tables) -> list[str]:
    """Tables to the last bit; NaN isn't equal to itself."""
    return [repr(row) for table in tables for row in table]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is compared from now on."""
    calls = []

    def counted(*arguments: Any) -> Any:
        calls.append(arguments)
        return compare_clips(*arguments)

    monkeypatch.setattr(compared, "compare_clips", counted)
    return calls


def test_a_second_run_compares_nothing_and_has_the_same_to_the_bit(
    domains: list[Domain], encoder: SSLEncoder, tmp_path: Path, calls: list[Any]
) -> None:
    expected = texts(compare_clips(domains[0], domains[1], EMOTIONS, QUICK))
    for _ in range(2):
        tables = ComparedStates().compare(domains, EMOTIONS, QUICK, encoder, tmp_path)
        assert texts(tables) == expected
        assert len(calls) == 1
    (entry,) = entries(tmp_path)
    assert entry.kind == "distances"
    assert encoder.name in entry.about


def with_first_cell(domains: list[Domain], cell: Cell) -> list[Domain]:
    return [replace(domains[0], cells=[cell, *domains[0].cells[1:]]), domains[1]]


def one_bit_more(domains: list[Domain]) -> list[Domain]:
    first = domains[0].cells[0]
    clips = first.embeddings.clone()
    clips[0, 0] = torch.nextafter(clips[0, 0], clips[0, 0] + 1)
    return with_first_cell(domains, replace(first, embeddings=clips))


def one_clip_less(domains: list[Domain]) -> list[Domain]:
    first = domains[0].cells[0]
    return with_first_cell(domains, Cell(first.embeddings[1:], first.groups[1:]))


def another_group(domains: list[Domain]) -> list[Domain]:
    first = domains[0].cells[0]
    return with_first_cell(domains, replace(first, groups=("x", *first.groups[1:])))


def other_emotions(domains: list[Domain]) -> list[Domain]:
    cells = [*domains[0].cells[1:], domains[0].cells[0]]
    return [replace(domains[0], cells=cells), domains[1]]


def another_name(domains: list[Domain]) -> list[Domain]:
    return [replace(domains[0], name="poems"), domains[1]]


@pytest.mark.parametrize(
    "change",
    [one_bit_more, one_clip_less, another_group, other_emotions, another_name],
)
def test_other_clips_are_compared_anew(
    change: Callable[[list[Domain]], list[Domain]],
    domains: list[Domain],
    encoder: SSLEncoder,
    tmp_path: Path,
    calls: list[Any],
) -> None:
    states = ComparedStates()
    for one in (domains, change(domains), domains):
        states.compare(one, EMOTIONS, QUICK, encoder, tmp_path)
    assert len(calls) == 2


def test_other_settings_names_weights_and_versions_are_compared_anew(
    domains: list[Domain],
    encoder: SSLEncoder,
    tmp_path: Path,
    calls: list[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def compare(emotions: tuple[str, ...] = EMOTIONS, **settings: Any) -> int:
        given = replace(QUICK, **settings)
        ComparedStates().compare(domains, emotions, given, encoder, tmp_path)
        return len(calls)

    assert compare() == 1
    settings: dict[str, Any] = {
        "splits": 3,
        "permutations": 8,
        "fad_permutations": 8,
        "subspace": 3,
    }
    settings |= {"intervals": False, "level": 0.9, "seed": 1, "infinity": True}
    assert settings.keys() == vars(QUICK).keys()
    for number, (name, value) in enumerate(settings.items(), 2):
        assert compare(**{name: value}) == number
    assert compare(("calm", "glad", "sad", "angry")) == 10
    monkeypatch.setattr(compared, "__version__", "another")
    assert compare() == 11
    monkeypatch.setattr(encoder, "_fingerprint", "another")
    assert compare() == 12
    assert compare() == 12


@pytest.mark.parametrize("damage", ["cut", "bit", "gone"])
def test_what_is_damaged_is_made_again(
    damage: str,
    domains: list[Domain],
    encoder: SSLEncoder,
    tmp_path: Path,
    calls: list[Any],
) -> None:
    first = ComparedStates().compare(domains, EMOTIONS, QUICK, encoder, tmp_path)
    (file,) = tmp_path.rglob("*.json.gz")
    content = bytearray(file.read_bytes())
    content[100] ^= damage == "bit"
    file.write_bytes(content[:200] if damage == "cut" else content)
    if damage == "gone":
        file.unlink()
    again = ComparedStates().compare(domains, EMOTIONS, QUICK, encoder, tmp_path)
    assert len(calls) == 2
    assert texts(again) == texts(first)
    ComparedStates().compare(domains, EMOTIONS, QUICK, encoder, tmp_path)
    assert len(calls) == 2


def test_a_cache_that_cannot_be_written_costs_time_alone(
    domains: list[Domain],
    encoder: SSLEncoder,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "distances").write_text("a file in the way")
    states = ComparedStates()
    for settings in (QUICK, replace(QUICK, seed=1)):
        tables = states.compare(domains, EMOTIONS, settings, encoder, tmp_path)
        expected = compare_clips(domains[0], domains[1], EMOTIONS, settings)
        assert texts(tables) == texts(expected)
    assert caplog.text.count("Distances can't be written to") == 1
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def _compare(encoder: SSLEncoder, folder: Path, results: Any) -> None:
    pair = [Domain("speech", domain(0, 1.5)), Domain("song", domain(1, 1.5))]
    calls = []

    def counted(*arguments: Any) -> Any:
        calls.append(arguments)
        return compare_clips(*arguments)

    vars(compared)["compare_clips"] = counted
    tables = ComparedStates().compare(pair, EMOTIONS, QUICK, encoder, folder)
    results.put((len(calls), texts(tables)))


def test_of_processes_at_once_one_compares(encoder: SSLEncoder, tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    results = fork.Queue()
    arguments = (encoder, tmp_path, results)
    processes = [fork.Process(target=_compare, args=arguments) for _ in range(3)]
    for process in processes:
        process.start()
    answers = [results.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    assert sorted(number for number, _ in answers) == [0, 0, 1]
    assert answers[0][1] == answers[1][1] == answers[2][1]
