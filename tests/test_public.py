import subprocess
import sys

import crossemo


def test_every_public_name_is_found() -> None:
    for name in crossemo.__all__:
        assert getattr(crossemo, name).__name__ == name


def test_splits_need_no_torch() -> None:
    code = "import sys, crossemo.data.splits, crossemo.corpora.ravdess"
    code += "; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not {"torch", "lightning", "transformers"} & set(loaded.stdout.split())
