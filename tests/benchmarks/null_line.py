"""What random weights of every family get on RAVDESS: the line that training must pass.

Run `python -m tests.benchmarks.null_line RAVDESS FOLDER`, with the folder of the
corpus, of which four actors do, and an empty one. Of each family an encoder of a few
blocks is drawn at random, with the front end of the published ones. One grid probes
their layers, another trains each in two stages with LoRA and tests it; `crossemo
report` makes tables of both, which lie in the folders logs/null_layers/report and
logs/null_stages/report. `crossemo fad` compares all speech with all song in every
hidden state, and a line a family says what came of it.
"""

import argparse
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from crossemo.corpora.ravdess import RAVDESS, Channel
from crossemo.encoders.catalogue import KERNELS, STRIDES
from tests.encoders.tiny import FAMILIES, SPECTRAL, write_tiny

_BLOCKS = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3}
_WAVES = {
    **_BLOCKS,
    **{"conv_dim": (16,) * 7, "conv_kernel": KERNELS, "conv_stride": STRIDES},
}
_SPECTRA: Mapping[str, dict[str, Any]] = {
    "w2v-bert": {**_BLOCKS, "feature_projection_input_dim": 160},
    "whisper": {"d_model": 32, "encoder_layers": 3, "num_mel_bins": 80},
    "ast": {**_BLOCKS, "num_mel_bins": 128},
}


def configs(root: Path, encoders: list[str]) -> dict[str, dict[str, Any]]:
    """Return the two grids by name."""

    def ravdess(channel: str) -> dict[str, Any]:
        return {
            "class_path": "RAVDESS",
            "init_args": {"root": str(root), "channel": channel},
        }

    domains = {"source": ravdess("speech"), "target": ravdess("song")}
    data = {**domains, "split": "leave_one_out"}
    several = {"grid": encoders}
    of_layers = {
        "class_path": "LayerwiseProbes",
        "init_args": {"encoder": several},
    }
    of_stages = {"encoder": several, "tuning": "lora", "lr": 2e-3}
    return {
        "null_layers": {"model": of_layers, "data": _module(data)},
        "null_stages": {
            "model": of_stages,
            "data": _module({**data, "fold": 0, "batch_size": 16}),
            "stages": {"source": {"max_epochs": 2}, "target": {"max_epochs": 2}},
            "figures": False,
            "trainer": {"accelerator": "cpu"},
        },
    }


def tree(root: Path, channel: Channel, folder: Path) -> Path:
    """Return a folder of links, in it one for every emotion, and there every actor."""
    for clip in RAVDESS(root, channel=channel).clips():
        assert clip.label is not None
        actor = folder / channel / clip.label / clip.groups[0].replace("/", "_")
        actor.mkdir(parents=True, exist_ok=True)
        (actor / clip.path.name).symlink_to(clip.path)
    return folder / channel


def summary(rows: pd.DataFrame) -> str:
    """Return what the hidden states of an encoder say, lowest to highest."""
    said = []
    rows = rows[rows["measure"] != "deviation"]  # of a single emotion
    for (measure, estimator), some in rows.groupby(["measure", "estimator"]):
        values = some["value"].dropna()
        said.append(
            f"{measure} {estimator} {values.min():.3g} to {values.max():.3g}, "
            f"{(some['p'] <= 0.05).sum()} of {len(some)} with p ≤ .05"
        )
    return "; ".join(said)


def _module(data: Mapping[str, Any]) -> dict[str, Any]:
    return {"class_path": "CrossDomainDataModule", "init_args": dict(data)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=Path)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    folder: Path = options.folder.resolve()
    encoders = [
        write_tiny(folder / "encoders" / family, family, **shape)
        for family in FAMILIES
        for shape in [_SPECTRA[family] if family in SPECTRAL else _WAVES]
    ]
    program = [sys.executable, "-m", "crossemo"]
    grids = configs(options.root.resolve(), [str(encoder) for encoder in encoders])
    for name, grid in grids.items():
        config = folder / f"{name}.yaml"
        config.write_text(yaml.safe_dump(grid))
        logs = ["--logs", str(folder / "logs")]
        subprocess.run([*program, "grid", str(config), *logs], check=True)
        subprocess.run([*program, "report", str(folder / "logs" / name)], check=True)
    channels: tuple[Channel, ...] = ("speech", "song")
    folders = [tree(options.root.resolve(), channel, folder) for channel in channels]
    for encoder in encoders:
        arguments = [*map(str, folders), "--encoder", str(encoder), *logs]
        named = ["--name", f"null_distances/{encoder.name}"]
        subprocess.run([*program, "fad", *arguments, *named], check=True)
        (table,) = (folder / "logs" / named[1]).glob("*/similarity.csv")
        print(encoder.name, summary(pd.read_csv(table)), sep=": ")


if __name__ == "__main__":
    main()
