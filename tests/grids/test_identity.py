"""One digest for what comes to the same numbers, however written; else another."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from crossemo.grids import identity
from crossemo.grids.contents import Contents
from crossemo.grids.identity import digest_of, merged

BASE = """
model: {encoder: tiny, tuning: lora, peft: {r: 8}}
data:
  class_path: CrossDomainDataModule
  init_args:
    source: {class_path: RAVDESS, init_args: {root: ROOT, channel: speech}}
    target: {class_path: RAVDESS, init_args: {root: ROOT, channel: song}}
    split: leave_one_out
    fold: 2
stages:
  source: {max_epochs: 2}
  target: {max_epochs: 2}
seed_everything: 3
trainer: {gradient_clip_val: 0.5}
"""
CONTENTS = Contents()


def digest(
    root: Path, *more: str, options: tuple[tuple[str, Any], ...] = (), base: str = BASE
) -> str:
    texts = [text.replace("ROOT", str(root)) for text in (base, *more)]
    return digest_of(merged(map(yaml.safe_load, texts), options), CONTENTS)


SAME = {
    "order": "\n".join(
        [
            "trainer: {gradient_clip_val: 0.5}",
            "seed_everything: 3",
            *BASE.strip().split("\n")[1:-2],
            BASE.strip().split("\n")[0],
        ]
    ),
    "numbers": BASE.replace("fold: 2", "fold: 2.0").replace("r: 8", "r: 8.0"),
    "defaults": BASE.replace(
        "fold: 2", "fold: 2\n    batch_size: 16\n    task: shared6\n    labels:"
    )
    .replace("tuning: lora", "tuning: lora, lr: 1.0e-3, layers: weighted")
    .replace("max_epochs: 2}", "max_epochs: 2, start_from: best, reset: []}"),
    "full names": BASE.replace("RAVDESS", "crossemo.corpora.RAVDESS").replace(
        "Cross", "crossemo.Cross"
    ),
    "wrapped": "fit:\n" + "\n".join(f"  {line}" for line in BASE.split("\n")),
    "short": BASE.replace(
        "{class_path: RAVDESS, init_args: {root: ROOT, channel: speech}}",
        "{class_path: RAVDESS, root: ROOT, channel: speech}",
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_the_way_of_writing_counts_for_nothing(name: str, ravdess: Path) -> None:
    assert digest(ravdess, base=SAME[name]) == digest(ravdess)


IRRELEVANT = """
name: other
logs: elsewhere
threads: 3
strict: true
keep_features: frames
save_every_n_steps: 7
model: {attention: eager, compile: true, gradient_checkpointing: true}
data: {init_args: {num_workers: 2, cache_dir: CACHE}}
trainer: {accelerator: cpu, enable_progress_bar: false, logger: false, strategy: ddp}
"""


def test_what_decides_no_number_counts_for_nothing(
    ravdess: Path, tmp_path: Path
) -> None:
    more = IRRELEVANT.replace("CACHE", str(tmp_path))
    assert digest(ravdess, more) == digest(ravdess)


@pytest.mark.parametrize(
    "option",
    [
        ("data.fold", 2),
        ("data.init_args.fold", 2),
        ("data.source.channel", "speech"),
        ("data.init_args.source.init_args.channel", "speech"),
        ("data.source", "RAVDESS"),
        ("stages.source.max_epochs", 2),
        ("model.peft.r", 8),
        ("seed_everything", 3),
        ("threads", 9),
    ],
)
def test_saying_it_again_changes_nothing(
    option: tuple[str, Any], ravdess: Path
) -> None:
    assert digest(ravdess, options=(option,)) == digest(ravdess)


CHANGES = [
    "model: {encoder: small}",
    "model: {lr: 0.002}",
    "model: {peft: {r: 16}}",
    "model: {peft: {r: 8, lora_alpha: 2}}",
    "model: {layers: 1}",
    "data: {init_args: {fold: 1}}",
    "data: {init_args: {split: kfold}}",
    "data: {init_args: {batch_size: 8}}",
    "data: {init_args: {target: {init_args: {channel: speech}}}}",
    "stages: {source: {max_epochs: 2}}",
    "stages: {source: {max_epochs: 2}, target: {max_epochs: 3}}",
    "stages: {target: {max_epochs: 2}, source: {max_epochs: 2}}",
    "seed_everything: 4",
    "trainer: {gradient_clip_val: 1.0}",
    "trainer: {precision: bf16-mixed}",
    "fad: {enabled: false}",
]


def test_whatever_decides_numbers_makes_another_digest(ravdess: Path) -> None:
    every = [digest(ravdess), *(digest(ravdess, more) for more in CHANGES)]
    assert len(set(every)) == len(every)
    assert {len(one) for one in every} == {12}
    assert all(set(one) <= set("0123456789abcdef") for one in every)


def test_another_version_of_crossemo_makes_another_digest(
    ravdess: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = digest(ravdess)
    monkeypatch.setattr(identity, "__version__", "999")
    assert digest(ravdess) != before


def test_configs_and_typed_options_merge_as_the_parser_merges() -> None:
    """Stages of a later config replace those before; a typed one changes one of them.

    The expected values are what LightningCLI's parser answered.
    """
    configs = [
        {"stages": {"source": {"max_epochs": 1}}, "model": {"peft": {"r": 3}}},
        {"stages": {"target": {"max_epochs": 2}}, "model": {"peft": {"alpha": 3}}},
    ]
    options = [("stages.target.lr", 2), ("model.peft.x", 2)]
    assert merged(configs, options) == {
        "stages": {"target": {"max_epochs": 2, "lr": 2}},
        "model": {"peft": {"alpha": 3, "x": 2}},
    }
    demo = {"class_path": "Demo", "init_args": {"channel": "song"}}
    data = [{"data": {"class_path": "D", "init_args": {"source": demo}}}]
    names = [("data.source", "RAVDESS"), ("data.source.root", "x")]
    assert merged(data, names)["data"]["source"] == {
        "class_path": "RAVDESS",
        "channel": "song",
        "root": "x",
    }
    callbacks = [("trainer.callbacks+", "A"), ("trainer.callbacks+", "B")]
    assert merged([], callbacks) == {"trainer": {"callbacks+": ["A", "B"]}}


def test_corpora_count_by_their_clips_wherever_they_lie(
    ravdess: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(ravdess, moved)
    assert digest_of(_data(moved), Contents()) == digest_of(_data(ravdess), Contents())
    path = sorted(moved.rglob("*.wav"))[0]
    path.write_bytes(path.read_bytes()[:-2] + b"\x01\x02")
    altered = digest_of(_data(moved), Contents())
    assert altered != digest_of(_data(ravdess), Contents())
    path.unlink()
    assert digest_of(_data(moved), Contents()) not in (
        altered,
        digest_of(_data(ravdess), Contents()),
    )


def _data(root: Path) -> dict[str, Any]:
    return merged([yaml.safe_load(BASE.replace("ROOT", str(root)))], [])


def test_encoders_and_checkpoints_count_by_content(
    wav2vec2: Path, tmp_path: Path
) -> None:
    moved, contents = tmp_path / "moved", Contents()
    shutil.copytree(wav2vec2, moved)
    assert contents.encoder(str(moved)) == contents.encoder(str(wav2vec2))
    assert contents.encoder("tiny") == "tiny"
    assert contents.encoder("facebook/wav2vec2-base") == "facebook/wav2vec2-base"
    weights = moved / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    assert Contents().encoder(str(moved)) != contents.encoder(str(wav2vec2))
    (tmp_path / "a.ckpt").write_bytes(b"1")
    (tmp_path / "b.ckpt").write_bytes(b"1")
    (tmp_path / "c.ckpt").write_bytes(b"2")
    files = [contents.file(str(tmp_path / f"{one}.ckpt")) for one in "abc"]
    assert files[0] == files[1] != files[2]
    assert contents.file("best") == "best"


def test_each_corpus_is_listed_once(
    ravdess: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listings: list[str] = []
    listing = "crossemo.grids.contents.clips_digest"
    monkeypatch.setattr(listing, lambda corpus, _: listings.append(corpus.name))
    contents = Contents()
    for fold in range(20):
        settings = merged([yaml.safe_load(BASE)], [("data.fold", fold)])
        digest_of(settings, contents)
    assert listings == ["ravdess-speech", "ravdess-song"]
