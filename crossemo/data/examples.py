"""Clips of a corpus with what is learnt of them."""

import logging
from collections import Counter
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from crossemo.corpora.base import Clip, Corpus, CorpusError, Problem
from crossemo.corpora.copies import without_copies
from crossemo.corpora.facts import FileFacts, clip_key, file_facts
from crossemo.corpora.vocabulary import unknown_words
from crossemo.data.windows import CUT, WHOLE, Windowing
from crossemo.emotions import UnknownEmotionError
from crossemo.errors import CrossEmoError
from crossemo.tasks import Target

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Example:
    """A clip with its target.

    Args:
        clip: The clip.
        key: What its samples are known by, see `Clip.key`.
        target: What is learnt of it.
        unit: Its unit, which no split cuts; the clip's first group before units are
            known.
        ties: The clip's groups that tie it to its unit: all of them, unless a corpus's
            own parts cut some.
        corpus: Name of the corpus that it is of.
        windowing: How it is cut where it is long.
        seconds: Its length as far as the file's header tells; None where it doesn't.
    """

    clip: Clip
    key: str
    target: Target
    unit: str
    ties: tuple[str, ...] = ()
    corpus: str = ""
    windowing: Windowing = WHOLE
    seconds: float | None = None

    @property
    def digest(self) -> str:
        """The digest of its file, whichever stretch of it the clip is."""
        return self.key.partition("@")[0]

    @property
    def cut_key(self) -> str:
        """What hidden states of it are known by, which another cut makes others."""
        window, hop = self.windowing.window, self.windowing.hop
        return f"{self.key}{CUT}{window}-{hop}" if window else self.key


def take_examples(
    corpus: Corpus,
    target_of: Callable[[Clip, Corpus], Target | None],
    cache_dir: str | Path | None = None,
    strict: bool = False,
    progress: bool = False,
    left_out: MutableMapping[str, str] | None = None,
    windowing: Windowing = WHOLE,
    excerpt: float | None = None,
) -> list[Example]:
    """Return the clips of a corpus that have a target, each content once.

    Only their files are read, and only those that are new or have changed.

    Args:
        corpus: The corpus.
        target_of: What is learnt of a clip, see `Task.target`; None leaves it out.
        cache_dir: The cache folder; `crossemo.cache.cache_dir` if None.
        strict: Refuse problems of the corpus instead of leaving clips out.
        progress: Show a bar.
        left_out: Gets the reason why a clip or a file is left out, by its name.
        windowing: How long clips are cut.
        excerpt: The middle seconds to which longer clips are cut; None takes them
            whole, as it is with those whose files don't tell how long they are.

    Raises:
        CorpusError: The corpus can't be read, or labels are no words of crossemo.
        CrossEmoError: With `strict`, clips must be left out.
    """
    wanted = _of_task(corpus, target_of)
    paths = [clip.path for clip in wanted]
    facts = file_facts(paths, corpus.root, cache_dir, progress)
    clips, problems = without_copies(
        wanted, facts, lambda c: _class(target_of(c, corpus))
    )
    problems = [*corpus.problems(), *problems]
    report_problems(corpus, problems, strict)
    if left_out is not None:
        left_out.update({one.id: "copy of another clip" for one in wanted})
        left_out.update({name: one.kind for one in problems for name in one.where})
        for clip in clips:
            left_out.pop(clip.id, None)
    examples = []
    for whole in clips:
        clip = whole if excerpt is None else middle(whole, facts[whole.path], excerpt)
        target = target_of(clip, corpus)
        if target is not None:
            one = Example(
                clip,
                clip_key(clip, facts),
                target,
                clip.groups[0],
                corpus=corpus.name,
                windowing=windowing,
                seconds=facts[clip.path].seconds_of(clip),
            )
            examples.append(one)
    return examples


def middle(clip: Clip, facts: FileFacts, seconds: float) -> Clip:
    """Return the middle seconds of a clip that is longer; otherwise the clip.

    Args:
        clip: The clip.
        facts: What its file holds. Where its length isn't known, the clip stays.
        seconds: How many.
    """
    length = facts.seconds_of(clip)
    if length is None or length <= seconds:
        return clip
    start = round(clip.start + (length - seconds) / 2, 3)
    return replace(clip, start=start, end=round(start + seconds, 3))


def _class(target: Target | None) -> int | None:
    """Return the class that a target is; values are none."""
    return target if isinstance(target, int) else None


def _of_task(
    corpus: Corpus, target_of: Callable[[Clip, Corpus], Target | None]
) -> list[Clip]:
    """Return the clips that have a target.

    Raises:
        CorpusError: Labels are no words that crossemo knows.
    """
    clips: list[Clip] = []
    unknown: Counter[str] = Counter()
    for clip in corpus.clips():
        try:
            if target_of(clip, corpus) is not None:
                clips.append(clip)
        except UnknownEmotionError:
            unknown[str(clip.label)] += 1
    if unknown:
        raise CorpusError(unknown_words(corpus.name, unknown))
    return clips


def report_problems(corpus: Corpus, problems: Sequence[Problem], strict: bool) -> None:
    """Say, once for each kind, why clips of a corpus are left out.

    Raises:
        CrossEmoError: With `strict`, there is a problem.
    """
    kinds = Counter(problem.kind for problem in problems)
    for kind, number in kinds.items():
        first = next(problem for problem in problems if problem.kind == kind)
        more = f" ({number - 1} more of this kind)" if number > 1 else ""
        sentence = f"In {corpus.name}, {first.what.rstrip('.')}{more}."
        if strict:
            raise CrossEmoError(sentence)
        logger.warning(sentence)
