from pathlib import Path

import pytest
import torch

from crossemo.encoders import EncoderError, load_encoder
from crossemo.encoders.families.base import EncoderFiles
from crossemo.encoders.families.musicfm import FAMILY
from tests.encoders.mapped import published, write_mapped

STAT = {"melspec_2048_mean": 6.768444971712967, "melspec_2048_std": 18.417922652295623}


def test_statistics_are_all_that_its_config_must_say() -> None:
    files = EncoderFiles("x", {"model_type": "musicfm", "stat": STAT}, {})
    build, config = FAMILY.architecture(files, dropout=False)
    with torch.device("meta"):
        model = build(config)
    # As many as MuQ has, whose code is MusicFM's
    assert sum(parameter.numel() for parameter in model.parameters()) == 316_343_296
    assert config.position_embeddings_type == "rotary"
    assert config.hidden_act == "swish"
    assert FAMILY.rate(files) == 24_000


@pytest.mark.parametrize("name", ["mel_scale.fb", "spectrogram.window"])
def test_another_spectrogram_than_its_config_makes_is_refused(
    tmp_path: Path, name: str
) -> None:
    write_mapped(tmp_path, "musicfm")
    key = f"model.preprocessor_melspec_2048.melspec.{name}"
    stored = published("musicfm")
    stored[key] = stored[key] + 1e-3
    torch.save({"state_dict": stored}, tmp_path / "pytorch_model.bin")
    with pytest.raises(EncoderError, match=f"{key} in .* isn't what its config.json"):
        load_encoder(str(tmp_path))
