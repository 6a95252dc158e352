import socket
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from crossemo.encoders import CATALOGUE, EncoderError, encoder_facts, load_encoder
from crossemo.encoders.sources import (
    Source,
    fetch,
    find_source,
    read_json,
    repositories_of,
)
from tests.encoders.hub import COMMIT, fill_cache, hub_of, hub_that_answers
from tests.encoders.tiny import MIN_SAMPLES, write_tiny

NAME = "owner/name"


@pytest.mark.parametrize(
    ("name", "repository", "revision"),
    [
        ("owner/name", "owner/name", "main"),
        ("owner/name@v1.0", "owner/name", "v1.0"),
        ("owner/name@refs/pr/1", "owner/name", "refs/pr/1"),
        ("mert-95m", "m-a-p/MERT-v1-95M", CATALOGUE["mert-95m"].revision),
        ("data2vec-audio-base", "facebook/data2vec-audio-base", "main"),
    ],
)
def test_a_hub_id_may_name_a_revision(
    name: str, repository: str, revision: str
) -> None:
    source = find_source(name)
    assert (source.repository, source.revision) == (repository, revision)
    assert source.pretrained


def test_a_folder_goes_before_a_repository_of_the_same_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "owner" / "name").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert find_source("owner/name").folder == Path("owner/name")


@pytest.mark.parametrize(
    ("name", "meant"),
    [("wav2vec-base", "wav2vec2-base"), ("mert95m", "mert-95m"), ("tyni", "tiny")],
)
def test_a_mistyped_name_lists_all_and_the_closest(name: str, meant: str) -> None:
    with pytest.raises(EncoderError, match=rf"Did you mean {meant}\?") as caught:
        find_source(name)
    assert all(known in str(caught.value) for known in CATALOGUE)


@pytest.mark.parametrize("name", ["", "zzz", "./nowhere", "a/b/c", "/no/such/folder"])
def test_what_is_no_name_at_all_is_refused(name: str) -> None:
    with pytest.raises(EncoderError, match=r"There is no encoder '.*': name a local"):
        find_source(name)


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
    folder = tmp_path / "repository"
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
@pytest.mark.parametrize("revision", [COMMIT, "main"])
def test_a_hub_that_is_not_there_is_tried_few_times(
    monkeypatch: pytest.MonkeyPatch, revision: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]  # closed from here on
    ask(monkeypatch, f"http://127.0.0.1:{port}")
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setattr("crossemo.encoders.hub._PAUSE", 0)
    connect, attempts = socket.create_connection, []

    def counted(address: tuple[str, int], *args: Any, **options: Any) -> socket.socket:
        attempts.append(address[1])
        return connect(address, *args, **options)

    monkeypatch.setattr(socket, "create_connection", counted)
    sentence = (
        r"^Can't reach the hub for config\.json or config\.yaml of owner/name, and the "
        r"cache has no copy: connect once, or name a local folder\.$"
    )
    with pytest.raises(EncoderError, match=sentence):
        load_encoder(f"{NAME}@{revision}")
    # Once for all small files and once for config.json, a commit twice each.
    assert attempts.count(port) == (4 if revision == COMMIT else 2)


def downloads(requests: list[str]) -> list[str]:
    """Return the names of the files that were read, in alphabetical order."""
    prefix = f"GET /{NAME}/resolve/{COMMIT}/"
    return sorted(r.removeprefix(prefix) for r in requests if r.startswith(prefix))


@pytest.mark.usefixtures("cache")
def test_a_file_that_a_repository_has_not_is_none_ever_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "e").write_text("content")
    source = Source(NAME, repository=NAME)
    with hub_of(tmp_path) as (address, requests):
        ask(monkeypatch, address)
        assert fetch(source, "f", "g") is None
        assert downloads(requests) == []
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert fetch(source, "f") is None
    with pytest.raises(EncoderError, match="Can't reach the hub for e of owner/name"):
        fetch(source, "e")


@pytest.mark.usefixtures("cache")
def test_facts_of_a_repository_need_no_weights_and_no_second_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = write_tiny(tmp_path / "tiny", "wav2vec2")
    (folder / "README.md").write_text("is not read")
    capfd.readouterr()
    with hub_of(folder) as (address, requests):
        ask(monkeypatch, address)
        facts = encoder_facts(f"{NAME}@{COMMIT}")
        assert downloads(requests) == ["config.json", "preprocessor_config.json"]
        requests.clear()
        assert encoder_facts(f"{NAME}@{COMMIT}") == facts == (16000, MIN_SAMPLES)
        assert requests == []
    assert capfd.readouterr() == ("", "")  # no bar for what takes no time


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("both", [True, False])
def test_safetensors_are_read_and_a_pickle_only_where_there_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, both: bool
) -> None:
    folder = write_tiny(tmp_path / "tiny", "wav2vec2" if both else "mert")
    if both:
        (folder / "pytorch_model.bin").write_bytes(b"unreadable")
    weights = "model.safetensors" if both else "pytorch_model.bin"
    small = ["config.json", "preprocessor_config.json"]
    with hub_of(folder) as (address, requests):
        ask(monkeypatch, address)
        online = load_encoder(NAME)
        assert downloads(requests) == sorted([*small, weights])
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert load_encoder(NAME).fingerprint() == online.fingerprint()


@pytest.mark.usefixtures("cache")
def test_all_files_are_those_of_one_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_tiny(tmp_path / "tiny", "wav2vec2")
    with hub_of(folder) as (address, requests):
        ask(monkeypatch, address)
        load_encoder(f"{NAME}@v1")
    # The branch is looked up once, whatever happens to it meanwhile.
    assert [r for r in requests if "v1" in r] == [
        "GET /api/models/owner/name/revision/v1"
    ]


def test_a_broken_json_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text("{")
    with pytest.raises(EncoderError, match=r"Can't read .*config\.json \(Expecting"):
        read_json(path)
    path.write_text("[]")
    with pytest.raises(EncoderError, match="holds no JSON object"):
        read_json(path)
    path.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(EncoderError, match=r"Can't read .*config\.json"):
        read_json(path)


@pytest.mark.usefixtures("cache")
def test_a_cached_commit_is_read_though_no_hub_answers(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As crossemo 0.1 and transformers fill the cache: file by file, without a listing.
    fill_cache(cache, NAME, write_tiny(tmp_path / "tiny", "wav2vec2"))
    with hub_of(tmp_path) as (address, requests):
        ask(monkeypatch, address)
        load_encoder(f"{NAME}@{COMMIT}")
        assert requests == []


def test_a_folder_of_the_hub_s_cache_is_known_for_its_repository(
    tmp_path: Path, cache: Path
) -> None:
    folder = tmp_path / "repository"
    folder.mkdir()
    fill_cache(cache, NAME, folder)
    (snapshot,) = cache.glob("models--*/snapshots/*")
    assert repositories_of(Source("here", folder=snapshot), None) == {NAME}
    both = repositories_of(Source("here", folder=snapshot), "owner/origin")
    assert both == {NAME, "owner/origin"}
    assert repositories_of(Source("here", folder=tmp_path), "a folder") == frozenset()
