"""What is known of a model besides its weights: `crossemo.yaml` of a shared folder."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import yaml

from crossemo.data.provenance import NOTHING, LeakError, Provenance
from crossemo.errors import CrossEmoError, reason_of
from crossemo.files import write_text
from crossemo.runs.checkpoint_shape import Shape, misfit

FILE = "crossemo.yaml"
MOST_BYTES = 64 << 20  # a million digests of clips take half of it
_DEEPEST = 20  # lists and mappings in each other
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

Form = Literal["checkpoint", "transformers", "crossemo"]

_ANY = {"*": object}
_NUMBER = (type(None), int, float)
_SEEN = {"groups": [str], "contents": [str]}
_FACTS: dict[str, Shape] = {
    "crossemo": str,
    "form": str,
    "task": str,
    "classes": [str],
    "sampling_rate": int,
    "hyperparameters": _ANY,
    "encoder": {
        "name": str,
        "repository": (type(None), str),
        "revision": (type(None), str),
        "fingerprint": str,
    },
    "obstacle": (type(None), str),
    "oldest": (type(None), str),
    "labels": (type(None), str),
    "scales": {"*": {"low": _NUMBER, "high": _NUMBER, "middle": _NUMBER}},
    "window": _NUMBER,
    "hop": _NUMBER,
    "excerpt": _NUMBER,
    "roles": {"*": _ANY},
    "scores": [
        {
            "role": str,
            "corpus": str,
            "part": str,
            "split": _ANY,
            "scores": {"*": _NUMBER},
            "intervals": {"*": [_NUMBER]},
        }
    ],
    "origin": _ANY,
    "sums": {"*": str},
    "seen": {"train": _SEEN, "val": _SEEN},
}


class ModelError(CrossEmoError):
    """A model that can't be read or shared; the message says why and what to do."""


