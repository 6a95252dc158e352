"""Two runs have one digest just where LightningCLI's parser makes the same of them."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from crossemo.commands.configs import load
from crossemo.grids.contents import Contents
from crossemo.grids.drafts import drafts_of, typed_options
from crossemo.grids.expansion import Document
from crossemo.grids.identity import digest_of
from crossemo.grids.validation import Validation

DATA = """data:
  class_path: CrossDomainDataModule
  init_args:
    source: {class_path: RAVDESS, init_args: {root: ROOT, channel: speech}}
    target: {class_path: RAVDESS, init_args: {root: ROOT, channel: song}}
"""
CONFIGS = [
    "model: {encoder: tiny}",
    "model: {encoder: tiny, peft: {r: 3}}",
    "model: {peft: {alpha: 2}}",
    "stages: {source: {max_epochs: 1}}",
    "stages: {target: {max_epochs: 2}}",
    "data: {init_args: {fold: 1}}",
    "data: {init_args: {source: {init_args: {channel: song}}}}",
    "data: {init_args: {task: {a: [happy], b: [sad]}}}",
    "data: {init_args: {labels: four}}",
    "data: {class_path: SpeechEmotionDataModule, init_args: {corpus: "
    "{class_path: RAVDESS, init_args: {root: ROOT, channel: speech}}}}",
    "fit: {model: {lr: 0.01}}",
    "fad: {part: all}",
]
OPTIONS = [
    "--model.encoder=tiny",
    "--model.peft.r=3",
    "--model.lr=0.01",
    "--stages.source.max_epochs=1",
    "--stages={target: {max_epochs: 2}}",
    "--data.fold=1",
    "--data.init_args.fold=0",
    "--data.source.channel=song",
    "--data.target=RAVDESS",
    "--data=CrossDomainDataModule",
    "--seed_everything=0",
]


def parsed(documents: list[Document], options: list[Document]) -> tuple[str, str]:
    """The digest of a run, and what the parser makes of it as text."""
    (draft,) = drafts_of(documents, options)
    settings: dict[str, Any] = Validation(documents).parse(draft)
    del settings["config"]
    arguments = settings["data"]["init_args"]
    labels = arguments.pop("labels", None)
    arguments["task"] = labels or arguments["task"]  # by its former name
    return digest_of(draft.settings, CONTENTS), json.dumps(settings, default=vars)


CONTENTS = Contents()


def test_digests_agree_with_the_parser(
    ravdess: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    random, pairs, refused = Random(0), set(), 0
    for _ in range(24):
        texts = [DATA, *random.choices(CONFIGS, k=random.randint(0, 2))]
        documents = [
            Document(f"{number}.yaml", load(text.replace("ROOT", str(ravdess))))
            for number, text in enumerate(texts)
        ]
        words = random.choices(OPTIONS, k=random.randint(0, 2))
        try:
            pairs.add(parsed(documents, list(typed_options(words))))
        except SystemExit:
            refused += 1
    capsys.readouterr()
    digests, settings = ({pair[place] for pair in pairs} for place in (0, 1))
    assert len(digests) == len(settings) == len(pairs)
    assert 8 < len(pairs) < 24 - refused  # so that some of them agreed
