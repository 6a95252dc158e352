"""A run on an encoder in a user's file, from the command line."""

from pathlib import Path

import pytest

from crossemo.cli import main
from tests.checks.planted import plant
from tests.shell import briefly, results, run


def test_a_run_says_so_and_holds_the_file(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(here, None)
    few = [f"--data.{role}.takes=1" for role in ("source", "target")]
    quick = ["--trainer.limit_train_batches=1", "--fad.enabled=false"]
    typed = [
        *briefly(Path("my_encoder.py:MyEncoder"), "demo.yaml"),
        *few,
        *quick,
        "--name=x",
    ]
    run("fit", *typed, monkeypatch=monkeypatch)
    folder = here / "logs" / "x" / "version_0"
    source = here / "my_encoder.py"
    assert (folder / source.name).read_bytes() == source.read_bytes()
    code = results(folder)["code"]
    assert (code["file"], code["class"]) == (str(source), "MyEncoder")
    config = (folder / "config.yaml").read_text()
    assert f"encoder: {source}:MyEncoder\n" in config  # found from anywhere
    (here / "own").mkdir()
    monkeypatch.chdir(here / "own")
    checkpoint = folder / "checkpoints" / "target.ckpt"
    typed = [f"--config={folder / 'config.yaml'}", f"--ckpt_path={checkpoint}"]
    run("test", *typed, monkeypatch=monkeypatch)
    assert results(here / "own" / "logs" / "x" / "test_0")["code"] == code
    with pytest.raises(SystemExit) as ended:
        main(["recognise", str(source), f"--model={checkpoint}"])
    assert "needs the code of" in str(ended.value.code)
