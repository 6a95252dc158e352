"""What an encoder's small files say: its family, and what the data must be like."""

from typing import NamedTuple

from crossemo.data.provenance import NOTHING, Provenance
from crossemo.encoders.building import one_refusal
from crossemo.encoders.catalogue import RATES, EncoderError, EncoderFacts
from crossemo.encoders.embedding import refuse_embedding
from crossemo.encoders.families import family_names, find_family, get_family
from crossemo.encoders.families.base import EncoderFiles, Family
from crossemo.encoders.fields import refuse_odd_fields
from crossemo.encoders.sources import (
    CONFIGS,
    ENCODER_FIELD,
    PROVENANCE,
    PROVENANCE_FIELD,
    Source,
    at_one_commit,
    fetch,
    find_source,
    read_config,
    read_json,
    repositories_of,
)
from crossemo.encoders.user_family import UserFamily
from crossemo.errors import reason_of


class Description(NamedTuple):
    """What an encoder's files say about it.

    Args:
        source: Where they are; in a repository, at one commit.
        family: Kind of encoder.
        files: Content of the small files.
        facts: Sampling rate and shortest clip.
        normalise: Whether each clip is brought to zero mean and unit variance.
        provenance: What the weights have seen of corpora, as far as it was recorded.
    """

    source: Source
    family: Family
    files: EncoderFiles
    facts: EncoderFacts
    normalise: bool
    provenance: Provenance = NOTHING


def encoder_facts(name: str) -> EncoderFacts:
    """Return an encoder's sampling rate and shortest clip without reading weights.

    Names of the catalogue need no network; a hub id reads two small files once.

    Args:
        name: Catalogue name, local folder, hub id `owner/name[@revision]`, or the
            user's `file.py:Class`, which is tried out.

    Raises:
        EncoderError: There is no such encoder, it is of a family unknown here, or for
            distances only.

    >>> encoder_facts("mert-95m")
    EncoderFacts(sampling_rate=24000, min_samples=400)
    """
    source = find_source(name)
    if source.entry:
        family, facts = get_family(source.entry.family), source.entry.facts
    else:
        about = describe(source)
        family, facts = about.family, about.facts
    refuse_embedding(family, name)
    return facts


def describe(source: Source) -> Description:
    """Read what an encoder's small files say about it.

    Raises:
        EncoderError: A file is missing or broken, or the family is unknown here.
    """
    if source.entry is not None and not source.pretrained:
        entry, files = source.entry, EncoderFiles(source.name, source.entry.config, {})
        family = get_family(entry.family)
        return Description(source, family, files, entry.facts, entry.normalise)
    if source.code is not None:
        family = UserFamily(source.code)
        files = EncoderFiles(source.name, source.code.plain(), {})
        return Description(source, family, files, family.facts(), normalise=False)
    with one_refusal(source.name):
        source = at_one_commit(source)
        return describe_files(source, _small_files(source))


def describe_files(source: Source, files: EncoderFiles) -> Description:
    """Return what small files say that were read before.

    Args:
        source: Where they were.
        files: Their content.

    Raises:
        EncoderError: They are broken, or the family is unknown here.
    """
    files, provenance = _without_provenance(source, files)
    origin = files.config.get("_name_or_path")
    provenance |= Provenance(repositories=repositories_of(source, origin))
    family = _family(files)
    refuse_odd_fields(files)
    facts = _facts(source, family, files)
    normalise = family.normalises(files)
    return Description(source, family, files, facts, normalise, provenance)


def encoder_provenance(name: str) -> Provenance:
    """Return what the weights of an encoder have seen, without reading them.

    Args:
        name: Catalogue name, local folder, or hub id `owner/name[@revision]`.

    Raises:
        EncoderError: There is no such encoder.
        LeakError: The record is broken.
    """
    return describe(find_source(name)).provenance


def _small_files(source: Source) -> EncoderFiles:
    path = fetch(source, *CONFIGS)
    if path is None:
        raise EncoderError(
            f"{source.name} holds no config.json: name a folder or repository that "
            "transformers' save_pretrained wrote."
        )
    config = read_config(path)
    if isinstance(config.get(ENCODER_FIELD), dict):
        config = config[ENCODER_FIELD]
    path = fetch(source, "preprocessor_config.json", "processor_config.json")
    content = {} if path is None else read_json(path)
    # transformers 5 nests the feature extractor in what a processor saves.
    preprocessor = content.get("feature_extractor", content)
    if not isinstance(preprocessor, dict):
        raise EncoderError(
            f"The feature_extractor in {path} is no JSON object: save the encoder "
            "again."
        )
    return EncoderFiles(source.name, config, preprocessor)


def _without_provenance(
    source: Source, files: EncoderFiles
) -> tuple[EncoderFiles, Provenance]:
    """Part what the weights have seen, which changes no feature, from the files.

    It stands in a file of its own and in config.json, which plain transformers takes
    along when it saves the encoder again.
    """
    config = dict(files.config)
    records = [config.pop(PROVENANCE_FIELD, None)]
    if source.folder and (path := fetch(source, PROVENANCE)):
        records.append(read_json(path))
    provenance = NOTHING
    for record in records:
        if record is not None:
            provenance |= Provenance.read(record, source.name)
    return files._replace(config=config), provenance


def _family(files: EncoderFiles) -> Family:
    model_type = files.config.get("model_type")
    family = find_family(model_type, files.config)
    if family is None:
        raise EncoderError(
            f"{files.name} is of type {model_type!r}: crossemo reads "
            f"{', '.join(family_names())}."
        )
    return family


def _facts(source: Source, family: Family, files: EncoderFiles) -> EncoderFacts:
    try:
        facts = EncoderFacts(family.rate(files), family.min_samples(files))
        if facts.sampling_rate not in RATES:
            raise ValueError(
                f"a rate is {RATES.start} to {RATES.stop - 1} Hz, not "
                f"{facts.sampling_rate}"
            )
        if facts.min_samples not in range(1, facts.sampling_rate + 1):
            raise ValueError("a frame is made of one sample to a second of them")
    except (ArithmeticError, KeyError, TypeError, ValueError) as error:
        raise EncoderError(
            f"The sampling rate or the convolutions of {source.name} can't be read "
            f"from its configuration files ({reason_of(error)}): save or download the "
            "encoder again."
        ) from error
    if source.entry and facts != source.entry.facts:
        raise EncoderError(
            f"The files of {source.name} say {facts}, the catalogue "
            f"{source.entry.facts}: name the repository {source.repository} itself."
        )
    return facts
