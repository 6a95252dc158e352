import csv
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from crossemo.cli import main
from crossemo.metrics.names import HEADLINE

PAGE = (Path(__file__).parents[2] / "docs" / "audit.md").read_text("utf-8")
DEMO = """
name: of a fit
model: {encoder: wav2vec2-base, tuning: lora}
data:
  class_path: CrossDomainDataModule
  init_args:
    source: {class_path: Demo, init_args: {channel: speech, speakers: 6, takes: 2}}
    target: {class_path: Demo, init_args: {channel: song, speakers: 6, takes: 2}}
    fold: all
stages: {source: {max_epochs: 1}}
"""
QUICK = ["--audit.repeats=2", "--audit.epochs=3", "--audit.lr=0.02"]


@pytest.fixture(autouse=True)
def _config(here: Path) -> None:
    (here / "fit.yaml").write_text(DEMO)


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "audit.csv").open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


@contextmanager
def refused(capsys: pytest.CaptureFixture[str]) -> Iterator[list[str]]:
    """Give a list that then holds what a command is refused with."""
    sentence: list[str] = []
    with pytest.raises(SystemExit) as ended:
        yield sentence
    assert ended.value.code
    sentence.append(f"{ended.value.code} {capsys.readouterr().err}")


def test_the_config_of_a_fit_is_audited_and_again_by_what_is_left(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["audit", "--config", "fit.yaml", *QUICK, "--threads=1"])
    printed = capsys.readouterr().out
    assert "shuffled clips" in printed
    assert "Demo is made-up sound" in printed
    folder = Path("logs/audit/version_0")
    rows = rows_of(folder)
    assert [row["corpus"] for row in rows] == ["demo-speech"] * 4 + ["demo-song"] * 4
    assert {row["clips"] for row in rows} == {"72"}
    assert all(
        float(row["low"]) <= float(row["value"]) <= float(row["high"]) for row in rows
    )
    results = json.loads((folder / "results.json").read_text())
    assert results["features"] == "log-mel means and deviations"
    assert results["text"] in (folder / "audit.md").read_text()
    assert len(results["folds"]) == 6
    for fold in results["folds"]:  # crossemo's own: whole units apart
        parts = [set(fold[part]) for part in ("train", "val", "test")]
        assert sum(map(len, parts)) == len(set.union(*parts)) == 6
    assert {path.stem for path in (folder / "figures").iterdir()} == {
        "audit_source",
        "audit_target",
    }
    _, _, named = PAGE.partition("| column of audit.csv |")
    cells = re.findall(r"^\| (`.*?) \| ", named.partition("\n\n")[0], re.MULTILINE)
    assert [*rows[0], "leak", "pretraining"] == re.findall(r"`(\w+)`", " ".join(cells))
    # What it leaves is a config of the command, of which all is read.
    settings = yaml.safe_load((folder / "config.yaml").read_text())
    assert settings["audit"]["epochs"] == 3
    again = [f"--config={folder / 'config.yaml'}", "--role=target", "--name=again"]
    main(["audit", *again])
    assert rows_of(Path("logs/again/version_0")) == rows[4:]


def test_hidden_states_of_an_encoder_are_audited(wav2vec2: Path) -> None:
    typed = ["audit", "--config=fit.yaml", *QUICK, "--role=source", "--figures=false"]
    main([*typed, f"--model.encoder={wav2vec2}"])
    main([*typed, f"--model.encoder={wav2vec2}", "--model.layers=1"])
    folders = [Path(f"logs/audit/version_{number}") for number in range(2)]
    texts = [json.loads((one / "results.json").read_text()) for one in folders]
    assert texts[0]["features"] == f"mean of all hidden states of {wav2vec2}"
    assert texts[1]["features"] == f"hidden state 1 of {wav2vec2}"
    assert not (folders[0] / "figures").exists()
    values = [[row["value"] for row in rows_of(one)] for one in folders]
    assert values[0] != values[1]
    assert {row["score"] for row in rows_of(folders[0])} == {HEADLINE}


def test_what_can_t_be_audited_is_refused_in_a_sentence(
    capsys: pytest.CaptureFixture[str], here: Path
) -> None:
    with refused(capsys) as sentence:
        main(["audit", "--config=fit.yaml", "--role=music"])
    assert "There is no role 'music': choose source or target." in sentence[0]
    with refused(capsys) as sentence:
        main(["audit", "--config=fit.yaml", "--audit.repeats=1"])
    assert "audit.repeats is 1: choose 2 or more." in sentence[0]
    with refused(capsys) as sentence:
        main(["audit", "--config=fit.yaml", "--audit.epohcs=1"])
    assert "There is no option audit.epohcs" in sentence[0]
    with refused(capsys) as sentence:
        main(["audit", "--config=fit.yaml", "--device=warp"])
    assert "There is no device warp here" in sentence[0]
    (here / "none.yaml").write_text("name: one\n")
    with refused(capsys) as sentence:
        main(["audit", "--config=none.yaml"])
    assert "data" in sentence[0]
