"""Files of the hub's repositories: in its cache, or downloaded."""

import re
from collections.abc import Sequence
from pathlib import Path
from time import sleep
from typing import Any, Literal

from crossemo.encoders.catalogue import EncoderError
from crossemo.errors import reason_of

_PAUSE = 1.0  # seconds before the hub is tried once more
_COMMIT = re.compile("[0-9a-f]{40}")


def is_commit(revision: str) -> bool:
    """Return whether a revision is a commit, whose files stay the same."""
    return bool(_COMMIT.fullmatch(revision))


def in_cache(repository: str, revision: str, name: str) -> Path | Literal[False] | None:
    """Return a file in the hub's cache, False if the repository has no such file.

    None if the cache can't tell.
    """
    from huggingface_hub import get_cached_repo_tree, try_to_load_from_cache
    from huggingface_hub.errors import CachedRepoTreeNotFoundError

    where = {"repo_id": repository, "revision": revision}
    cached = try_to_load_from_cache(filename=name, **where)
    if cached is not None:  # a path, or a mark that it was looked for in vain
        return Path(cached) if isinstance(cached, str) else False
    try:
        names = [file.path for file in get_cached_repo_tree(**where)]
    except CachedRepoTreeNotFoundError:
        return None
    return None if name in names else False


def download(
    repository: str, revision: str, names: Sequence[str], *, bar: bool = True
) -> Path | None:
    """Download some files, those of them that there are.

    Returns:
        The folder that they are in; None if neither hub nor cache has them at hand.

    Raises:
        EncoderError: The hub has no such repository or revision, or breaks off.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if is_commit(revision) and not _hub_answers(repository):
        return None
    where = f"{repository} at revision {revision}"
    try:
        folder = snapshot_download(
            repository,
            revision=revision,
            allow_patterns=list(names),
            tqdm_class=None if bar else _no_bar(),
        )
    except LocalEntryNotFoundError:
        return None
    except RepositoryNotFoundError as error:
        raise EncoderError(
            f"The hub has no repository {repository} that you may read: check "
            "the name, or log in with `hf auth login` if it is private."
        ) from error
    except RevisionNotFoundError as error:
        raise EncoderError(
            f"There is no {where}: check what follows the @ in the name."
        ) from error
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise EncoderError(
            f"Can't download {' or '.join(names)} of {where}: {reason_of(error)}."
        ) from error
    return Path(folder)


def _hub_answers(repository: str) -> bool:
    """Return whether the hub can be connected to.

    Of a branch the hub's library asks once; of a commit it goes on for half a minute.
    """
    from huggingface_hub import HfApi, constants

    for pause in (_PAUSE, 0):  # as a connection may fail once
        kind = ""
        try:
            HfApi().model_info(repository, timeout=constants.HF_HUB_ETAG_TIMEOUT)
        except Exception as error:  # httpx's or httpx2's, whichever the library has
            kind = type(error).__name__
        if kind != "ConnectError":
            return kind != "ConnectTimeout"  # others are answers, or slow to come
        sleep(pause)
    return False


def _no_bar() -> type:
    from huggingface_hub.utils.tqdm import tqdm

    class NoBar(tqdm):
        def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401
            options["disable"] = True
            super().__init__(*args, **options)  # type: ignore[no-untyped-call]

    return NoBar
