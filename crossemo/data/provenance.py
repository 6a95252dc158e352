"""What weights have seen, by which they are never judged unless it is asked for."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from crossemo.corpora.base import Part
from crossemo.data.dataset import ClipDataset
from crossemo.data.examples import Example
from crossemo.errors import CrossEmoError, listed

# Hex digits of a file's digest. With 64 bits, 10,000 clips that are judged by weights
# that saw 10,000 others meet a false alarm once in 10^11 runs.
DIGITS = 16
NAMED = 8  # groups in a message

Clips = Mapping[Part, Iterable[Example]]


class LeakError(CrossEmoError):
    """Weights that would be judged by clips that they have seen."""


@dataclass(frozen=True)
class Material:
    """The groups of some clips and the contents of their files.

    Args:
        groups: Speakers, songs and artists, with their corpus, such as `ravdess/05`.
        contents: The first 64 bits (hex) of the digests of the files.
    """

    groups: frozenset[str] = frozenset()
    contents: frozenset[str] = frozenset()

    @classmethod
    def of(cls, examples: Iterable[Example]) -> "Material":
        """Return that of some clips, with all of their groups."""
        clips = list(examples)
        return cls(
            frozenset(group for one in clips for group in one.clip.groups),
            frozenset(one.digest[:DIGITS] for one in clips),
        )

    @classmethod
    def judging(cls, examples: Iterable[Example]) -> "Material":
        """Return that of clips that judge, with the groups that no split cuts."""
        clips = list(examples)
        ties = frozenset(g for one in clips for g in one.ties or one.clip.groups)
        return cls(ties, cls.of(clips).contents)

    def __bool__(self) -> bool:
        return bool(self.groups or self.contents)

    def __or__(self, other: "Material") -> "Material":
        return Material(self.groups | other.groups, self.contents | other.contents)

    def __and__(self, other: "Material") -> "Material":
        return Material(self.groups & other.groups, self.contents & other.contents)

    def __str__(self) -> str:
        names = sorted(self.groups)
        groups = listed(names, NAMED) if names else ""
        files = f"{len(self.contents)} files" if self.contents else ""
        return " and ".join(filter(None, [groups, files]))


@dataclass(frozen=True)
class Provenance:
    """All that weights have ever seen, whatever runs they went through.

    Args:
        train: What they were trained on.
        val: What they were chosen by.
        repositories: Those of the hub whose weights they began from, which have seen
            what their makers say.
    """

    train: Material = Material()
    val: Material = Material()
    repositories: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.train or self.val or self.repositories)

    def __or__(self, other: "Provenance") -> "Provenance":
        return Provenance(
            self.train | other.train,
            self.val | other.val,
            self.repositories | other.repositories,
        )

    def shared(self, part: Part, examples: Iterable[Example]) -> Material:
        """Return what of a part's clips makes these no fair judge of the weights.

        Clips that are tested may have been neither trained on nor chosen by; clips
        that are chosen by may not have been trained on.

        Args:
            part: What the clips are for.
            examples: The clips. They count with the groups that their split never cuts.
        """
        seen = self.train | self.val if part == "test" else self.train
        return Material.judging(examples) & seen

    def plain(self) -> dict[str, Any]:
        """Return it as plain lists, for JSON and for checkpoints."""
        parts = {
            part: {"groups": sorted(one.groups), "contents": sorted(one.contents)}
            for part, one in (("train", self.train), ("val", self.val))
        }
        return {**parts, "repositories": sorted(self.repositories)}

    @classmethod
    def read(cls, content: Mapping[str, Any], where: object) -> "Provenance":
        """Return what `plain` gave.

        Args:
            content: What it gave.
            where: Where it was read, for messages.

        Raises:
            LeakError: It is something else.
        """
        try:
            train, val = (_material(content, part) for part in ("train", "val"))
            repositories = _texts(content.get("repositories", []))
        except TypeError as error:
            raise LeakError(
                f"The record of what the weights in {where} have seen is broken: they "
                "can't be judged fairly. Take them from the run that made them again."
            ) from error
        return cls(train, val, repositories)


NOTHING = Provenance()


def _material(content: object, part: str) -> Material:
    one = _named(content, part)
    return Material(_texts(_named(one, "groups")), _texts(_named(one, "contents")))


def _named(content: object, name: str) -> object:
    if not isinstance(content, dict):
        raise TypeError
    return content.get(name)


def _texts(names: object) -> frozenset[str]:
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        raise TypeError
    return frozenset(names)


def leaks_of(
    provenance: Provenance, judged: Clips, *, allowed: bool
) -> dict[Part, Material]:
    """Return what weights have seen of the clips that would judge them, by part.

    Args:
        provenance: What they have seen.
        judged: The clips by what they are for: `test`, or `val` for a choice.
        allowed: Whether to judge by such clips all the same.

    Raises:
        LeakError: There are such clips, and it is not allowed.
    """
    shared = {part: provenance.shared(part, clips) for part, clips in judged.items()}
    leaks = {part: material for part, material in shared.items() if material}
    for part, material in leaks.items():
        if not allowed:
            raise LeakError(
                f"The weights have seen {material} in training, and the {part} part "
                "holds them: use the fold and the split of the run that the weights "
                "come from, or judge by seen clips with --model.allow_leak true, and "
                "every table will say so."
            )
    return leaks


def examples_of(loaders: Any) -> Iterator[Example]:  # noqa: ANN401
    """Yield the clips of loaders, of datasets in them and of collections of either."""
    if isinstance(loaders, ClipDataset):
        yield from loaders.examples
    elif isinstance(loaders, Mapping):
        yield from examples_of(list(loaders.values()))
    elif isinstance(loaders, list | tuple):
        for one in loaders:
            yield from examples_of(one)
    else:  # a loader or a subset; several datasets joined
        for name in ("dataset", "datasets"):
            if (inner := getattr(loaders, name, None)) is not None:
                yield from examples_of(inner)
