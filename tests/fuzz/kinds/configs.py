"""Configs with damaged bytes, structure and values, and options typed at random."""

import contextlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import yaml

from crossemo.errors import CrossEmoError
from tests.commands.parsing import refusal

CONFIGS = sorted((Path(__file__).parents[3] / "configs").rglob("*.yaml"))
DEMO = str(next(path for path in CONFIGS if path.name == "demo.yaml"))
Rng = np.random.Generator
Choice = TypeVar("Choice")


def _words(text: str) -> list[str]:
    return text.split()


NUMBERS = [0, -1, 3, 1.5, 1e308, float("nan"), float("inf"), 10**30, -(10**30)]
TEXTS = _words(r"""
x true null 3 1e-3 .nan ~ * &a % @ ` {a:3} [1,2 ] 2026-13-45 [/red] $x^$ ../x / ~/x . ..
- -- = # a.b.c \ud800 ключ RAVDESS Demo LayerwiseProbes CrossDomainDataModule os.getcwd
torch.nn crossemo.Stage crossemo nowhere.yaml !!python/object:x
""")
PARTS = yaml.safe_load("""
[[], [1], [x], [[]], [null], [{}], {}, {a: 1}, {a: null}, {class_path: x}, {'': 1},
{class_path: Demo}, {class_path: 3}, {class_path: Demo, init_args: 3}, {init_args: {}},
{dict_kwargs: {x: 1}}, {class_path: null}, {a b: 1}, {__path__: x}, {a.b: 1},
{class_path: Demo, extra: 1}, {x: {y: []}}]
""")
ODD = ["", " ", "a: b", "a\0b", "\ud800", "9" * 5000, "x" * 300, "x" * 100_000]
VALUES: list[Any] = [None, True, *NUMBERS, *TEXTS, *PARTS, *ODD]
KEYS = _words("""
name logs threads seed_everything keep_features save_every_n_steps ckpt_path config
print_config help version model data stages fad trainer model.lr model.encoder
model.tuning model.peft model.layers model.classes model.class_path model.penalties
model.seed data.source data.target.channel data.labels data.task data.split
data.task.loss data.batch_size
data.class_path data.init_args.fold data.roles data.source.init_args.takes stages.source
stages.source.max_epochs stages.x.train stages.source.data stages.target.start_from
stages.source.reset stages.a.b.c fad.enabled fad.layers fad.estimate fad.estimate.splits
trainer.devices trainer.callbacks trainer.logger trainer.max_epochs trainer.precision
trainer.strategy trainer.plugins trainer.callbacks.monitor lr taget x data.taget model.
.model model..lr trainer.max_time weights_only
""")


def make(rng: Rng, folder: Path) -> Path:
    """Write a config, and the words of a command that names it."""
    source = CONFIGS[rng.integers(len(CONFIGS))].read_bytes()
    damage = DAMAGES[rng.integers(len(DAMAGES))]
    folder.mkdir(exist_ok=True)
    (folder / "config.yaml").write_bytes(damage(rng, source))
    words = _pick(rng, [
        ["--config", "config.yaml"],
        ["--config", DEMO, "--config", "config.yaml"],
        ["--config=config.yaml"],
        ["--config", DEMO, f"--{_pick(rng, KEYS)}", "config.yaml"],
    ])  # fmt: skip
    if rng.random() < 0.5:
        words = ["--config", DEMO] if rng.random() < 0.5 else words
        for _ in range(rng.integers(1, 3)):
            words += _typed(rng)
    (folder / "words.json").write_text(json.dumps(words))
    return folder


def use(path: Path) -> None:
    """Parse what the command would."""
    with contextlib.chdir(path):
        if sentence := refusal(command(path)):
            raise CrossEmoError(sentence)


def command(path: Path) -> list[str]:
    """Return the words that meet the config."""
    words: list[str] = json.loads((path / "words.json").read_text())
    paths = {"config.yaml": str(path / "config.yaml")}
    paths |= {f"--config={name}": f"--config={full}" for name, full in paths.items()}
    return ["fit", *(paths.get(word, word) for word in words), "--print_config"]


