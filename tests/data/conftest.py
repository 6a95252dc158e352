from pathlib import Path

import pytest

from crossemo.data.examples import Example
from tests.data.tones import LENGTHS, tone, tone_example, write_tone


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "tones"


@pytest.fixture
def clips(tmp_path: Path) -> list[Example]:
    paths = [tmp_path / "corpus" / f"speech-0-happy-{n}.wav" for n in range(4)]
    for seed, (path, length) in enumerate(zip(paths, LENGTHS, strict=True)):
        write_tone(path, tone(length, seed))
    return [tone_example(path) for path in paths]


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"
