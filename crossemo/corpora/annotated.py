"""Corpora whose published annotations are matched with the audio that lies there."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from crossemo.corpora.base import (
    Clip,
    Corpus,
    CorpusError,
    CorpusNotFoundError,
    Part,
    Problem,
    Scale,
)
from crossemo.corpora.rows import SHOWN
from crossemo.corpora.tree import Tree, pointers
from crossemo.errors import listed
from crossemo.files import expanded, printable

FULL = 0.9  # share of the published clips from which a copy counts as full


@dataclass(frozen=True)
class Annotation:
    """What a corpus publishes of a clip, before its audio is looked for.

    Args:
        stem: Name of its audio file without suffix; unique in the corpus.
        groups: See `Clip`; the recording's own first.
        label: See `Clip`; so too the next four.
        valence: As published.
        arousal: As published.
        dominance: As published.
        part: The authors' own.
        about: Further facts by name.
        start: See `Clip`; so too the next.
        end: In seconds.
        id: Name of the clip; the corpus and the stem if empty.
    """

    stem: str
    groups: tuple[str, ...]
    label: str | None = None
    valence: float | None = None
    arousal: float | None = None
    dominance: float | None = None
    part: Part | None = None
    about: tuple[tuple[str, str], ...] = ()
    start: float = 0.0
    end: float | None = None
    id: str = ""


@dataclass(frozen=True)
class Listing:
    """The clips of a corpus and what keeps others from being used."""

    clips: Sequence[Clip]
    problems: Sequence[Problem]


class AnnotatedCorpus(Corpus):
    """A corpus in its official tree, as unpacked.

    A corpus says what its tables hold (`annotations`); what is missing, left over,
    twice or out of range is then told alike for all.

    Args:
        root: The unpacked folder, or one above it.

    Attributes:
        audio_root: The folder that the audio lies below; the root, unless a corpus can
            be told another.
        advice: What to do where the root is none of this corpus.
        passed_over: Names of folders that need not be entered.
    """

    advice: ClassVar[str]
    passed_over: ClassVar[tuple[str, ...]] = ("__MACOSX",)
    variants: ClassVar[tuple[Mapping[str, Any], ...]] = ({},)

    def __init__(self, root: str | Path) -> None:
        self.root = self.audio_root = expanded(root)

    @abstractmethod
    def annotations(self, tree: Tree) -> Iterable[Annotation]:
        """Return what is published of every clip, in a fixed order.

        Raises:
            CorpusNotFoundError: A table is not there.
            CorpusError: A table can't be understood.
        """

    def audio(self, tree: Tree) -> Mapping[str, Path]:
        """Return the audio that may be annotated, by stem."""
        return tree.audio

    def is_passed_over(self, stem: str) -> bool:
        """Return whether audio of this name lies there unused, and rightly so."""
        return False

    def clips(self) -> list[Clip]:
        """Return the annotated clips that have audio, in the order of annotation.

        Raises:
            CorpusNotFoundError: The corpus is not below the root, or none of its audio.
            CorpusError: A table can't be understood.
        """
        return list(self._listing.clips)

    def problems(self) -> list[Problem]:
        """Return what keeps clips from being used, a kind at a time."""
        return list(self._listing.problems)

    @cached_property
    def _listing(self) -> Listing:
        tree = Tree(self.root, self.advice, self.passed_over)
        annotations = list(self.annotations(tree))
        if self.audio_root != self.root:
            tree = Tree(self.audio_root, self.advice, self.passed_over)
        return listing(self, annotations, self.audio(tree))


def listing(
    corpus: AnnotatedCorpus,
    annotations: Sequence[Annotation],
    audio: Mapping[str, Path],
) -> Listing:
    """Match annotations with audio.

    Args:
        corpus: The corpus.
        annotations: What is published of every clip.
        audio: The audio by stem.

    Raises:
        CorpusNotFoundError: Nothing is annotated, or no annotated clip has audio.
        CorpusError: All annotations contradict each other.
    """
    root, audio_root = printable(corpus.root), printable(corpus.audio_root)
    if not annotations:
        raise CorpusNotFoundError(
            f"No annotated clip of {corpus.name} lies under {root}: {corpus.advice}."
        )
    single, twice = _without_repeats(annotations)
    if not single:
        raise CorpusError(
            f"All clips of {corpus.name}, such as {twice[0]}, are annotated twice, "
            "differently: correct the annotations."
        )
    names = {one.stem for one in annotations}
    missing = [one.stem for one in single if one.stem not in audio]
    if len(missing) == len(single):
        raise CorpusNotFoundError(
            f"None of the {len(single)} annotated clips of {corpus.name}, such as "
            f"{missing[0]}, has audio under {audio_root}: {corpus.advice}."
        )
    with_audio = [one for one in single if one.stem in audio]
    unfetched = pointers(audio[one.stem] for one in with_audio)
    usable = [one for one in with_audio if audio[one.stem] not in unfetched]
    if not usable:
        raise CorpusNotFoundError(
            f"All audio of {corpus.name} under {audio_root} are pointers of git-lfs: "
            "fetch the audio with `git lfs pull`."
        )
    inside = [_on_scale(one, corpus.scale) for one in usable]
    clips = [_clip(corpus, one, audio[one.stem]) for one in inside]
    off = [one.stem for one, new in zip(usable, inside, strict=True) if one != new]
    places = [one.stem for one in with_audio if audio[one.stem] in unfetched]
    # What lies in other folders may be another corpus's.
    folders = {audio[one.stem].parent for one in with_audio}
    others = [s for s in audio if s not in names and audio[s].parent in folders]
    strays = [stem for stem in others if not corpus.is_passed_over(stem)]
    coverage = f"audio of {len(with_audio):,} of {len(single):,} clips is there"
    problems = [
        _problem(corpus, kind, stems, what)
        for kind, stems, what in (
            ("annotated twice, differently", twice, "and are left out"),
            ("annotated, no audio", missing, f"and are left out; {coverage}"),
            ("pointer of git-lfs", places, "not audio: fetch it with `git lfs pull`"),
            ("outside the scale", off, f"of {corpus.scale}, and count as not given"),
            ("audio, not annotated", strays, "and are left out"),
        )
        if stems
    ]
    return Listing(clips, [*problems, *_other_counts(corpus, clips)])


def _without_repeats(
    annotations: Sequence[Annotation],
) -> tuple[list[Annotation], list[str]]:
    """Return each annotation once, and the stems of those that contradict another."""
    first: dict[str, Annotation] = {}
    twice: dict[str, None] = {}
    for one in annotations:
        if first.setdefault(one.stem, one) != one:
            twice[one.stem] = None
    return [one for stem, one in first.items() if stem not in twice], list(twice)


def _on_scale(one: Annotation, scale: Scale | None) -> Annotation:
    """Return an annotation without values that its scale doesn't have."""
    if scale is None:
        return one
    valence, arousal, dominance = (
        value if value is not None and value in scale else None
        for value in (one.valence, one.arousal, one.dominance)
    )
    return replace(one, valence=valence, arousal=arousal, dominance=dominance)