def _pick(rng: Rng, choices: Sequence[Choice]) -> Choice:
    return choices[int(rng.integers(len(choices)))]


def _typed(rng: Rng) -> list[str]:
    value = _pick(rng, VALUES)
    text = value if isinstance(value, str) else json.dumps(value)
    text = text.replace("\0", "").replace("\ud800", "")
    key = f"{_pick(rng, ['--', '--', '--', '-', ''])}{_pick(rng, KEYS)}"
    return _pick(rng, [[key, text], [f"{key}={text}"], [f"{key}+={text}"], [text]])


def _bytes(rng: Rng, source: bytes) -> bytes:
    content = bytearray(source)
    for _ in range(rng.integers(1, 20)):
        content[rng.integers(len(content))] = rng.integers(256)
    return bytes(content)


def _cut(rng: Rng, source: bytes) -> bytes:
    return source[: rng.integers(len(source))]


def _noise(rng: Rng, source: bytes) -> bytes:
    return rng.bytes(int(rng.integers(2000)))


def _encoded(rng: Rng, source: bytes) -> bytes:
    text = source.decode() + "name: stück\n"
    names = ["latin-1", "utf-16", "utf-16-le", "utf-32", "utf-8-sig", "cp500"]
    return text.encode(_pick(rng, names), errors="replace")


def _characters(rng: Rng, source: bytes) -> bytes:
    text = source.decode()
    for _ in range(rng.integers(1, 4)):
        place = rng.integers(len(text))
        piece = _pick(rng, [*"\t\n:-?{}[],#&*!|>'\"%@` ", ": ", "- ", "\n---\n"])
        text = text[:place] + piece + text[place + rng.integers(2) :]
    return text.encode()


def _appended(rng: Rng, source: bytes) -> bytes:
    depth = int(_pick(rng, [20, 60, 1000, 5000]))
    laughs = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 12)]
    more = _pick(rng, [
        "name: " + "[" * depth + "]" * depth,
        "\n".join(" " * n + "a:" for n in range(depth)),
        "model: " + "{a: " * depth + "1" + "}" * depth,
        "\n".join(["l0: &l0 [x, x, x]", *laughs]),
        "stages: &s {source: *s}",
        "name: 2026-13-45",
        "seed_everything: " + "9" * 5000,
        "model: {peft: {r:16}}",
        "stages: {1: {max_epochs: 1}, true: {}, ~: {}}",
        "- a",
        "name: *",
        "name: !!python/object/apply:os.getcwd []",
        "? [a, b]\n: 1",
        "<<: {threads: 1}",
        "k" * 100_000 + ": 1",
    ])  # fmt: skip
    return source + b"\n" + more.encode()


def _values(rng: Rng, source: bytes) -> bytes:
    settings = yaml.safe_load(source)
    for _ in range(rng.integers(1, 4)):
        _change(rng, settings)
    text: str = yaml.safe_dump(settings, allow_unicode=True)
    return text.encode(errors="replace")


def _change(rng: Rng, settings: dict[str, Any]) -> None:
    """Change a value or a key at a random place, in place."""
    part: Any = settings
    while True:
        key = _pick(rng, list(part)) if part else "x"
        below = part.get(key)
        if not (isinstance(below, dict) and below and rng.random() < 0.75):
            break
        part = below
    match rng.integers(4):
        case 0:
            part[key] = _pick(rng, VALUES)
        case 1:
            part[_misspelt(rng, str(key))] = part.pop(key, None)
        case 2:
            part.pop(key, None)
        case _:
            part[_pick(rng, KEYS).rpartition(".")[2]] = _pick(rng, VALUES)


def _misspelt(rng: Rng, name: str) -> str:
    place = rng.integers(len(name) + 1)
    letter: str = _pick(rng, ["", "x", " ", "."])
    return name[:place] + letter + name[place + 1 :]


def _whole(rng: Rng, source: bytes) -> bytes:
    return source


DAMAGES: list[Callable[[Rng, bytes], bytes]] = [
    _bytes, _cut, _noise, _encoded, _characters, _appended, _appended, _values, _values,
    _values, _whole,
]  # fmt: skip
