from pathlib import Path

import pytest

from crossemo.corpora.base import Clip
from tests.data.tones import LENGTHS, tone, tone_clip, write_tone


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "tones"


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    paths = [tmp_path / "corpus" / f"speech-0-happy-{n}.wav" for n in range(4)]
    for seed, (path, length) in enumerate(zip(paths, LENGTHS, strict=True)):
        write_tone(path, tone(length, seed))
    return [tone_clip(path) for path in paths]


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"
