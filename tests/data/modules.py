"""Datamodules of tones."""

from pathlib import Path
from typing import Any

from crossemo.corpora.base import Part
from crossemo.data.datamodules import CrossDomainDataModule, EmotionDataModule
from tests.data.tones import Tones


def ready(data: EmotionDataModule) -> EmotionDataModule:
    data.prepare_data()
    data.setup()
    return data


def cross(root: Path, **options: Any) -> CrossDomainDataModule:
    corpora = (Tones(root), Tones(root, "song"))
    return CrossDomainDataModule(*corpora, cache_dir=root / "cache", **options)


def groups_in(data: EmotionDataModule, part: Part) -> set[str]:
    datasets = [data.dataset(role, part) for role in data.roles]
    return {unit for dataset in datasets for unit in dataset.units}
