import csv
from pathlib import Path

import pytest

from crossemo.cli import main
from tests.checks.planted import plant
from tests.encoders.tiny import write_tiny


def test_a_sound_encoder_ends_well_and_leaves_its_table(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tiny(here / "encoder", "wav2vec2")
    main(["check", "encoder", "--save=table.csv", "--device=cpu"])
    shown = capsys.readouterr().out
    assert "encoder is sound." in shown
    with (here / "table.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert list(rows[0]) == ["check", "measured", "bound", "verdict", "advice"]
    assert len(rows) >= 25
    assert {row["verdict"] for row in rows} == {"sound"}
    assert all(row["check"] in shown for row in rows)


def test_a_fault_ends_with_1_and_is_named_with_what_to_do(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(here, "shifted time, padded")
    with pytest.raises(SystemExit) as ended:
        main(["check", "my_encoder.py:MyEncoder"])
    assert ended.value.code == (  # which the interpreter prints, and ends with 1
        "crossemo: my_encoder.py:MyEncoder is not sound (frames lie where the clip "
        "changed): see what the table advises."
    )
    shown = capsys.readouterr().out
    assert "+1.02 ± " in shown
    assert "frames lie where the clip changed: fault. Frames are shifted" in shown


def test_notes_count_where_one_is_strict(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["check", "tiny"])
    plant(here, None)
    path, load = here / "my_encoder.py", "            self.load_state_dict(weights)\n"
    head = "            self.head = nn.Linear(WIDTH, 2)\n"
    path.write_text(path.read_text().replace(load, load + head))
    main(["check", "my_encoder.py:MyEncoder"])
    with pytest.raises(SystemExit, match=r"not sound \(random heads, gradients of al"):
        main(["check", "my_encoder.py:MyEncoder", "--strict"])
    shown = capsys.readouterr().out
    assert "random heads: note. No hidden state depends on them" in shown


def test_what_cannot_be_loaded_is_not_called_unsound(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_tiny(here / "encoder", "wav2vec2")
    (folder / "model.safetensors").unlink()
    with pytest.raises(SystemExit, match="encoder can't be loaded, so nothing of it"):
        main(["check", "encoder"])
    assert "files fit together: fault." in capsys.readouterr().out


def test_what_is_no_encoder_is_said_at_once(here: Path) -> None:
    with pytest.raises(SystemExit, match="There is no encoder 'nothing': name a local"):
        main(["check", "nothing"])
