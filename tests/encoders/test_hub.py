from pathlib import Path

import pytest
from huggingface_hub import constants

from crossemo.encoders import EncoderError
from crossemo.encoders.hub import Source, fetch, read_json
from tests.encoders.hub import fill_cache, hub_that_answers

NAME = "owner/name"


def ask(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


def test_the_first_file_that_a_folder_has_is_taken(tmp_path: Path) -> None:
    (tmp_path / "b").touch()
    (tmp_path / "c").touch()
    source = Source("x", folder=tmp_path)
    assert fetch(source, "a", "b", "c") == tmp_path / "b"
    assert fetch(source, "a") is None


@pytest.mark.usefixtures("offline")
def test_cached_files_of_a_repository_need_no_network(
    tmp_path: Path, cache: Path
) -> None:
    folder = tmp_path / "written"
    folder.mkdir()
    (folder / "b").write_text("content")
    fill_cache(cache, NAME, folder, absent=("a",))
    source = Source(NAME, repository=NAME)
    path = fetch(source, "a", "b")
    assert path is not None
    assert path.read_text() == "content"
    assert fetch(source, "a") is None
    with pytest.raises(EncoderError, match="Can't reach the hub for a or c of owner"):
        fetch(source, "a", "c")


@pytest.mark.usefixtures("offline", "cache")
def test_no_network_and_no_copy_is_one_sentence() -> None:
    message = "Can't reach the hub for f of owner/name, and the cache has no copy: "
    with pytest.raises(EncoderError, match=message):
        fetch(Source(NAME, repository=NAME), "f")


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (401, "RepoNotFound", "The hub has no repository owner/name that you may read"),
        (403, "GatedRepo", "The hub has no repository owner/name that you may read"),
        (404, "RevisionNotFound", "There is no owner/name at revision v1: check what"),
        (400, "", "Can't reach the hub for f of owner/name, and the cache has no copy"),
    ],
)
def test_what_the_hub_refuses_is_said(
    monkeypatch: pytest.MonkeyPatch, status: int, code: str, message: str
) -> None:
    with hub_that_answers(status, code) as address:
        ask(monkeypatch, address)
        with pytest.raises(EncoderError, match=message):
            fetch(Source(NAME, repository=NAME, revision="v1"), "f")


@pytest.mark.usefixtures("cache")
def test_a_file_that_a_repository_has_not_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with hub_that_answers(404, "EntryNotFound") as address:
        ask(monkeypatch, address)
        assert fetch(Source(NAME, repository=NAME), "f", "g") is None


def test_a_broken_json_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text("{")
    with pytest.raises(EncoderError, match=r"Can't read .*config\.json: Expecting"):
        read_json(path)
    path.write_text("[]")
    with pytest.raises(EncoderError, match="holds no JSON object"):
        read_json(path)
    path.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(EncoderError, match=r"Can't read .*config\.json"):
        read_json(path)
