"""From an encoder's name to its files: a folder's, or a hub repository's."""

import json
import math
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from crossemo.encoders.catalogue import CATALOGUE, CatalogueEntry, EncoderError
from crossemo.encoders.hub import download, in_cache, is_commit
from crossemo.encoders.user_code import UserCode, names_code, read_code
from crossemo.errors import guess_among, reason_of
from crossemo.files import expanded

CONFIGS = ("config.json", "config.yaml")
SMALL_FILES = (*CONFIGS, "preprocessor_config.json", "processor_config.json")
PROVENANCE = "provenance.json"  # what weights have seen, beside them
PROVENANCE_FIELD = "crossemo_provenance"  # of config.json, which transformers writes
ENCODER_FIELD = "encoder"  # of config.json, where a folder holds a whole recogniser
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_LARGEST = 16 << 20  # bytes of a small file
_UNREADABLE = (
    *(OSError, RecursionError, ValueError),
    *(KeyError, TypeError, yaml.YAMLError),
)
_HUB_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*(@[\w./-]+)?")
# How huggingface_hub's cache calls the folder of a repository at one commit.
_SNAPSHOT = re.compile(r"models--(?P<owner>.+?)--(?P<name>.+?)/snapshots/[0-9a-f]{40}")


class Source(NamedTuple):
    """Where an encoder's files are: a folder, a hub repository, or nowhere.

    Args:
        name: Name as the user wrote it.
        entry: Entry of the catalogue, if the name is in it.
        folder: Local folder.
        repository: Hub repository.
        revision: Commit, tag or branch of the repository.
        code: A class in the user's own file.
    """

    name: str
    entry: CatalogueEntry | None = None
    folder: Path | None = None
    repository: str | None = None
    revision: str = "main"
    code: UserCode | None = None

    @property
    def pretrained(self) -> bool:
        """Whether there are weights to read; otherwise they are random."""
        return any((self.folder, self.repository, self.code))


def find_source(name: str) -> Source:
    """Return what a name means: a catalogue entry, a folder, a file or a repository.

    Args:
        name: Catalogue name, local folder, `file.py:Class`, or hub id
            `owner/name[@revision]`; the first of these that fits.

    Raises:
        EncoderError: The name is none of them.
    """
    if name in CATALOGUE:
        entry = CATALOGUE[name]
        revision = entry.revision or "main"
        return Source(name, entry, repository=entry.repository, revision=revision)
    folder = expanded(name)
    if name and os.path.isdir(folder):  # False for what can't be a path
        return Source(name, folder=folder)
    if names_code(name):
        return Source(name, code=read_code(name))
    if is_hub_id(name):
        repository, _, revision = name.partition("@")
        return Source(name, repository=repository, revision=revision or "main")
    raise EncoderError(
        f"There is no encoder {name[:80]!r}: name a local folder, a hub id "
        f"owner/name, a file.py:Class, or one of {', '.join(CATALOGUE)}."
        f"{guess_among(name, CATALOGUE)}"
    )


def is_hub_id(name: object) -> bool:
    """Return whether something is written as a repository of the hub is."""
    return isinstance(name, str) and bool(_HUB_ID.fullmatch(name))


def repositories_of(source: Source, origin: object) -> frozenset[str]:
    """Return the repositories of the hub that an encoder's weights are known to be of.

    Args:
        source: Where its files are; a folder may be one of the hub's cache.
        origin: What its config.json says of where it was loaded from.
    """
    names = {source.repository, origin if is_hub_id(origin) else None}
    folder = (
        os.path.realpath(source.folder).replace(os.sep, "/") if source.folder else ""
    )
    if cached := _SNAPSHOT.search(folder):
        names.add(f"{cached['owner']}/{cached['name']}")
    return frozenset(str(name) for name in names if name)


def at_one_commit(source: Source) -> Source:
    """Return a source whose files stay the same while a branch moves on.

    Downloads the small files of a hub repository, those of them that there are.

    Raises:
        EncoderError: The hub has no such repository or revision.
    """
    if source.repository is None:
        return source
    where = source.repository, source.revision
    if is_commit(source.revision) and in_cache(*where, "config.json"):
        return source
    folder = download(*where, SMALL_FILES, bar=False)
    return source if folder is None else source._replace(revision=folder.name)


def fetch(source: Source, *names: str) -> Path | None:
    """Return the first of some files that the source has, or None.

    Files of a hub repository are downloaded to the hub's cache.

    Raises:
        EncoderError: The hub has no such repository or can't be reached.
    """
    if source.folder is not None:
        paths = [source.folder / name for name in names]
        there = next((path for path in paths if os.path.lexists(path)), None)
        if there is not None and not there.is_file():
            raise EncoderError(
                f"{there} is a folder, or a link that leads nowhere, in the place of a "
                "file: save or download the encoder again."
            )
        return there
    assert source.repository is not None
    where, reached = (source.repository, source.revision), True
    for name in names:
        if reached and in_cache(*where, name) is None:
            reached = download(*where, [name]) is not None
        if path := in_cache(*where, name):
            return path
    if None in [in_cache(*where, name) for name in names]:
        raise EncoderError(
            f"Can't reach the hub for {' or '.join(names)} of {source.repository}, "
            "and the cache has no copy: connect once, or name a local folder."
        )
    return None


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file.

    Raises:
        EncoderError: The file can't be read or holds something else.
    """
    with _one_sentence(path):
        content = json.loads(_text(path), parse_constant=_finite, parse_float=_finite)
    if not isinstance(content, dict):
        raise EncoderError(f"{path} holds no JSON object: save the encoder again.")
    return content


def read_config(path: Path) -> dict[str, Any]:
    """Return a model's configuration: a config.json, or FunASR's config.yaml as one.

    Raises:
        EncoderError: The file can't be read or holds something else.
    """
    if path.suffix == ".json":
        return read_json(path)
    with _one_sentence(path):
        text = _text(path)
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):
            raise ValueError("parts of it refer to others")  # and so grow
        content = yaml.safe_load(text)
        match content:
            case {"model": str(model), "model_conf": dict(fields)}:
                return {**fields, "model_type": model.lower()}
        raise ValueError("it has no model and model_conf, as FunASR writes them")


@contextmanager
def _one_sentence(path: Path) -> Iterator[None]:
    try:
        yield
    except _UNREADABLE as error:
        raise EncoderError(
            f"Can't read {path} ({reason_of(error)}): save or download the encoder "
            "again."
        ) from error


def _text(path: Path) -> str:
    if path.stat().st_size > _LARGEST:
        raise ValueError(f"it has more than {_LARGEST >> 20} MB")
    return path.read_text(encoding="utf-8")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is no number to count on")
    return number
