"""What a corpus holds: clips, durations, units and problems, before any training."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from crossemo.corpora.base import PARTS, Clip, Corpus, Problem
from crossemo.corpora.copies import without_copies
from crossemo.corpora.facts import FileFacts, clip_key, file_facts
from crossemo.corpora.tree import pointers
from crossemo.data.units import CONTENT, tied
from crossemo.emotions import WORDS

VALUES = ("valence", "arousal", "dominance")


@dataclass(frozen=True)
class Overview:
    """The clips of a corpus and what their files hold.

    Args:
        corpus: The corpus.
        clips: Its clips, copies left out.
        facts: What the files of all of them hold.
        problems: What keeps others from being used.
        role: The role of the corpus in a config; empty where there is none.
        parts: Part of each clip, by its id, in that config; the authors' own if empty.
        classes: Class of each clip, by its id, in the task of that config.
    """

    corpus: Corpus
    clips: Sequence[Clip]
    facts: Mapping[Path, FileFacts]
    problems: Sequence[Problem]
    role: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)
    classes: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def seconds(self) -> dict[str, float]:
        """Duration of each clip by its id; those whose header says none are absent."""
        durations = {}
        for clip in self.clips:
            fact, end = self.facts[clip.path], clip.end
            if fact.samples and fact.rate:
                length = fact.samples / fact.rate
                end = length if end is None else min(end, length)
            if end is not None:
                durations[clip.id] = max(0.0, end - clip.start)
        return durations

    @cached_property
    def units(self) -> dict[str, str]:
        """Unit of each clip by its id: what no split cuts."""
        united = tied(clip.groups for clip in self.clips)
        return {clip.id: united[clip.groups[0]] for clip in self.clips}

    def part(self, clip: Clip) -> str:
        """Return the part of a clip; empty where it has none."""
        return self.parts.get(clip.id, "") if self.parts else clip.part or ""

    def word(self, label: str) -> str:
        """Return what a published label means; empty where crossemo has no word."""
        word = self.corpus.word(label)
        return word if word in WORDS else ""

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows of `overview.csv`: how many clips of each kind, how long."""
        yield self._row("all", "", self.clips)
        kinds: dict[str, Callable[[Clip], str]] = {
            "part": self.part,
            "class": lambda clip: self.classes.get(clip.id, ""),
            "label": lambda clip: clip.label or "",
            "rate": lambda clip: _text(self.facts[clip.path].rate, " Hz"),
            "channels": lambda clip: _text(self.facts[clip.path].channels),
            "format": lambda clip: clip.path.suffix[1:].lower(),
        }
        for kind, name_of in kinds.items():
            members: dict[str, list[Clip]] = {}
            for clip in self.clips:
                members.setdefault(name_of(clip), []).append(clip)
            if set(members) != {""}:
                for name in sorted(members, key=_rank):
                    yield self._row(kind, name, members[name])

    def values(self) -> dict[str, list[float]]:
        """Return the published values of the clips that have any, by name."""
        columns = {
            name: [v for clip in self.clips if (v := getattr(clip, name)) is not None]
            for name in VALUES
        }
        return {name: column for name, column in columns.items() if column}

    def _row(self, kind: str, name: str, clips: Sequence[Clip]) -> dict[str, Any]:
        seconds = [self.seconds[one.id] for one in clips if one.id in self.seconds]
        return {
            "role": self.role,
            "corpus": self.corpus.name,
            "kind": kind,
            "name": name,
            "word": self.word(name) if kind == "label" else "",
            "clips": len(clips),
            "units": len({self.units[clip.id] for clip in clips}),
            "hours": round(sum(seconds) / 3600, 4),
            "shortest": round(min(seconds), 3) if seconds else "",
            "longest": round(max(seconds), 3) if seconds else "",
        }


def overview(
    corpus: Corpus, cache_dir: str | Path | None = None, progress: bool = False
) -> Overview:
    """List a corpus and read its files.

    Args:
        corpus: The corpus.
        cache_dir: The cache folder; `crossemo.cache.cache_dir` if None.
        progress: Show a bar.

    Raises:
        CorpusError: The corpus can't be read.
    """
    every = corpus.clips()
    paths = [clip.path for clip in every]
    facts = file_facts(paths, corpus.root, cache_dir, progress)
    clips, copies = without_copies(every, facts)
    problems = [*corpus.problems(), *copies, *_repeated(every, clips, copies, facts)]
    headless = [clip for clip in clips if not facts[clip.path].rate]
    unfetched = pointers(clip.path for clip in headless)
    if where := tuple(clip.id for clip in headless if clip.path in unfetched):
        what = (
            f"{len(where)} files, such as {where[0]}, are pointers of git-lfs, not "
            "audio: fetch it with `git lfs pull`."
        )
        problems.append(Problem("pointer of git-lfs", what, where))
    silent = tuple(clip.id for clip in headless if clip.path not in unfetched)
    if silent:
        what = f"{len(silent)} files, such as {silent[0]}, have no header of audio."
        problems.append(Problem("no audio", what, silent))
    return Overview(corpus, clips, facts, problems)


def _repeated(
    every: Sequence[Clip],
    clips: Sequence[Clip],
    copies: Sequence[Problem],
    facts: Mapping[Path, FileFacts],
) -> list[Problem]:
    """Return the clips that are left out as another one has their content and label."""
    used = {clip.id for clip in clips}
    used |= {name for problem in copies for name in problem.where}
    left = tuple(clip.id for clip in every if clip.id not in used)
    if not left:
        return []
    first = next(clip for clip in every if clip.id == left[0])
    key = clip_key(first, facts)
    other = next(clip.id for clip in clips if clip_key(clip, facts) == key)
    what = f"{len(left)} clips are copies of others, such as {left[0]} of {other}."
    return [Problem("copy of another clip", what, left)]


def shared_units(overviews: Sequence[Overview]) -> Counter[tuple[str, str]]:
    """Return how many units each pair of corpora shares, by groups or by content."""
    owners: dict[str, set[str]] = {}
    for one in overviews:
        groups = {group for clip in one.clips for group in clip.groups}
        digests = {one.facts[clip.path].digest for clip in one.clips}
        for name in groups | {f"{CONTENT}{digest}" for digest in digests if digest}:
            owners.setdefault(name, set()).add(one.corpus.name)
    pairs: Counter[tuple[str, str]] = Counter()
    for names in owners.values():
        first, *others = sorted(names)
        pairs.update((first, other) for other in others)
    return pairs


def _rank(name: str) -> tuple[int, str]:
    """Return the place of a name: parts have an order, and nothing comes last."""
    place = PARTS.index(name) if name in PARTS else len(PARTS)
    return place if name else len(PARTS) + 1, name


def _text(value: object, unit: str = "") -> str:
    return "unknown" if value is None else f"{value}{unit}"
