"""Published classifiers of transformers, read with their own feature extractor.

No code of a repository is run, and no weight that isn't in the file is made up.
"""

from collections.abc import Mapping, Sequence
from inspect import signature
from itertools import groupby
from math import ceil
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from crossemo.data.batch import Batch
from crossemo.data.datamodule import EmotionDataModule
from crossemo.data.samplers import eval_batches
from crossemo.data.windows import Window
from crossemo.encoders import EncoderError, EncoderFacts
from crossemo.encoders.building import one_refusal
from crossemo.encoders.catalogue import RATES, receptive_field
from crossemo.encoders.sources import (
    WEIGHTS,
    Source,
    at_one_commit,
    fetch,
    read_json,
    repositories_of,
)
from crossemo.encoders.weights import read_published
from crossemo.errors import listed
from crossemo.judging.candidate import Candidate, Form
from crossemo.judging.regression_head import has_this_head, model_class

_SHORTEST = 0.05  # seconds of what has no convolutions: two frames of a spectrogram
_FRAME = 0.010  # seconds of a frame of AST's spectrogram
_HEAD = ("id2label", "label2id", "num_labels", "problem_type")  # of any configuration


class AudioClassifier(Candidate):
    """A model that transformers' `AutoModelForAudioClassification` would load.

    Args:
        source: Where its files are; in a repository, at one commit.
        config: Content of config.json.
        module: The model.
        extractor: Its feature extractor.
        facts: Sampling rate and shortest clip.
    """

    form: ClassVar[Form] = "transformers"

    def __init__(
        self,
        source: Source,
        config: Mapping[str, Any],
        module: Any,  # noqa: ANN401
        extractor: Any,  # noqa: ANN401
        facts: EncoderFacts,
    ) -> None:
        names = module.config.id2label
        labels = tuple(str(names[place]) for place in range(len(names)))
        known = repositories_of(source, config.get("_name_or_path"))
        name = source.repository or Path(source.name).resolve().name
        super().__init__(name, module, labels, facts, tuple(sorted(known)))
        self._source, self._extractor = source, extractor
        self._longest = _longest(extractor, facts.sampling_rate)

    def batches(self, data: EmotionDataModule, role: str) -> list[list[Window]]:
        """Return windows of equal length together, so that nothing is padded.

        Padding changes what models with a group norm say of the shorter clips, with or
        without a mask.
        """
        windows = data.dataset(role, "test").windows()
        lengths = [one.length for one in windows]
        dealt = eval_batches(lengths, data.batch_size, samples=data.batch_samples)
        runs = (groupby(batch, lengths.__getitem__) for batch in dealt)
        return [
            [windows[number] for number in alike] for run in runs for _, alike in run
        ]

    def __call__(self, batch: Batch) -> Tensor:
        """Return its outputs; of what is longer than it hears at once, their mean."""
        length = batch.inputs.shape[1]
        pieces = ceil(length / self._longest) if self._longest else 1
        stretches = batch.inputs.tensor_split(pieces, 1)
        return torch.stack([self._outputs(rows) for rows in stretches]).mean(0)

    def describe(self) -> dict[str, Any]:
        """Return its class and where it was read."""
        revision = self._source.revision if self._source.repository else None
        kind = type(self.module).__name__
        return {"class": kind, "repository": self._source.repository} | {
            "revision": revision,
            "feature_extractor": type(self._extractor).__name__,
        }

    def _outputs(self, waveforms: Tensor) -> Tensor:
        rate = self.facts.sampling_rate
        rows = list(waveforms.numpy())
        inputs = self._extractor(rows, sampling_rate=rate, return_tensors="pt")
        device = next(self.module.parameters()).device
        outputs: Tensor = self.module(**inputs.to(device)).logits
        return outputs.float()


