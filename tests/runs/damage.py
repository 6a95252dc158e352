"""What may lie under the name of a checkpoint."""

import os
import pickle
from pathlib import Path

import torch
from torch import nn

NOT_WHOLE = ("missing", "empty", "text", "folder", "pipe", "half", "flipped", "pickle")
OTHERS = ("code", "tensors", "list", "weights", "old", "retyped")


class Intruder:
    """Leaves a file where it is unpickled."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path(self.witness),)  # type: ignore[return-value]


def damage(path: Path, whole: Path, kind: str, witness: Path) -> Path:
    """Put what is no checkpoint of crossemo's to a path; code in it makes `witness`."""
    content = whole.read_bytes()
    middle = len(content) // 2
    stored = torch.load(whole, weights_only=True)
    match kind:
        case "missing":
            pass
        case "empty":
            path.write_bytes(b"")
        case "text":
            path.write_text("hello\n" * 100)
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "half":
            path.write_bytes(content[:middle])
        case "flipped":
            flipped = bytes([content[middle] ^ 1])
            path.write_bytes(content[:middle] + flipped + content[middle + 1 :])
        case "pickle":
            path.write_bytes(pickle.dumps(Intruder(witness)))
        case "code":
            torch.save(stored | {"more": Intruder(witness)}, path)
        case "tensors":
            torch.save(nn.Linear(2, 3).state_dict(), path)
        case "list":
            torch.save([stored], path)
        case "weights":
            torch.save({"state_dict": nn.Linear(2, 3).state_dict()}, path)
        case "old":
            torch.save(stored | {"pytorch-lightning_version": "1.9.5"}, path)
        case "retyped":
            torch.save(stored | {"encoder": 5, "callbacks": []}, path)
    return path
