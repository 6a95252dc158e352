"""The files of an encoder, in a folder or in a hub repository."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from huggingface_hub import (
    _CACHED_NO_EXIST,
    hf_hub_download,
    try_to_load_from_cache,
)
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from crossemo.encoders.catalogue import CatalogueEntry, EncoderError


class Source(NamedTuple):
    """Where an encoder's files are: a folder, a hub repository, or nowhere.

    Args:
        name: Name as the user wrote it.
        entry: Entry of the catalogue, if the name is in it.
        folder: Local folder.
        repository: Hub repository.
        revision: Commit, tag or branch of the repository.
    """

    name: str
    entry: CatalogueEntry | None = None
    folder: Path | None = None
    repository: str | None = None
    revision: str = "main"

    @property
    def pretrained(self) -> bool:
        """Whether there are weights to read; otherwise they are random."""
        return self.folder is not None or self.repository is not None


def fetch(source: Source, *names: str) -> Path | None:
    """Return the first of some files that the source has, or None.

    Files of a hub repository are downloaded to the hub's cache.

    Raises:
        EncoderError: The hub has no such repository or can't be reached.
    """
    if source.folder is not None:
        paths = (source.folder / name for name in names)
        return next((path for path in paths if path.is_file()), None)
    unreachable: LocalEntryNotFoundError | None = None
    for name in names:
        try:
            return _download(source, name)
        except LocalEntryNotFoundError as error:
            if not _known_absent(source, name):
                unreachable = error
        except EntryNotFoundError:
            continue
    if unreachable is not None:
        raise EncoderError(
            f"Can't reach the hub for {' or '.join(names)} of {source.repository}, "
            "and the cache has no copy: connect once, or name a local folder."
        ) from unreachable
    return None


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file.

    Raises:
        EncoderError: The file can't be read or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EncoderError(f"Can't read {path}: {error}") from error
    if not isinstance(content, dict):
        raise EncoderError(f"{path} holds no JSON object: save the encoder again.")
    return content


def _download(source: Source, name: str) -> Path:
    assert source.repository is not None
    where = f"{source.repository} at revision {source.revision}"
    try:
        path = hf_hub_download(source.repository, name, revision=source.revision)
    except EntryNotFoundError:
        raise  # the caller may have another name
    except RepositoryNotFoundError as error:
        raise EncoderError(
            f"The hub has no repository {source.repository} that you may read: check "
            "the name, or log in with `hf auth login` if it is private."
        ) from error
    except RevisionNotFoundError as error:
        raise EncoderError(
            f"There is no {where}: check what follows the @ in the name."
        ) from error
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise EncoderError(f"Can't download {name} of {where}: {error}") from error
    return Path(path)


def _known_absent(source: Source, name: str) -> bool:
    # The cache remembers which files a repository hasn't.
    assert source.repository is not None
    cached = try_to_load_from_cache(source.repository, name, revision=source.revision)
    return cached is _CACHED_NO_EXIST