def read_classifier(source: Source) -> AudioClassifier:
    """Read a published classifier.

    Args:
        source: Where its files are.

    Raises:
        EncoderError: It is none, would need code of its own, lacks weights of its head
            or others, or its files are damaged.
    """
    with one_refusal(source.name):
        source = at_one_commit(source)
        config = _read(source, "config.json")
        preprocessor = _read(source, "preprocessor_config.json")
        _refuse_code(source.name, config, preprocessor)
        architecture, configuration = _architecture(source.name, config)
        weights = fetch(source, *WEIGHTS)
        if weights is None:
            raise EncoderError(
                f"{source.name} holds no weights: it needs {' or '.join(WEIGHTS)}."
            )
        extractor = _extractor(source, preprocessor)
        rate: Any = getattr(extractor, "sampling_rate", None)
        if rate not in RATES:
            raise EncoderError(
                f"{source.name} would take sound at {rate} Hz: its "
                "preprocessor_config.json is broken."
            )
        module = read_published(architecture, configuration, weights, source.name)
        facts = EncoderFacts(rate, _shortest(configuration, rate))
        return AudioClassifier(source, config, module, extractor, facts)


def _read(source: Source, name: str) -> dict[str, Any]:
    path = fetch(source, name)
    if path is None:
        raise EncoderError(
            f"{source.name} holds no {name}: name a folder or a repository of an audio "
            "classifier as transformers' save_pretrained writes it, with its feature "
            "extractor."
        )
    return read_json(path)


def _refuse_code(name: str, *files: Mapping[str, Any]) -> None:
    if any("auto_map" in content for content in files):
        raise EncoderError(
            f"{name} needs code of its own (auto_map in its files), and crossemo runs "
            "none: judge a model of a class that transformers has."
        )


def _architecture(name: str, config: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return class and configuration of a model, without what says how to load it."""
    import transformers
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES as CLASSES,
    )

    kind = config.get("model_type")
    if not isinstance(kind, str) or kind not in CLASSES:
        raise EncoderError(
            f"{name} is of type {kind!r}, of which transformers has no audio "
            f"classifier: judge one of {listed(sorted(CLASSES), 20)}."
        )
    if not (known_head := has_this_head(config)):
        _refuse_other_class(name, config, CLASSES[kind])
    config_class = CONFIG_MAPPING[kind]
    shared = signature(transformers.PreTrainedConfig).parameters
    known = {*signature(config_class).parameters} - {*shared} | {*_HEAD}
    fields = {key: config[key] for key in known if config.get(key) is not None}
    _check_labels(name, fields)
    if "id2label" in fields:
        fields.pop("num_labels", None)
    configuration = config_class(**fields)
    configuration._attn_implementation = "eager"  # which every class has
    stock = getattr(transformers, CLASSES[kind])
    return (model_class() if known_head else stock), configuration


def _refuse_other_class(name: str, config: Mapping[str, Any], usual: str) -> None:
    classes = config.get("architectures") or [usual]
    if classes != [usual]:
        raise EncoderError(
            f"{name} was saved as {listed(classes)}, which may compute something else "
            f"of the same weights than transformers' {usual}: only that is judged."
        )


def _check_labels(name: str, fields: Mapping[str, Any]) -> None:
    labels = fields.get("id2label", {})
    places = map(str, range(len(labels)))
    if not isinstance(labels, dict) or sorted(map(str, labels)) != sorted(places):
        raise EncoderError(
            f"id2label in the config.json of {name} doesn't number its labels from 0."
        )


def _extractor(source: Source, preprocessor: Mapping[str, Any]) -> Any:  # noqa: ANN401
    from transformers import AutoFeatureExtractor

    path = fetch(source, "preprocessor_config.json")
    assert path is not None
    return AutoFeatureExtractor.from_pretrained(
        path.parent, local_files_only=True, trust_remote_code=False
    )


def _shortest(configuration: Any, rate: int) -> int:  # noqa: ANN401
    kernels: Sequence[int] | None = getattr(configuration, "conv_kernel", None)
    if kernels is None:
        return round(_SHORTEST * rate)
    return receptive_field(tuple(kernels), tuple(configuration.conv_stride))


def _longest(extractor: Any, rate: int) -> int | None:  # noqa: ANN401
    """Return the samples behind which an extractor would cut what it is given."""
    if (samples := getattr(extractor, "n_samples", None)) is not None:
        return int(samples)
    if type(extractor).__name__.startswith("AST"):
        return int(extractor.max_length * _FRAME * rate)
    return None
