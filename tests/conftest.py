from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings

from tests.corpora.ravdess_tree import write_ravdess
from tests.encoders.tiny import write_tiny

# A busy machine is no fault of what is tested.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CROSSEMO_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("CROSSEMO_TRACEBACK", "1")
        # Two workers with two threads each wait for one another on two cores.
        patch.setenv("OMP_NUM_THREADS", "1")
        torch.set_num_threads(1)
        yield


@pytest.fixture(scope="session")
def ravdess(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four actors, speech and song, 24 and 22 clips each."""
    root = tmp_path_factory.mktemp("ravdess")
    write_ravdess(root, repetitions=(1,), seconds=0.3, rate=16_000)
    return root


@pytest.fixture(scope="session")
def wav2vec2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small wav2vec 2.0 as `save_pretrained` leaves it."""
    return write_tiny(tmp_path_factory.mktemp("encoder"), "wav2vec2")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to run in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