def _clip(corpus: Corpus, one: Annotation, path: Path) -> Clip:
    return Clip(
        id=one.id or f"{corpus.name}/{one.stem}",
        path=path,
        groups=one.groups,
        label=one.label,
        valence=one.valence,
        arousal=one.arousal,
        dominance=one.dominance,
        start=one.start,
        end=one.end,
        part=one.part,
        about=one.about,
    )


def _problem(corpus: Corpus, kind: str, stems: Sequence[str], what: str) -> Problem:
    number = f"{len(stems)} clip" + "s" * (len(stems) > 1)
    sentence = f"{number} ({listed(stems, SHOWN)}): {kind}, {what}."
    return Problem(kind, sentence, tuple(f"{corpus.name}/{stem}" for stem in stems))


def _other_counts(corpus: Corpus, clips: Sequence[Clip]) -> list[Problem]:
    """Return where a full copy holds other numbers than were published."""
    expected = corpus.expected
    if len(clips) < FULL * expected.get("clips", len(clips) + 1):
        return []
    counts = Counter(clip.label for clip in clips if clip.label is not None)
    counts["clips"] = len(clips)
    others = [
        f"{counts[name]} {name} for {number}"
        for name, number in expected.items()
        if counts[name] != number
    ]
    if not others:
        return []
    what = f"the copy holds other numbers than were published: {listed(others)}."
    return [Problem("other numbers than published", what, ())]
