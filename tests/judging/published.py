"""Tiny audio classifiers with random weights, as their authors would publish them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.encoders.tiny import write_tiny

LABELS = ("neu", "Happiness", "SAD", "anger", "fear", "calm")


def write_classifier(
    folder: Path,
    family: str = "wav2vec2",
    labels: Sequence[str] = LABELS,
    *,
    rate: int = 16_000,
    seed: int = 0,
    **changes: Any,
) -> Path:
    """Write what `save_pretrained` leaves of a classifier and its feature extractor."""
    named: dict[str, Any] = {
        "id2label": dict(enumerate(labels)),
        "label2id": {label: place for place, label in enumerate(labels)},
        "classifier_proj_size": 8,
        "use_weighted_layer_sum": True,
    }
    write_tiny(
        folder, family, "ForSequenceClassification", seed=seed, **named, **changes
    )
    edit(folder / "preprocessor_config.json", sampling_rate=rate)
    return folder


def edit(path: Path, **changes: object) -> None:
    """Change fields of a JSON file; None takes one away."""
    content = json.loads(path.read_text()) | changes
    left = {key: value for key, value in content.items() if value is not None}
    path.write_text(json.dumps(left))
