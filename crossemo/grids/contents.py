"""What settings name outside themselves: corpora, encoders and checkpoints."""

import json
import os
from collections.abc import Mapping
from dataclasses import astuple
from hashlib import blake2b
from itertools import chain
from typing import Any

from crossemo.commands.alternatives import object_at
from crossemo.commands.parser import Parser
from crossemo.corpora import corpus_classes
from crossemo.corpora.base import Corpus
from crossemo.corpora.facts import clip_key, content_digest, file_facts
from crossemo.encoders import CATALOGUE
from crossemo.encoders.user_code import names_code, read_code
from crossemo.files import expanded
from crossemo.grids.usual import parameters_of, without_defaults

OF_ENCODERS = ("*.json", "*.safetensors", "*.bin")


class Contents:
    """Looks up contents, each thing once.

    Files are read only where they are new or have changed, see
    `crossemo.corpora.facts`.
    """

    def __init__(self) -> None:
        self._corpora: dict[str, Any] = {}
        self._encoders: dict[str, Any] = {}

    def corpus(self, settings: Any, cache_dir: str | None = None) -> Any:  # noqa: ANN401
        """Return what a corpus is, with a digest of its clips, for its place.

        Args:
            settings: The class with its settings, without `init_args`, or its name.
            cache_dir: The cache folder; `crossemo.cache.cache_dir` if None.

        Raises:
            CorpusError: It can't be read.
        """
        key = json.dumps([settings, cache_dir], sort_keys=True, default=str)
        if key not in self._corpora:
            named = settings if isinstance(settings, dict) else {"class_path": settings}
            options = _options(named)
            corpus = _corpus({"class_path": named.get("class_path"), **options})
            self._corpora[key] = {
                "class": type(corpus).__name__,
                "options": _without_places(type(corpus), options),
                "clips": clips_digest(corpus, cache_dir),
            }
        return self._corpora[key]

    def encoder(self, name: Any) -> Any:  # noqa: ANN401
        """Return the name of an encoder; of a folder or a file, a digest of it."""
        if names_code(name) and not os.path.isdir(expanded(name)):
            code = read_code(name)
            return {"code": code.digest, "class": code.class_name}
        if name in CATALOGUE or not os.path.isdir(folder := expanded(str(name))):
            return name
        if name not in self._encoders:
            paths = sorted(chain(*(folder.glob(form) for form in OF_ENCODERS)))
            facts = file_facts(paths, folder)
            files = sorted((path.name, facts[path].digest) for path in paths)
            self._encoders[name] = {"files": _digest(files)}
        return self._encoders[name]

    def file(self, name: str) -> str:
        """Return the digest of a file; the name where there is no such file."""
        path = expanded(name)
        return content_digest(path) if os.path.isfile(path) else name


def clips_digest(corpus: Corpus, cache_dir: str | None = None) -> str:
    """Return a digest of all clips of a corpus, by content and by what is said of them.

    Raises:
        CorpusError: The corpus can't be read.
    """
    corpus.prepare()
    rows = []
    for member in corpus.members:
        clips = member.clips()
        facts = file_facts((c.path for c in clips), member.root, cache_dir, True)
        for clip in clips:
            name, _, *about = astuple(clip)
            rows.append([member.name, name, clip_key(clip, facts), *about])
    return _digest(sorted(rows, key=str))


def _corpus(settings: object) -> Corpus:
    parser = Parser(prog="crossemo grid")
    parser.add_subclass_arguments(Corpus, "corpus")
    parsed = parser.parse_object({"corpus": _with_arguments(settings)})
    corpus: Corpus = parser.instantiate_classes(parsed)["corpus"]
    return corpus


def _options(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a corpus, without those of a class that it was before."""
    name = str(settings.get("class_path"))
    parameters = parameters_of(corpus_classes().get(name) or object_at(name))
    return {k: v for k, v in settings.items() if k in parameters}


def _without_places(base: type[Corpus], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options without those that only say where a corpus lies."""
    parameters = parameters_of(base)
    return {
        name: value
        for name, value in without_defaults(base, options).items()
        if "Path" not in str(parameters[name].annotation)
    }


def _with_arguments(value: Any) -> Any:  # noqa: ANN401
    """Return settings in the form that jsonargparse takes, with `init_args`."""
    if isinstance(value, list):
        return [_with_arguments(one) for one in value]
    if not isinstance(value, Mapping):
        return value
    inner = {key: _with_arguments(one) for key, one in value.items()}
    if (name := inner.pop("class_path", None)) is None:
        return inner
    return {"class_path": name, "init_args": inner}


def _digest(rows: object) -> str:
    text = json.dumps(rows, default=str)
    return blake2b(text.encode(errors="surrogateescape"), digest_size=16).hexdigest()
