"""From an encoder's name to what its small files say about the data."""

import re
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from crossemo.encoders.catalogue import (
    CATALOGUE,
    KERNELS,
    STRIDES,
    EncoderError,
    EncoderFacts,
    Family,
    receptive_field,
)
from crossemo.encoders.hub import Source, fetch, read_json

_FAMILIES: dict[str, Family] = {
    "wav2vec2": "wav2vec2",
    "hubert": "hubert",
    "wavlm": "wavlm",
    "data2vec-audio": "data2vec-audio",
    "mert_model": "mert",
    "mert": "mert",
}
_HUB_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*(@[\w./-]+)?")


class Description(NamedTuple):
    """What an encoder's files say about it.

    Args:
        family: Architecture.
        config: Content of config.json.
        facts: Sampling rate and shortest clip.
        normalise: Whether each clip is brought to zero mean and unit variance.
    """

    family: Family
    config: dict[str, Any]
    facts: EncoderFacts
    normalise: bool


def find_source(name: str) -> Source:
    """Return what a name means: a catalogue entry, a folder, or a hub repository.

    Args:
        name: Catalogue name, local folder, or hub id `owner/name[@revision]`; the
            first of these that fits.

    Raises:
        EncoderError: The name is none of them.
    """
    if name in CATALOGUE:
        entry = CATALOGUE[name]
        revision = entry.revision or "main"
        return Source(name, entry, repository=entry.repository, revision=revision)
    if name and Path(name).is_dir():
        return Source(name, folder=Path(name))
    if _HUB_ID.fullmatch(name):
        repository, _, revision = name.partition("@")
        return Source(name, repository=repository, revision=revision or "main")
    raise EncoderError(_unknown(name))


def encoder_facts(name: str) -> EncoderFacts:
    """Return an encoder's sampling rate and shortest clip without reading weights.

    Names of the catalogue need no network; a hub id reads two small files once.

    Args:
        name: Catalogue name, local folder, or hub id `owner/name[@revision]`.

    Raises:
        EncoderError: There is no such encoder, or it is of a family unknown here.

    >>> encoder_facts("mert-95m")
    EncoderFacts(sampling_rate=24000, min_samples=400)
    """
    source = find_source(name)
    return source.entry.facts if source.entry else describe(source).facts


def describe(source: Source) -> Description:
    """Read what an encoder's small files say about it.

    Raises:
        EncoderError: A file is missing or broken, or the family is unknown here.
    """
    if source.entry is not None and not source.pretrained:
        entry = source.entry
        config = dict(entry.config)
        return Description(entry.family, config, entry.facts, entry.normalise)
    path = fetch(source, "config.json")
    if path is None:
        raise EncoderError(
            f"{source.name} holds no config.json: name a folder or repository that "
            "transformers' save_pretrained wrote."
        )
    config = read_json(path)
    family = _family(source, config)
    preprocessor = _preprocessor(source)
    facts = _facts(source, config, preprocessor)
    normalise = preprocessor.get("do_normalize", _usually_normalised(source, config))
    return Description(family, config, facts, bool(normalise))


def _family(source: Source, config: dict[str, Any]) -> Family:
    model_type = config.get("model_type")
    if model_type not in _FAMILIES:
        raise EncoderError(
            f"{source.name} is of type {model_type!r}: crossemo reads "
            f"{', '.join(dict.fromkeys(_FAMILIES.values()))}."
        )
    return _FAMILIES[model_type]


def _preprocessor(source: Source) -> dict[str, Any]:
    path = fetch(source, "preprocessor_config.json", "processor_config.json")
    if path is None:
        return {}
    content = read_json(path)
    # transformers 5 nests the feature extractor in what a processor saves.
    nested: dict[str, Any] = content.get("feature_extractor", content)
    return nested


def _facts(
    source: Source, config: dict[str, Any], preprocessor: dict[str, Any]
) -> EncoderFacts:
    default = source.entry.sampling_rate if source.entry else 16_000
    rate = preprocessor.get("sampling_rate", config.get("sample_rate", default))
    try:
        kernels = tuple(config.get("conv_kernel", KERNELS))
        strides = tuple(config.get("conv_stride", STRIDES))
        facts = EncoderFacts(int(rate), receptive_field(kernels, strides))
    except (TypeError, ValueError) as error:
        raise EncoderError(
            f"The sampling rate or the convolutions of {source.name} can't be read "
            f"from its configuration files: {error}"
        ) from error
    if source.entry and facts != source.entry.facts:
        raise EncoderError(
            f"The files of {source.name} say {facts}, the catalogue "
            f"{source.entry.facts}: name the repository {source.repository} itself."
        )
    return facts


def _usually_normalised(source: Source, config: dict[str, Any]) -> bool:
    if source.entry is not None:
        return source.entry.normalise
    # transformers' own default, except for the WavLM models trained without.
    group_norm = config.get("feat_extract_norm", "group") == "group"
    return not (config["model_type"] == "wavlm" and group_norm)


def _unknown(name: str) -> str:
    close = get_close_matches(name, CATALOGUE, n=1, cutoff=0.5)
    meant = f" (did you mean {close[0]}?)" if close else ""
    return (
        f"There is no encoder {name!r}{meant}: name a local folder, a hub id "
        f"owner/name, or one of {', '.join(CATALOGUE)}."
    )
