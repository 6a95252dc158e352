import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from crossemo.errors import CrossEmoError
from crossemo.runs import find_checkpoint
from crossemo.runs.checkpoint_files import (
    ORIGIN,
    CheckpointError,
    CheckpointFiles,
    read_checkpoint,
    refuse_broken,
    refuse_to_go_on,
)
from tests.limits import files_no_larger_than
from tests.runs.damage import NOT_WHOLE, OTHERS, damage

SHARED_MEMORY = Path("/dev/shm")


def content(weights: int = 1000) -> dict[str, Any]:
    return {
        "state_dict": {"weights": torch.arange(weights, dtype=torch.float32)},
        "pytorch-lightning_version": "2.6.0",
        "epoch": 3,
    }


def write(path: Path, weights: int = 1000) -> Path:
    CheckpointFiles().save_checkpoint(content(weights), path)
    return path


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    path = write(tmp_path / "new" / "last.ckpt")
    stored = CheckpointFiles().load_checkpoint(path, weights_only=False)
    assert torch.equal(stored["state_dict"]["weights"], torch.arange(1000.0))
    assert stored["epoch"] == 3
    assert stored[ORIGIN] == {"path": str(path), "sealed": True}
    refuse_to_go_on(stored | {"optimizer_states": []})
    with pytest.raises(CheckpointError, match="holds weights alone"):
        refuse_to_go_on(stored)
    assert os.listdir(path.parent) == ["last.ckpt"]
    torch.load(path, weights_only=True)  # plain torch reads it as well


def test_what_was_saved_by_another_hand_is_known(tmp_path: Path) -> None:
    path = write(tmp_path / "last.ckpt")
    torch.save(torch.load(path, weights_only=True), path)
    stored = read_checkpoint(path)
    sentence = f"The checkpoint {path} was altered since crossemo wrote it"
    with pytest.raises(CheckpointError, match=sentence):
        refuse_to_go_on(stored)


@pytest.mark.parametrize("kind", [*NOT_WHOLE, *OTHERS])
def test_what_is_no_checkpoint_is_refused_in_a_sentence(
    tmp_path: Path, kind: str
) -> None:
    whole, witness = write(tmp_path / "whole.ckpt"), tmp_path / "witness"
    path = damage(tmp_path / "last.ckpt", whole, kind, witness)
    with pytest.raises(CrossEmoError, match=r"last\.ckpt.*\.$") as refusal:
        read_checkpoint(path)
    assert "\n" not in str(refusal.value)
    if kind in NOT_WHOLE:
        with pytest.raises(CheckpointError):
            refuse_broken(path)
    else:
        refuse_broken(path)
    assert not witness.exists()


def test_nothing_is_read_from_elsewhere() -> None:
    with pytest.raises(CheckpointError, match="is not on this machine: download it"):
        read_checkpoint("https://example.org/last.ckpt")


@pytest.mark.skipif(not SHARED_MEMORY.is_dir(), reason="has no second file system")
def test_a_kill_while_it_is_written_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(SHARED_MEMORY))
    path = write(tmp_path / "last.ckpt")
    child = os.fork()
    if not child:
        write(path, 25_000_000)  # 100 MB
        os._exit(0)
    late = time.monotonic() + 60
    while sum(one.stat().st_size for one in tmp_path.glob(".last*")) < 1_000_000:
        assert time.monotonic() < late
        time.sleep(0.0005)
    os.kill(child, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert torch.equal(
        read_checkpoint(path)["state_dict"]["weights"], torch.arange(1e3)
    )
    write(path, 2000)  # what the other left is in nobody's way
    assert len(read_checkpoint(path)["state_dict"]["weights"]) == 2000


def test_a_full_disk_leaves_the_one_before(tmp_path: Path) -> None:
    path = write(tmp_path / "last.ckpt")
    before = path.read_bytes()
    with files_no_larger_than(100_000), pytest.raises(OSError, match="too large"):
        write(path, 1_000_000)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["last.ckpt"]


def run(folder: Path, version: int) -> Path:
    return write(folder / f"version_{version}" / "checkpoints" / "last.ckpt")


@pytest.mark.parametrize("kind", NOT_WHOLE[1:])
def test_last_is_the_newest_whole_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    # By number: a clock may go back.
    paths = [run(tmp_path, version) for version in (0, 2, 10)]
    os.utime(paths[2], (0, 0))
    assert find_checkpoint("last", tmp_path) == str(paths[2])
    paths[2].rename(tmp_path / "whole")
    damage(paths[2], tmp_path / "whole", kind, tmp_path / "witness")
    with caplog.at_level("INFO", logger="crossemo"):
        assert find_checkpoint("last", tmp_path) == str(paths[1])
    assert len(caplog.messages) == 1
    assert str(paths[2]) in caplog.text
    for path in paths[:2]:
        path.unlink()
    with pytest.raises(CrossEmoError, match="has left a checkpoint to go on from"):
        find_checkpoint("last", tmp_path)
    with pytest.raises(CrossEmoError, match=str(paths[2])):
        find_checkpoint(str(paths[2]), tmp_path)
