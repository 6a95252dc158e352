"""Copies of clips: which one stays, and whose labels can't be trusted."""

import logging
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from crossemo import audio
from crossemo.corpora.base import PARTS, Clip, CorpusError, Problem
from crossemo.corpora.facts import FileFacts, clip_key
from crossemo.files import printable

_RATE = 16_000  # Hz, at which it is tried whether copies are sound

logger = logging.getLogger(__name__)


def _label(clip: Clip) -> Hashable:
    return clip.label


def without_copies(
    clips: Sequence[Clip],
    facts: Mapping[Path, FileFacts],
    class_of: Callable[[Clip], Hashable] = _label,
) -> tuple[list[Clip], list[Problem]]:
    """Leave out clips that repeat another one byte for byte.

    Of copies of one class one stays, with the groups of all: the first, or where the
    authors have put copies in different parts, that of the test part, then of the
    validation part. Copies of different classes are all left out, as none can be
    trusted; values may differ, as raters do. Files that are empty or can't be read are
    no copies of each other.

    Args:
        clips: Clips of one corpus.
        facts: Facts of their files.
        class_of: What a clip is, such as its class in a task; its label by default.

    Returns:
        The clips that stay, and what is wrong with others.

    Raises:
        CorpusError: Clips of one name differ in content.
    """
    _refuse_namesakes(clips, facts)
    alike: dict[str, list[Clip]] = {}
    for clip in clips:
        alike.setdefault(clip_key(clip, facts), []).append(clip)
    trusted = {
        key: copies
        for key, copies in alike.items()
        if len({class_of(clip) for clip in copies}) == 1
    }
    problems = [
        _problem(copies, class_of)
        for key, copies in alike.items()
        if key not in trusted
    ]
    repeated = [copies for copies in trusted.values() if len(copies) > 1]
    if repeated:
        first, second = repeated[0][:2]
        logger.warning(
            "%d of %d files are left out, being byte for byte copies (first: %s of %s)",
            sum(map(len, repeated)) - len(repeated),
            len(clips),
            printable(second.path),
            printable(first.path),
        )
    return [_united(copies) for copies in trusted.values()], problems


def _united(copies: Sequence[Clip]) -> Clip:
    """Return the copy of the strongest part, with the groups of all."""
    best = max(copies, key=lambda one: PARTS.index(one.part) if one.part else -1)
    groups = chain(best.groups, *(one.groups for one in copies))
    return replace(best, groups=tuple(dict.fromkeys(groups)))


def _problem(copies: Sequence[Clip], class_of: Callable[[Clip], Hashable]) -> Problem:
    if refusal := _refusal(copies[0]):
        return Problem(
            "same bytes, no sound",
            f"{refusal.rstrip('.')}, and {len(copies)} clips hold the same bytes.",
            tuple(clip.id for clip in copies),
        )
    firsts = {class_of(clip): clip for clip in reversed(copies)}
    named = [clip for clip in copies if firsts[class_of(clip)] is clip]
    labels = " and ".join(f"{printable(c.path)} ({_said(c)})" for c in named[:2])
    return Problem(
        "same bytes, other label",
        f"{labels} hold the same bytes under different labels: remove the one whose "
        "name is wrong.",
        tuple(clip.id for clip in copies),
    )


def _said(clip: Clip) -> str:
    """Return what was published of a clip."""
    values = (clip.valence, clip.arousal)
    return clip.label or ", ".join(f"{v:g}" for v in values if v is not None)


def _refusal(clip: Clip) -> str:
    """Return why a clip is no sound, such as a page of a web server; empty if it is."""
    try:
        audio.decode(clip.path, _RATE, clip.start, clip.end)
    except audio.AudioError as error:
        return str(error) if clip.path.exists() else ""
    return ""


def _refuse_namesakes(clips: Sequence[Clip], facts: Mapping[Path, FileFacts]) -> None:
    named: dict[str, Clip] = {}
    for clip in clips:
        first = named.setdefault(clip.id, clip)
        if facts[first.path].digest != facts[clip.path].digest:
            raise CorpusError(
                f"{printable(first.path)} and {printable(clip.path)} have one name and "
                "differ in content: give a root that holds only one of them."
            )
        if clip_key(first, facts) != clip_key(clip, facts):
            raise CorpusError(
                f"Two stretches of {printable(clip.path)} have one name, {clip.id}: "
                "give each a name of its own."
            )
