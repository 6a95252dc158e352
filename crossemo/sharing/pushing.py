"""A shared folder to the hub, in one commit."""

import re
from pathlib import Path

from crossemo.errors import reason_of
from crossemo.sharing.model_facts import FILE, ModelError

_NAME = re.compile(r"\w[\w.-]*/\w[\w.-]*")
_THE_HUB_S = {".gitattributes", "README.md"}  # which it puts into a new repository


def check_name(repository: str) -> None:
    """Refuse what can't be the name of a repository.

    Raises:
        ModelError: It is no `OWNER/NAME`.
    """
    if not _NAME.fullmatch(repository):
        raise ModelError(
            f"{repository!r} is no name of a repository: give OWNER/NAME, with your "
            "user name or your organisation's as OWNER."
        )


def push(folder: Path, repository: str, *, public: bool = False) -> str:
    """Copy a shared folder to a repository of the hub, which is made where it isn't.

    All files go in one commit, so that the repository never holds half of them; files
    of an earlier model that this one lacks are deleted in it.

    Args:
        folder: A folder that `crossemo export` wrote.
        repository: `OWNER/NAME`.
        public: Whether a new repository can be seen by everyone. One that is there
            stays as it is.

    Returns:
        The address of the commit.

    Raises:
        ModelError: The hub refuses, can't be reached, or the repository holds
            something else.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
    from huggingface_hub import errors as hub

    check_name(repository)
    api = HfApi()
    try:
        api.create_repo(repository, private=not public, exist_ok=True)
        there = set(api.list_repo_files(repository)) - _THE_HUB_S
        if there and FILE not in there:
            raise ModelError(
                f"{repository} on the hub holds something else, such as "
                f"{min(there)}: choose a new name."
            )
        files = {
            path.relative_to(folder).as_posix(): path
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        commit = api.create_commit(
            repository,
            [
                *(CommitOperationDelete(name) for name in sorted(there - set(files))),
                *(CommitOperationAdd(name, path) for name, path in files.items()),
            ],
            commit_message="crossemo export",
        )
    except hub.HfHubHTTPError as error:
        raise ModelError(_refusal(error.response.status_code, repository)) from error
    except (_network_error(), hub.HFValidationError, OSError) as error:
        raise ModelError(
            f"The model can't be pushed to {repository} ({reason_of(error)}): check "
            f"the network. It lies in {folder} whole."
        ) from error
    return str(commit.commit_url)


def _network_error() -> type[Exception]:
    """Return the error of the library that huggingface_hub asks with."""
    from huggingface_hub import errors

    return getattr(errors, "HTTPError", OSError)


def _refusal(status: int, repository: str) -> str:
    if status == 401:
        return (
            "The hub doesn't know you: log in with `hf auth login`, or set HF_TOKEN to "
            "a token that is valid and may write."
        )
    if status in (403, 404):
        return (
            f"You may not write to {repository} on the hub: choose a name under your "
            "own account, or a token that may write there."
        )
    return (
        f"The hub refused {repository} with status {status}, so nothing was pushed: "
        "try again later."
    )