@dataclass(frozen=True)
class ModelFacts:
    """What is known of a model besides its weights.

    Args:
        crossemo: Version of crossemo that wrote it.
        form: What the weights lie in: a `checkpoint`, a folder that plain
            `transformers` reads, or one that needs `crossemo`.
        obstacle: Why plain transformers can't hold it; None where it can, or wasn't
            asked to.
        oldest: Oldest version of transformers that computes the same of a folder in
            its form; None of another form.
        task: Kind of the task, `classes` or `values`.
        classes: Names of the outputs in order: of classes, or of values.
        sampling_rate: Of what the model hears, in Hz.
        hyperparameters: Arguments of `EmotionRecognizer` that it was trained with.
        encoder: What it was made of: `name`, as it was given; `repository` and
            `revision` of the hub, None where it was local or random; `fingerprint` of
            its weights before any training.
        seen: Groups and digests of all clips that the weights were ever trained on and
            chosen by.
        labels: Name of the label space; None for values and in a bare checkpoint.
        scales: By corpus, the scale that it publishes values on: `low`, `high` and
            `middle`. The model's own is from -1 to 1 about the middle.
        window: Seconds that a clip was heard at once; None where clips stayed whole.
        hop: Seconds from the start of one window to that of the next.
        excerpt: Seconds of longer clips that were taken, from their middle; None where
            clips stayed whole.
        roles: By role of the run, its `corpus` and `domain`, whether the last stage
            `trained` on it, and the clips of each part.
        scores: A test each, see `crossemo.sharing.checkpoint_facts`.
        origin: Which `run` and `stage` it is of, its `stages` in order, `epoch`,
            `step`, `seed`, `monitor` and `score` on validation, and `versions` of the
            libraries that numbers come from.
        sums: By name, BLAKE2b digests of the other files of a shared folder.
    """

    crossemo: str
    form: Form
    task: str
    classes: tuple[str, ...]
    sampling_rate: int
    hyperparameters: Mapping[str, Any]
    encoder: Mapping[str, str | None]
    seen: Provenance = NOTHING
    obstacle: str | None = None
    oldest: str | None = None
    labels: str | None = None
    scales: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    window: float | None = None
    hop: float | None = None
    excerpt: float | None = None
    roles: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    scores: tuple[Mapping[str, Any], ...] = ()
    origin: Mapping[str, Any] = field(default_factory=dict)
    sums: Mapping[str, str] = field(default_factory=dict)

    @property
    def corpora(self) -> list[str]:
        """Names of the corpora that the weights have seen, as far as is known."""
        groups = self.seen.train.groups | self.seen.val.groups
        return sorted({group.partition("/")[0] for group in groups})

    @property
    def false_alarms(self) -> tuple[float, float, float] | None:
        """Share of clips of new speakers or songs that it warns of, and its interval.

        As its test counted them in what it trained on; the highest, if in several
        roles, and None where no fair test did.
        """
        shares = [
            (row["scores"]["unfamiliar"], *row["intervals"]["unfamiliar"])
            for row in self.scores
            if (role := self.roles.get(row["role"], {})).get("trained")
            and row["corpus"] == role.get("corpus")
            and not row.get("leak")
            and "unfamiliar" in row["scores"]
        ]
        return max(shares, default=None)

    def plain(self) -> dict[str, Any]:
        """Return all of it as plain values, what is longest last."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        values["hyperparameters"] = dict(self.hyperparameters)
        for name, value in values["hyperparameters"].items():
            if isinstance(value, tuple):
                values["hyperparameters"][name] = list(value)
        values |= {"classes": list(self.classes), "scores": list(self.scores)}
        del values["seen"]
        return values | {"seen": self.seen.plain()}

    def write(self, folder: Path) -> None:
        """Write `crossemo.yaml`.

        Raises:
            OSError: The folder can't be written or the disk is full.
        """
        text = yaml.dump(
            self.plain(), Dumper=_NoAliases, sort_keys=False, allow_unicode=True
        )
        write_text(folder / FILE, text)

    @classmethod
    def read(cls, folder: Path) -> "ModelFacts":
        """Return what `write` wrote.

        Raises:
            ModelError: It isn't there, or is something else.
        """
        path = folder / FILE
        content = _load(path)
        place = misfit(content, _FACTS)
        if place is None and content["form"] not in ("transformers", "crossemo"):
            place = "form"
        if place is None and len(content["classes"]) < 1:
            place = "classes"
        if place is not None:
            what = f"what stands under {place!r} is" if place else "what is in it is"
            raise ModelError(
                f"{path} is no record of a model of crossemo's: {what} not what "
                "crossemo export writes. Export the model again, or take it from "
                "where it was published."
            )
        try:
            seen = Provenance.read(content["seen"], path)
        except LeakError as error:
            raise ModelError(str(error)) from error
        known = {one.name: content[one.name] for one in fields(cls)}
        classes = tuple(content["classes"])
        return cls(
            **known
            | {
                "classes": classes,
                "hyperparameters": content["hyperparameters"] | {"classes": classes},
                "scores": tuple(content["scores"]),
                "seen": seen,
            }
        )


class _NoAliases(_Dumper):  # type: ignore[misc]
    """Writes everything where it belongs, as a reader within bounds wants it."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _load(path: Path) -> Any:  # noqa: ANN401
    """Return the plain values of a YAML file, within bounds and without aliases."""
    try:
        if not path.is_file():
            raise ModelError(
                f"{path.parent} holds no {FILE}, so crossemo export didn't write it: "
                "name a folder that it wrote, or a folder of a run."
            )
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES >> 20} MB")
        text = path.read_text("utf-8")
        depth = 0
        for event in yaml.parse(text, Loader=_Loader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST or isinstance(event, yaml.AliasEvent):
                raise ValueError("it holds more than such a file needs")
        return yaml.load(text, _Loader)
    except (OSError, ValueError, yaml.YAMLError) as error:
        if isinstance(error, CrossEmoError):
            raise
        raise ModelError(f"{path} can't be read: {reason_of(error)}.") from error
