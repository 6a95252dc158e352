"""What a run recorded of itself, and what it was in a few words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from crossemo.studies.phrases import Case, enumerated

Analysis = Literal["stages", "layers", "distances", "comparison"]


@dataclass(frozen=True)
class RunRecord:
    """What a run recorded.

    Args:
        results: The content of its results.json.
        settings: The settings of its config.yaml by full name, such as `fad.part`.
    """

    results: Mapping[str, Any]
    settings: Mapping[str, Any]

    @property
    def analysis(self) -> Analysis:
        """What was analysed."""
        if self.results.get("command") == "compare":
            return "comparison"
        if "probes" in self.results:
            return "layers"
        return "stages" if self.results.get("stages") else "distances"

    @property
    def model(self) -> Mapping[str, Any]:
        """The arguments of the model; empty where there was none."""
        return self.results.get("model") or {}

    @property
    def encoder(self) -> str:
        """The encoder as it was given; of a folder its name."""
        name = self.model.get("encoder") or self.settings.get("encoder") or ""
        return Path(name).name if Path(name).is_absolute() else str(name)

    @property
    def judged(self) -> str:
        """The model that was judged as it is; empty where one was trained."""
        return str((self.results.get("judged") or {}).get("name", ""))

    @property
    def roles(self) -> Mapping[str, Mapping[str, Any]]:
        """What is recorded of the corpora, by role."""
        return self.results.get("roles") or {}

    @property
    def labels(self) -> dict[str, str]:
        """What the run was, by what may explain that its settings differ."""
        names = [str(one.get("corpus", role)) for role, one in self.roles.items()]
        labels = {"encoder": self.encoder, "strategy": self._strategy}
        labels |= {"corpora": enumerated(sorted(names)) if names else ""}
        labels |= {"direction": " to ".join(names), "analysis": self.analysis}
        return {axis: label for axis, label in labels.items() if label}

    @property
    def _strategy(self) -> str:
        tuning, layers = self.model.get("tuning"), self.model.get("layers")
        if not tuning:
            return ""
        how = {"weighted": "the weighted sum", "last": "the last layer"}
        return f"{tuning} with {how.get(str(layers), f'layer {layers}')}"

    def case(self, value: str, **labels: str) -> Case:
        """Return a setting of this run in words."""
        return Case(value, {**self.labels, **labels})

    def stages(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield the stages that were trained, with their settings."""
        for name, test in (self.results.get("stages") or {}).items():
            if test.get("settings"):
                yield name, test["settings"]
