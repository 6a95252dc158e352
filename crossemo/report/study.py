"""What figures are of, as their titles say it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from crossemo.corpora.base import Corpus
from crossemo.data.marks import NO_MARK, Mark


@dataclass(frozen=True)
class Study:
    """An encoder and the corpora of a run; without them roles name themselves.

    Args:
        encoder: Name of the encoder.
        corpora: Name of the corpus in each role, no two alike.
        domains: Domain of the corpus in each role.
    """

    encoder: str = ""
    corpora: Mapping[str, str] = field(default_factory=dict)
    domains: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls, encoder: str, roles: Mapping[str, Corpus], mark: Mark = NO_MARK
    ) -> Self:
        """Return that of a run.

        Args:
            encoder: Name or folder of the encoder, which bears the sign of the mark.
            roles: Corpus by role.
            mark: What the weights know of their clips.
        """
        times = Counter(corpus.name for corpus in roles.values())
        names = {
            role: one.name if times[one.name] == 1 else f"{one.name}, {role}"
            for role, one in roles.items()
        }
        domains = {role: one.domain for role, one in roles.items()}
        return cls(Path(encoder).name + mark.sign, names, domains)

    def marked(self, mark: Mark) -> Self:
        """Return the same, whose encoder bears the sign of a mark."""
        return replace(self, encoder=self.encoder + mark.sign)

    def name(self, role: str) -> str:
        """Return what to call a role, or a stage that is named after one."""
        return self.corpora.get(role, role)

    def title(self, what: str, clips: Mapping[str, int]) -> str:
        """Return a title that says what is shown, of which clips and by which encoder.

        Args:
            what: What is shown.
            clips: How many clips of each role.

        >>> study = Study("tiny", {"target": "ravdess-song"}, {"target": "music"})
        >>> print(study.title("confusion", {"target": 44}))
        tiny: confusion
        ravdess-song (music, n=44)
        """
        first = ": ".join(filter(None, (self.encoder, what)))
        corpora = ", ".join(self._of(role, number) for role, number in clips.items())
        return f"{first}\n{corpora}".strip()

    def _of(self, role: str, number: int) -> str:
        name, domain = self.name(role), self.domains.get(role, "")
        facts = [f"n={number}"]
        if domain not in name:  # as in ravdess-speech
            facts.insert(0, domain)
        return f"{name} ({', '.join(facts)})"


def after(stage: str, study: Study) -> str:
    """Return what a title says of the stage.

    >>> after("target", Study()), after("before", Study()), after("test", Study())
    (', stage target', ', before training', '')
    """
    if stage in ("test", "validate"):
        return ""
    name = study.name(stage)
    return ", before training" if stage == "before" else f", stage {name}"
